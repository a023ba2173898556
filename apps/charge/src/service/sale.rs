//! One sale's life: reserved, delivered by an operator, settled, found again, reversed.

use jiff::Timestamp;
use purser_ledger::{Book, EntryId, NewEntry, NewHold, hold_capture_split, hold_place, hold_release, reverse};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::phone::{NewPhone, phone_create};
use crate::connector::ConnectorName;
use crate::domain::{Sale, SaleStatus, Settings};
use crate::error::Error;
use crate::sale::batch::{SaleOrder, sale_parts};
use crate::sale::facts::{QuoteDetail, quote_one};
use crate::store::{self, NewSale, RecordFilter};

/// What is known of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaleOutcome {
    /// The operator charged the number.
    Completed {
        /// The operator's name for it.
        operator_ref: Option<String>,
    },
    /// The operator did not, and will not.
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// The operator's answer is not known.
    Unknown {
        /// Why, for people.
        reason: String,
    },
}

/// Sets the credit of a sale aside and writes it down as submitted: the operator is asked after the commit.
///
/// # Errors
/// The rule that refuses the sale; nothing is left of it then.
pub fn sale_reserve(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    order: &SaleOrder,
    connector: ConnectorName,
) -> Result<Sale, Error> {
    let QuoteDetail { quote, phone, credit, .. } = quote_one(tx, settings, &order.request())?;
    let priced = quote.priced;
    let phone = match phone {
        Some(phone) => phone,
        None => {
            let new = NewPhone { id: order.phone_id, number: order.number.clone(), label: None };
            phone_create(tx, order.now, settings, &new)?
        }
    };
    let reason = format!("Charge for {}", order.number);
    let hold = NewHold {
        id: order.id,
        account: quote.account,
        amount: priced.price,
        actor: order.actor.clone(),
        reason,
        // Never by itself: what an operator may have delivered is not given back because time has passed.
        expires_at: None,
    };
    hold_place(tx, order.now, &hold)?;
    store::sales_insert(
        tx,
        &[NewSale {
            id: order.id,
            seller: order.seller,
            phone: phone.id,
            amount: order.amount,
            priced,
            status: SaleStatus::Submitted,
            connector: connector.as_str(),
            client_ref: order.client_ref.as_deref(),
            actor: &order.actor,
            credit_after: credit,
            entry: None,
            created_at: order.now,
            settled_at: None,
        }],
    )?;
    sale_get(tx, settings, order.id)
}

/// The sale with this id.
///
/// # Errors
/// [`Error::NoSale`].
pub fn sale_get(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Sale, Error> {
    store::sale_find(tx, id, settings.currency)?.ok_or(Error::NoSale)
}

/// The sale that a seller made under its own reference. Without a seller the reference must be of one seller only.
///
/// # Errors
/// [`Error::NoSale`], [`Error::AmbiguousRef`].
pub fn sale_by_ref(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    client_ref: &str,
    seller: Option<Uuid>,
) -> Result<Sale, Error> {
    let filter = RecordFilter { seller, client_ref: Some(client_ref.to_owned()), limit: 10, ..RecordFilter::default() };
    let mut found = store::sales_list(tx, &filter, settings.currency)?;
    match (found.pop(), found.len()) {
        (None, _) => Err(Error::NoSale),
        (Some(sale), 0) => Ok(sale),
        (Some(_), others) => Err(Error::AmbiguousRef(others + 1)),
    }
}

/// Writes down what is known of a delivery. The same word twice changes nothing, so that a callback and the operator's
/// own answer may come in any order and any number.
///
/// # Errors
/// [`Error::NoSale`]; [`Error::Settled`] where the word contradicts what is settled already.
pub fn sale_settle(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    id: Uuid,
    outcome: &SaleOutcome,
) -> Result<Sale, Error> {
    let mut sale = sale_get(tx, settings, id)?;
    match (sale.status, outcome) {
        (SaleStatus::Submitted | SaleStatus::Unknown, SaleOutcome::Completed { operator_ref }) => {
            complete(tx, now, &mut sale, operator_ref.as_deref())?;
        }
        (SaleStatus::Submitted | SaleStatus::Unknown, SaleOutcome::Failed { reason }) => {
            hold_release(tx, now, id)?;
            sale.status = SaleStatus::Failed;
            sale.reason = Some(clipped(reason));
            sale.settled_at = Some(now);
        }
        (SaleStatus::Submitted | SaleStatus::Unknown, SaleOutcome::Unknown { reason }) => {
            sale.status = SaleStatus::Unknown;
            sale.reason = Some(clipped(reason));
            store::sale_queried(tx, id, now)?;
        }
        // A reversed sale was completed once, and its credit is back: neither word is against that.
        (SaleStatus::Completed, SaleOutcome::Completed { .. } | SaleOutcome::Unknown { .. })
        | (SaleStatus::Failed, SaleOutcome::Failed { .. } | SaleOutcome::Unknown { .. })
        | (SaleStatus::Reversed, _) => return Ok(sale),
        (settled, _) => return Err(Error::Settled(settled)),
    }
    store::sale_update(tx, &sale, None)?;
    Ok(sale)
}

/// A sale whose outcome a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The sale, as it is now.
    pub sale: Sale,
    /// Whether the number was charged.
    pub completed: bool,
    reason: String,
}

/// The sale with this id, where its outcome is unknown.
///
/// # Errors
/// [`Error::NoSale`]; [`Error::Settled`] unless it is unknown.
pub fn sale_unknown(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Sale, Error> {
    let sale = sale_get(tx, settings, id)?;
    if sale.status == SaleStatus::Unknown { Ok(sale) } else { Err(Error::Settled(sale.status)) }
}

/// Decides on settling a sale whose outcome is unknown on a person's word, which is kept as the reason.
///
/// # Errors
/// [`Error::NoSale`]; [`Error::Settled`] unless it is unknown.
pub fn resolution_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
    completed: bool,
    reason: String,
) -> Result<Resolution, Error> {
    Ok(Resolution { sale: sale_unknown(tx, settings, id)?, completed, reason })
}

/// Settles the sale.
///
/// # Errors
/// The ledger's and the store's.
pub fn resolution_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    resolution: Resolution,
) -> Result<Sale, Error> {
    let Resolution { sale, completed, reason } = resolution;
    let outcome = if completed {
        SaleOutcome::Completed { operator_ref: None }
    } else {
        SaleOutcome::Failed { reason: reason.clone() }
    };
    let mut sale = sale_settle(tx, now, settings, sale.id, &outcome)?;
    sale.reason = Some(clipped(&reason));
    store::sale_update(tx, &sale, None)?;
    Ok(sale)
}

/// Captures the hold: seller's credit → phone and margin.
fn complete(tx: &mut WriteTx<'_>, now: Timestamp, sale: &mut Sale, operator_ref: Option<&str>) -> Result<(), Error> {
    let phone = store::phones_by_number(tx, &[&sale.number])?.pop().ok_or(Error::NoPhone)?;
    let entry = NewEntry {
        kind: "charge.sale",
        actor: "system:charge".to_owned(),
        memo: format!("Charge for {}", sale.number),
        reference: Some(sale.id.to_string()),
    };
    let margin = store::operator::catalog_load(tx)?.margin;
    let parts = sale_parts(&sale.priced, phone.account, margin)?;
    sale.entry = Some(hold_capture_split(tx, now, sale.id, &parts, entry)?);
    sale.credit_after = credit(tx, sale)?;
    sale.status = SaleStatus::Completed;
    sale.operator_ref = operator_ref.map(clipped_ref);
    sale.reason = None;
    sale.settled_at = Some(now);
    Ok(())
}

fn credit(tx: &mut ReadTx<'_>, sale: &Sale) -> Result<Money, Error> {
    let seller = store::seller_find(tx, sale.seller, sale.amount.currency())?.ok_or(Error::NoSeller)?;
    let book = Book::open(tx, [seller.account])?;
    Ok(book.balance(seller.account)?)
}

/// A completed sale that may be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleReversal {
    /// The sale, as it is now.
    pub sale: Sale,
    entry: EntryId,
    reason: String,
}

/// Decides on taking a completed sale back, once.
///
/// # Errors
/// [`Error::NoSale`], [`Error::NotReversible`].
pub fn sale_reversal_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
    reason: &str,
) -> Result<SaleReversal, Error> {
    let sale = sale_get(tx, settings, id)?;
    match sale.entry.filter(|_| sale.status == SaleStatus::Completed) {
        Some(entry) => Ok(SaleReversal { sale, entry, reason: reason.to_owned() }),
        None => Err(Error::NotReversible(sale.status)),
    }
}

/// Takes the sale back: the credit returns to the seller by a reversal that names the posting.
///
/// # Errors
/// The ledger's and the store's.
pub fn sale_reversal_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    reversal: SaleReversal,
    actor: &str,
) -> Result<Sale, Error> {
    let SaleReversal { mut sale, entry, reason } = reversal;
    let reversal = NewEntry {
        kind: "charge.reversal",
        actor: actor.to_owned(),
        memo: format!("Charge for {} reversed: {reason}", sale.number),
        reference: Some(sale.id.to_string()),
    };
    let reversal = reverse(tx, now, entry, reversal)?;
    sale.status = SaleStatus::Reversed;
    sale.reason = Some(clipped(&reason));
    store::sale_update(tx, &sale, Some(reversal))?;
    Ok(sale)
}

/// An operator's words are not ours to bound, and our column is.
pub(super) fn clipped(text: &str) -> String {
    text.chars().take(500).collect()
}

pub(super) fn clipped_ref(text: &str) -> String {
    text.chars().take(200).collect()
}
