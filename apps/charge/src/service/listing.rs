//! The sales of one seller, or to one number, newest first.
//!
//! No index keeps them: it would cost every sale a random page. Those that moved credit stand on the ledger's chain of
//! the account; those that moved none are few, and have an index of their own. A page merges the two, and its cursor
//! says how far each of them was read, so that nothing is skipped or told twice, whatever their clocks say.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use purser_ledger::{AccountId, TransferId, statement};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use crate::domain::{PhoneNumber, Sale, SaleStatus, Settings};
use crate::error::Error;
use crate::store::{self, Owner};

/// Lines of the chain read at once.
const STRIDE: u32 = 256;

/// Which sales of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaleQuery {
    /// Of this seller only.
    pub seller: Option<Uuid>,
    /// To this number only.
    pub number: Option<PhoneNumber>,
    /// In this state only.
    pub status: Option<SaleStatus>,
    /// Of this operator's numbers only.
    pub operator: Option<Uuid>,
    /// Asked for at this moment or later only.
    pub from: Option<Timestamp>,
    /// Asked for before this moment only.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub after: SaleCursor,
    /// At most so many.
    pub limit: u32,
}

impl SaleQuery {
    /// The newest sales of a seller.
    #[must_use]
    pub fn of_seller(seller: Uuid, limit: u32) -> Self {
        SaleQuery { seller: Some(seller), limit, ..SaleQuery::default() }
    }
}

/// How far a list was read: the last posting told, and the last sale without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaleCursor {
    moved: Option<TransferId>,
    unmoved: Option<Uuid>,
}

impl fmt::Display for SaleCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (moved, unmoved) = (self.moved.map_or(0, TransferId::get), self.unmoved.unwrap_or_default());
        write!(f, "{moved}.{}", unmoved.simple())
    }
}

impl FromStr for SaleCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (moved, unmoved) = text.split_once('.').ok_or(())?;
        let moved: i64 = moved.parse().map_err(|_| ())?;
        let unmoved = Uuid::try_parse(unmoved).map_err(|_| ())?;
        Ok(SaleCursor {
            moved: Some(moved).filter(|id| *id > 0).map(TransferId::from_cursor),
            unmoved: Some(unmoved).filter(|id| !id.is_nil()),
        })
    }
}

/// A page of sales, and where the next one begins, if there is one.
pub type SalePage = (Vec<Sale>, Option<SaleCursor>);

/// The newest sales of a seller, or to a number (then perhaps of one seller only). One that is not there has none.
///
/// # Errors
/// [`Error::NoSeller`] where neither is given; else the store's.
pub fn sales_page(tx: &mut ReadTx<'_>, settings: &Settings, query: &SaleQuery) -> Result<SalePage, Error> {
    let currency = settings.currency;
    let (owner, account) = match &query.number {
        Some(number) => match store::phones_by_number(tx, &[number])?.pop() {
            Some(phone) => (Owner::Phone(phone.id), phone.account),
            None => return Ok((Vec::new(), None)),
        },
        None => {
            let id = query.seller.ok_or(Error::NoSeller)?;
            match store::seller_find(tx, id, currency)? {
                Some(seller) => (Owner::Seller(id), seller.account),
                None => return Ok((Vec::new(), None)),
            }
        }
    };
    let moved = moved(tx, account, query, currency)?;
    let unmoved = unmoved(tx, owner, query, currency)?;
    Ok(merge(moved, unmoved, query))
}

impl SaleQuery {
    fn wants(&self, sale: &Sale) -> bool {
        self.seller.is_none_or(|seller| seller == sale.seller)
            && self.status.is_none_or(|status| status == sale.status)
            && self.operator.is_none_or(|operator| sale.priced.operator == Some(operator))
            && self.from.is_none_or(|from| sale.created_at >= from)
            && self.until.is_none_or(|until| sale.created_at < until)
    }
}

/// Sales on the account's chain: one more than the page takes, if there are so many.
fn moved(
    tx: &mut ReadTx<'_>,
    account: AccountId,
    query: &SaleQuery,
    currency: Currency,
) -> Result<Vec<(TransferId, Sale)>, Error> {
    let mut found = Vec::new();
    if query.status.is_some_and(|status| status.is_open() || status == SaleStatus::Failed) {
        return Ok(found);
    }
    let mut before = query.after.moved;
    while found.len() <= query.limit as usize {
        let lines = statement(tx, account, before, STRIDE)?;
        let Some(last) = lines.last() else { break };
        before = Some(last.transfer);
        // A sale with a margin moves the seller's credit twice: the part that its number got stands for it.
        let of_sales =
            lines.iter().filter(|line| line.kind == "charge.sale" && line.counterpart.as_str() != "charge:margin");
        let ids: Vec<(TransferId, Uuid)> =
            of_sales.filter_map(|line| Some((line.transfer, line.reference.as_deref()?.parse().ok()?))).collect();
        let wanted: Vec<Uuid> = ids.iter().map(|(_, id)| *id).collect();
        let sales = store::sales_by_id(tx, &wanted, currency)?;
        let mut sales: HashMap<Uuid, Sale> = sales.into_iter().map(|sale| (sale.id, sale)).collect();
        let in_order = ids.into_iter().filter_map(|(transfer, id)| Some((transfer, sales.remove(&id)?)));
        found.extend(in_order.filter(|(_, sale)| query.wants(sale)));
        // A sale is posted when it was asked for, or later: what follows on the chain is older still.
        if query.from.is_some_and(|from| last.at < from) {
            break;
        }
    }
    Ok(found)
}

/// Sales that moved nothing: one more than the page takes, if there are so many.
fn unmoved(tx: &mut ReadTx<'_>, owner: Owner, query: &SaleQuery, currency: Currency) -> Result<Vec<Sale>, Error> {
    let mut found = Vec::new();
    if query.status.is_some_and(|status| !status.is_open() && status != SaleStatus::Failed) {
        return Ok(found);
    }
    let mut before = query.after.unmoved;
    while found.len() <= query.limit as usize {
        let sales = store::sales_unmoved(tx, owner, before, STRIDE, currency)?;
        let Some(last) = sales.last() else { break };
        before = Some(last.id);
        found.extend(sales.into_iter().filter(|sale| query.wants(sale)));
    }
    Ok(found)
}

/// The newer of the two heads, again and again.
fn merge(moved: Vec<(TransferId, Sale)>, unmoved: Vec<Sale>, query: &SaleQuery) -> SalePage {
    let (mut moved, mut unmoved) = (moved.into_iter().peekable(), unmoved.into_iter().peekable());
    let (mut page, mut cursor) = (Vec::new(), query.after);
    while page.len() < query.limit as usize {
        let from_chain = match (moved.peek(), unmoved.peek()) {
            (Some((_, moved)), Some(unmoved)) => moved.id > unmoved.id,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return (page, None),
        };
        if from_chain && let Some((transfer, sale)) = moved.next() {
            cursor.moved = Some(transfer);
            page.push(sale);
        } else if let Some(sale) = unmoved.next() {
            cursor.unmoved = Some(sale.id);
            page.push(sale);
        }
    }
    let more = moved.peek().is_some() || unmoved.peek().is_some();
    (page, more.then_some(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_written() {
        let some = SaleCursor { moved: Some(TransferId::from_cursor(7)), unmoved: Some(Uuid::from_u128(9)) };
        for cursor in [SaleCursor::default(), some] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "7", "x.00000000000000000000000000000000", "7.zz", "."] {
            assert_eq!(bad.parse::<SaleCursor>(), Err(()), "{bad}");
        }
    }
}
