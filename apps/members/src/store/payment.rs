//! Payments that top-ups answer.

use jiff::Timestamp;
use purser_money::{Currency, Money};
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// A payment that a wallet was topped up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) id: Uuid,
    pub(crate) member: Uuid,
    pub(crate) amount: Money,
    pub(crate) reference: String,
    /// The first payment with the same reference, where that is meant.
    pub(crate) repeats: Option<Uuid>,
    pub(crate) actor: String,
    pub(crate) created_at: Timestamp,
}

/// The first payment whose reference has this form.
pub(crate) fn payment_by_form(tx: &mut ReadTx<'_>, form: &str, currency: Currency) -> Result<Option<Payment>, Error> {
    tx.query_opt(
        "SELECT id, member, amount, reference, repeats, actor, created_at FROM members_payment
         WHERE form = ?1 AND repeats IS NULL",
        &params![form],
        |row| {
            Ok(Payment {
                id: row.get(0)?,
                member: row.get(1)?,
                amount: Money::new(row.get(2)?, currency),
                reference: row.get(3)?,
                repeats: row.get(4)?,
                actor: row.get(5)?,
                created_at: row.get(6)?,
            })
        },
    )
}

pub(crate) fn payment_insert(tx: &mut WriteTx<'_>, payment: &Payment, form: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO members_payment (id, member, amount, reference, form, repeats, actor, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &params![
            payment.id,
            payment.member,
            payment.amount.minor(),
            &payment.reference,
            form,
            payment.repeats,
            &payment.actor,
            payment.created_at,
        ],
    )?;
    Ok(())
}
