//! Payments that the bank names for a withdrawal that there is not: kept, so that their UTR pays nothing else.

use purser_kit::console::RequestContext;
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::contradiction::ContradictionState;
use crate::error::Error;
use crate::store::unmatched as store;
use crate::unmatched::{NAMED, UnmatchedPayment};
use crate::utr::Utr;

/// What a file of the bank says of a withdrawal that there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewUnmatchedPayment {
    /// What the bank calls the withdrawal.
    pub(crate) named: String,
    /// The payment.
    pub(crate) utr: Utr,
    /// What it says was paid.
    pub(crate) paid: Option<Money>,
}

/// Keeps what was found, once, and puts it on record.
pub(crate) fn unmatched_store(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    new: &NewUnmatchedPayment,
) -> Result<bool, Error> {
    let named: String = new.named.chars().take(NAMED).collect();
    let paid = new.paid.map(|paid| format!(" {}", paid.for_people())).unwrap_or_default();
    let one = UnmatchedPayment {
        id: cx.new_id(),
        told: format!(
            "The bank says that it paid{paid} with the UTR {} for '{named}'. There is no such withdrawal.",
            new.utr.as_str()
        ),
        named,
        utr: new.utr.clone(),
        paid: new.paid,
        found_by: cx.actor.clone(),
        found_at: cx.now,
        state: ContradictionState::Open,
        decided: None,
        reason: None,
    };
    let is_new = store::unmatched_insert(tx, &one)?;
    if is_new {
        let entered = serde_json::json!({ "bank": one.told, "utr": one.utr.as_str() });
        let subject = format!("coins:unmatched:{}", one.id);
        cx.record(tx, "coins.unmatched.found", &subject, &serde_json::json!({ "entered": entered }))?;
    }
    Ok(is_new)
}

/// Refuses a UTR that the bank has named for a withdrawal that there is not.
pub(super) fn utr_matched(tx: &mut ReadTx<'_>, utr: &Utr) -> Result<(), Error> {
    match store::unmatched_with(tx, utr)? {
        Some(one) => Err(Error::UtrUnmatched { utr: utr.clone(), named: one.named, payment: one.id }),
        None => Ok(()),
    }
}

/// The payment with this id, where nobody decided on it yet.
///
/// # Errors
/// [`Error::NoUnmatched`], [`Error::Decided`].
pub fn unmatched_open(tx: &mut ReadTx<'_>, id: Uuid) -> Result<UnmatchedPayment, Error> {
    let one = store::unmatched_find(tx, id)?.ok_or(Error::NoUnmatched)?;
    if one.state == ContradictionState::Open { Ok(one) } else { Err(Error::Decided(one.state)) }
}

/// Puts one away that needs nothing more. Its UTR is free again. `reason` has 1 to 500 characters.
///
/// # Errors
/// [`Error::NoUnmatched`], [`Error::Decided`] where somebody was first.
pub fn unmatched_dismiss(
    tx: &mut WriteTx<'_>,
    cx: &RequestContext,
    id: Uuid,
    reason: &str,
) -> Result<UnmatchedPayment, Error> {
    let one = unmatched_open(tx, id)?;
    let decided = Some((cx.actor.clone(), cx.now));
    let one =
        UnmatchedPayment { state: ContradictionState::Dismissed, decided, reason: Some(reason.to_owned()), ..one };
    if store::unmatched_decide(tx, &one)? { Ok(one) } else { Err(Error::Decided(one.state)) }
}
