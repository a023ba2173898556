//! A UTR that was entered wrongly.

use purser_kit::console::RequestContext;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::decide::is_own;
use super::withdrawal::withdrawal_get;
use crate::domain::Withdrawal;
use crate::error::Error;
use crate::store::utr::{UtrChange, utr_change_insert, utr_set};
use crate::store::withdrawal::withdrawal_by_utr;
use crate::utr::Utr;

/// Gives a paid withdrawal another UTR: [`utr_plan`] decides, then [`utr_apply`] does it.
///
/// # Errors
/// Those of the plan.
pub fn utr_correct(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    id: Uuid,
    utr: &Utr,
    reason: &str,
) -> Result<Withdrawal, Error> {
    let plan = utr_plan(tx, cx, id, utr, reason)?;
    utr_apply(tx, cx, plan)
}

/// Another UTR that a paid withdrawal may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtrCorrection {
    /// The withdrawal, as it is now.
    pub withdrawal: Withdrawal,
    old: Utr,
    new: Utr,
    reason: String,
}

/// The UTR of a withdrawal that this person may correct.
///
/// # Errors
/// [`Error::NoWithdrawal`]; [`Error::NoUtr`] where it was never paid; [`Error::OwnRequest`].
pub fn utr_correctable(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<(Withdrawal, Utr), Error> {
    let withdrawal = withdrawal_get(tx, id)?;
    let old = withdrawal.utr.clone().ok_or(Error::NoUtr { is: withdrawal.status })?;
    if is_own(tx, cx, &withdrawal)? { Err(Error::OwnRequest) } else { Ok((withdrawal, old)) }
}

/// Decides on another UTR of a paid withdrawal. `reason` has 1 to 500 characters.
///
/// # Errors
/// Those of [`utr_correctable`]; [`Error::SameUtr`]; [`Error::UtrUsed`]; [`Error::UtrDisputed`].
pub fn utr_plan(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    id: Uuid,
    new: &Utr,
    reason: &str,
) -> Result<UtrCorrection, Error> {
    let (withdrawal, old) = utr_correctable(tx, cx, id)?;
    if old.as_str() == new.as_str() {
        return Err(Error::SameUtr(new.clone()));
    }
    if let Some(other) = withdrawal_by_utr(tx, new)?.filter(|other| other.id != id) {
        return Err(Error::UtrUsed { utr: new.clone(), withdrawal: other.id });
    }
    super::contradiction::utr_undisputed(tx, new, id)?;
    Ok(UtrCorrection { withdrawal, old, new: new.clone(), reason: reason.to_owned() })
}

/// Gives the withdrawal its UTR. Both stay on record; the wrong one may pay another withdrawal.
///
/// # Errors
/// The store's.
pub fn utr_apply(tx: &mut WriteTx<'_>, cx: &mut RequestContext, plan: UtrCorrection) -> Result<Withdrawal, Error> {
    let UtrCorrection { withdrawal, old, new, reason } = plan;
    utr_set(tx, withdrawal.id, &new)?;
    let change = UtrChange { old, new: new.clone(), reason, actor: cx.actor.clone(), at: cx.now };
    let id = cx.new_id();
    utr_change_insert(tx, id, withdrawal.id, &change)?;
    Ok(Withdrawal { utr: Some(new), ..withdrawal })
}
