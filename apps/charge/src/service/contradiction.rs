//! What operators say against what is settled: kept, and put right by a person's decision.

use jiff::Timestamp;
use purser_ledger::{Book, NewEntry, Transfer};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::credit::insufficient;
use super::sale::{SaleOutcome, clipped, clipped_ref, sale_get, sale_reversal_apply, sale_reversal_plan, sale_settle};
use super::seller_get;
use crate::contradiction::{ContradictionDecision, ContradictionStatus, SaleContradiction, WordSource, contradicts};
use crate::domain::{Sale, SaleStatus, Settings};
use crate::error::Error;
use crate::sale::batch::sale_parts;
use crate::store::contradiction::{
    NewContradiction, contradiction_decide, contradiction_find, contradiction_insert, contradiction_newest,
    contradiction_withdrawn,
};
use crate::store::{self, operator::catalog_load};

/// What has come of an operator's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorClaimResult {
    /// The sale as it is now.
    pub sale: Sale,
    /// Whether the word contradicts what was settled before, and was kept.
    pub contradicts: bool,
    /// Whether staff dismissed the same word before.
    pub dismissed: bool,
}

/// Writes down what an operator says of a sale. A word against what is settled changes nothing and is kept for staff,
/// once each time that the operator changes its word, under the fresh `id`.
///
/// # Errors
/// [`Error::NoSale`].
pub fn sale_hear(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    sale: Uuid,
    outcome: &SaleOutcome,
    source: WordSource,
    id: Uuid,
) -> Result<OperatorClaimResult, Error> {
    let before = sale_get(tx, settings, sale)?;
    let (said, operator_ref, words) = match outcome {
        _ if before.status.is_open() => {
            let sale = sale_settle(tx, now, settings, sale, outcome)?;
            return Ok(OperatorClaimResult { sale, contradicts: false, dismissed: false });
        }
        SaleOutcome::Unknown { .. } => {
            return Ok(OperatorClaimResult { sale: before, contradicts: false, dismissed: false });
        }
        SaleOutcome::Completed { operator_ref } => {
            (SaleStatus::Completed, operator_ref.as_deref().map(clipped_ref), None)
        }
        SaleOutcome::Failed { reason } => (SaleStatus::Failed, None, Some(clipped(reason))),
    };
    let newest = contradiction_newest(tx, sale, settings.currency)?;
    if !contradicts(before.status, said, newest.as_ref()) {
        if let Some(kept) = newest.filter(|kept| kept.is_taken_back_by(said)) {
            contradiction_withdrawn(tx, kept.id, Some(now))?;
        }
        return Ok(OperatorClaimResult { sale: before, contradicts: false, dismissed: false });
    }
    if let Some(kept) = newest.filter(|kept| kept.is_same(said)) {
        if kept.withdrawn_at.is_some() {
            contradiction_withdrawn(tx, kept.id, None)?;
        }
        let dismissed = kept.status == ContradictionStatus::Dismissed;
        return Ok(OperatorClaimResult { sale: before, contradicts: true, dismissed });
    }
    let new = NewContradiction {
        id,
        sale,
        settled: before.status,
        said,
        source,
        operator_ref: operator_ref.as_deref(),
        words: words.as_deref(),
        created_at: now,
    };
    let is_news = contradiction_insert(tx, &new)?;
    let (settled, said) = (before.status.name(), said.name());
    tracing::error!(sale = %sale, settled, said, is_news, "[CHARGE] an operator contradicts a settled sale; staff must decide");
    Ok(OperatorClaimResult { sale: before, contradicts: true, dismissed: false })
}

/// The contradiction with this id.
///
/// # Errors
/// [`Error::NoContradiction`].
pub fn contradiction_get(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<SaleContradiction, Error> {
    contradiction_find(tx, id, settings.currency)?.ok_or(Error::NoContradiction)
}

/// Refuses a decision that a contradiction does not take, or no longer.
fn contradiction_fits(contradiction: &SaleContradiction, decision: ContradictionDecision) -> Result<(), Error> {
    if contradiction.status != ContradictionStatus::Open {
        return Err(Error::ContradictionDecided(contradiction.status));
    }
    if decision.fits(contradiction.said) { Ok(()) } else { Err(Error::UnfitDecision(contradiction.said.name())) }
}

/// A decision on a contradiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContradictionSettlement {
    /// The contradiction, as it is now.
    pub contradiction: SaleContradiction,
    /// What is decided.
    pub decision: ContradictionDecision,
    reason: String,
}

/// Decides on a contradiction, once.
///
/// # Errors
/// [`Error::NoContradiction`], [`Error::ContradictionDecided`], [`Error::UnfitDecision`], [`Error::InsufficientCredit`];
/// [`Error::Settled`] or [`Error::NotReversible`] where the sale is not what it was.
pub fn settlement_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
    decision: ContradictionDecision,
    reason: &str,
) -> Result<ContradictionSettlement, Error> {
    let contradiction = contradiction_get(tx, settings, id)?;
    contradiction_fits(&contradiction, decision)?;
    match decision {
        ContradictionDecision::Charge => {
            let sale = sale_get(tx, settings, contradiction.sale)?;
            if !matches!(sale.status, SaleStatus::Failed | SaleStatus::Reversed) {
                return Err(Error::Settled(sale.status));
            }
            let (available, needed) = (seller_get(tx, settings, sale.seller)?.available(), sale.priced.price);
            if available < needed {
                return Err(Error::InsufficientCredit { available, needed });
            }
        }
        ContradictionDecision::GiveBack => drop(sale_reversal_plan(tx, settings, contradiction.sale, reason)?),
        ContradictionDecision::Dismiss => {}
    }
    Ok(ContradictionSettlement { contradiction, decision, reason: reason.to_owned() })
}

/// Settles the contradiction: charges the seller by a new posting, gives the credit back by a reversal, or leaves what
/// was settled.
///
/// # Errors
/// The ledger's and the store's.
pub fn settlement_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    settlement: ContradictionSettlement,
    actor: &str,
) -> Result<SaleContradiction, Error> {
    let ContradictionSettlement { contradiction, decision, reason } = settlement;
    match decision {
        ContradictionDecision::Charge => sale_charge(tx, now, settings, &contradiction, actor, &reason)?,
        ContradictionDecision::GiveBack => {
            let reversal = sale_reversal_plan(tx, settings, contradiction.sale, &reason)?;
            sale_reversal_apply(tx, now, reversal, actor)?;
        }
        ContradictionDecision::Dismiss => {}
    }
    // It was open a moment ago, in this same transaction. Were it not, no refusal would do: the posting is written.
    if contradiction_decide(tx, contradiction.id, decision.status(), actor, now, &clipped(&reason))? {
        contradiction_get(tx, settings, contradiction.id)
    } else {
        Err(Error::Bug("a contradiction that was open could not be decided"))
    }
}

/// Charges a failed or reversed sale after all: seller's credit → phone and margin, at the price of then.
fn sale_charge(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    contradiction: &SaleContradiction,
    actor: &str,
    reason: &str,
) -> Result<(), Error> {
    let mut sale = sale_get(tx, settings, contradiction.sale)?;
    let seller = seller_get(tx, settings, sale.seller)?;
    let phone = store::phones_by_number(tx, &[&sale.number])?.pop().ok_or(Error::NoPhone)?;
    let parts = sale_parts(&sale.priced, phone.account, catalog_load(tx)?.margin)?;
    let accounts: Vec<_> = parts.iter().map(|(account, _)| *account).chain([seller.account]).collect();
    let transfers: Vec<Transfer> =
        parts.into_iter().map(|(credit, amount)| Transfer { debit: seller.account, credit, amount }).collect();
    let entry = NewEntry {
        kind: "charge.sale",
        actor: actor.to_owned(),
        memo: format!("Charge for {}, after its operator said that it was made: {reason}", sale.number),
        reference: Some(sale.id.to_string()),
    };
    let mut book = Book::open(tx, accounts)?;
    let posted = book.post(now, entry, &transfers).map_err(insufficient)?;
    sale.credit_after = book.balance(seller.account)?;
    let entries = book.write(tx)?;
    sale.entry = Some(entries.of(posted)?);
    sale.status = SaleStatus::Completed;
    sale.operator_ref = contradiction.operator_ref.clone().or(sale.operator_ref);
    sale.reason = Some(clipped(reason));
    sale.settled_at = Some(now);
    store::sale_update(tx, &sale, None)?;
    Ok(())
}
