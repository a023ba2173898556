//! A UTR that was entered wrongly.

use purser_kit::console::Doer;
use purser_store::Tx;
use serde_json::json;
use uuid::Uuid;

use super::decide::is_own;
use super::withdrawal::withdrawal_get;
use crate::domain::Withdrawal;
use crate::error::Error;
use crate::store::utr::{UtrChange, utr_change_insert, utr_set};
use crate::store::withdrawal::withdrawal_by_utr;
use crate::utr::Utr;

/// Why this person may not give the withdrawal that UTR now.
fn obstacle(tx: &mut Tx<'_>, doer: &Doer, one: &Withdrawal, utr: &Utr) -> Result<Option<Error>, Error> {
    let Some(old) = &one.utr else { return Ok(Some(Error::NoUtr { is: one.status })) };
    if is_own(tx, doer, one)? {
        return Ok(Some(Error::OwnRequest));
    }
    if old.as_str() == utr.as_str() {
        return Ok(Some(Error::SameUtr(utr.clone())));
    }
    let other = withdrawal_by_utr(tx, utr)?.filter(|other| other.id != one.id);
    Ok(other.map(|other| Error::UtrUsed { utr: utr.clone(), withdrawal: other.id }))
}

/// Gives a paid withdrawal another UTR than the one that was entered. Both stay on record; the wrong one may pay another
/// withdrawal. `reason` has 1 to 500 characters.
///
/// # Errors
/// [`Error::NoWithdrawal`]; [`Error::NoUtr`] where it was never paid; [`Error::SameUtr`]; [`Error::UtrUsed`];
/// [`Error::OwnRequest`]; [`Error::UtrDisputed`].
pub fn utr_correct(tx: &mut Tx<'_>, doer: &mut Doer, id: Uuid, utr: &Utr, reason: &str) -> Result<Withdrawal, Error> {
    let one = withdrawal_get(tx, id)?;
    if let Some(error) = obstacle(tx, doer, &one, utr)? {
        return Err(error);
    }
    super::contradiction::utr_undisputed(tx, utr, id)?;
    let old = one.utr.clone().ok_or(Error::NoUtr { is: one.status })?;
    utr_set(tx, id, utr)?;
    let change = UtrChange {
        old: old.clone(),
        new: utr.clone(),
        reason: reason.to_owned(),
        actor: doer.actor.clone(),
        at: doer.now,
    };
    let change_id = doer.fresh_id();
    utr_change_insert(tx, change_id, id, &change)?;
    let changed = json!({ "UTR": { "before": old.as_str(), "after": utr.as_str() } });
    let detail = json!({ "entered": { "reason": reason }, "changed": changed });
    doer.record(tx, "coins.withdrawals.utr", &format!("coins:withdrawals:{id}"), &detail)?;
    Ok(Withdrawal { utr: Some(utr.clone()), ..one })
}
