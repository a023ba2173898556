//! Phone numbers.

use purser_ledger::AccountId;
use purser_store::{BulkStatement, Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::{Conditions, RecordFilter, read_status};
use crate::domain::{Phone, PhoneNumber};
use crate::service::Spelling;

const PHONE_SELECT: &str = "SELECT id, number, label, status, account, created_at, updated_at FROM charge_phone";

fn read_phone(row: &Row<'_>) -> Result<Phone, Error> {
    Ok(Phone {
        id: row.get(0)?,
        number: PhoneNumber::from_column(row.get(1)?),
        label: row.get(2)?,
        status: read_status(row, 3)?,
        account: AccountId::from_column(row.get(4)?),
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
    })
}

pub(crate) fn phone_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Phone>, Error> {
    tx.query_opt(&format!("{PHONE_SELECT} WHERE id = ?1"), &params![id], read_phone)
}

const PHONES_BY_ID: BulkStatement = BulkStatement {
    sqlite: "SELECT id, number, label, status, account, created_at, updated_at FROM charge_phone WHERE id = ?1",
    postgres: "SELECT id, number, label, status, account, created_at, updated_at
        FROM charge_phone WHERE id = ANY(?1::uuid[])",
};

/// The numbers of these ids; of those that are gone, nothing.
pub(crate) fn phones_of(tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<Vec<Phone>, Error> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&PHONES_BY_ID, &rows, read_phone)
}

pub(crate) fn phones_list(tx: &mut ReadTx<'_>, filter: &RecordFilter) -> Result<Vec<Phone>, Error> {
    let mut conditions = Conditions::new();
    conditions.add("number = ?", filter.number.as_ref().map(PhoneNumber::as_str));
    conditions.add("id < ?", filter.before);
    let (sql, params) = conditions.page(PHONE_SELECT, "id", filter.limit);
    tx.query(&sql, &params, read_phone)
}

const PHONES_BY_NUMBER: BulkStatement = BulkStatement {
    sqlite: "SELECT id, number, label, status, account, created_at, updated_at FROM charge_phone WHERE number = ?1",
    postgres: "SELECT id, number, label, status, account, created_at, updated_at
        FROM charge_phone WHERE number = ANY(?1::text[])",
};

pub(crate) fn phones_by_number(tx: &mut ReadTx<'_>, numbers: &[&PhoneNumber]) -> Result<Vec<Phone>, Error> {
    let rows: Vec<_> = numbers.iter().map(|number| params![number.as_str()]).collect();
    tx.query_bulk(&PHONES_BY_NUMBER, &rows, read_phone)
}

const PHONE_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO charge_phone (id, number, label, status, account, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    postgres: "INSERT INTO charge_phone (id, number, label, status, account, created_at, updated_at)
        SELECT * FROM UNNEST(?1::uuid[], ?2::text[], ?3::text[], ?4::text[], ?5::bigint[], ?6::bigint[], ?7::bigint[])",
};

pub(crate) fn phones_insert(tx: &mut WriteTx<'_>, phones: &[Phone]) -> Result<(), Error> {
    let rows: Vec<_> = phones
        .iter()
        .map(|phone| {
            let Phone { id, number, label, status, account, created_at, updated_at } = phone;
            params![*id, number.as_str(), label.as_deref(), status.name(), account.get(), *created_at, *updated_at]
        })
        .collect();
    tx.execute_bulk(&PHONE_INSERT, &rows).map(drop)
}

pub(crate) fn phone_update(tx: &mut WriteTx<'_>, phone: &Phone) -> Result<(), Error> {
    tx.execute(
        "UPDATE charge_phone SET label = ?2, status = ?3, updated_at = ?4 WHERE id = ?1",
        &params![phone.id, phone.label.as_deref(), phone.status.name(), phone.updated_at],
    )?;
    Ok(())
}

/// Numbers that were never looked at by their country's plan.
pub(crate) fn phones_unchecked(tx: &mut ReadTx<'_>, limit: u32) -> Result<Vec<Phone>, Error> {
    tx.query(&format!("{PHONE_SELECT} WHERE is_checked = 0 ORDER BY id LIMIT ?1"), &params![limit], read_phone)
}

/// Notes what a number turned out to be.
pub(crate) fn phone_checked(tx: &mut WriteTx<'_>, id: Uuid, spelling: &Spelling) -> Result<(), Error> {
    let (number, same_as, is_unfit) = match spelling {
        Spelling::Normal => (None, None, 0_i64),
        Spelling::Renamed(number) => (Some(number.as_str()), None, 0),
        Spelling::SameAs(other) => (None, Some(*other), 0),
        Spelling::Unfit => (None, None, 1),
    };
    tx.execute(
        "UPDATE charge_phone SET is_checked = 1, number = COALESCE(?2, number), same_as = ?3, is_unfit = ?4 WHERE id = ?1",
        &params![id, number, same_as, is_unfit],
    )?;
    Ok(())
}

pub(crate) fn phone_delete(tx: &mut WriteTx<'_>, id: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM charge_phone WHERE id = ?1", &params![id]).map(drop)
}

pub(crate) fn phone_has_history(tx: &mut ReadTx<'_>, id: Uuid) -> Result<bool, Error> {
    let found = tx.query_opt(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM charge_sale WHERE phone = ?1 AND entry IS NULL)
             OR EXISTS (SELECT 1 FROM charge_phone p JOIN ledger_balance b ON b.account = p.account
                        WHERE p.id = ?1 AND b.postings > 0)",
        &params![id],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}
