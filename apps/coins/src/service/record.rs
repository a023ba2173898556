//! The audit log of what is done elsewhere than in the console, which keeps its own: by the API, and by a bank's file.

use purser_kit::console::RequestContext;
use purser_store::WriteTx;
use serde_json::json;

use crate::domain::{CoinUser, Withdrawal};
use crate::error::Error;
use crate::status::WithdrawalStatus;
use crate::utr::Utr;

/// Puts on record that a withdrawal has come to stand as it does, and how it stood before; `None` for a new one.
///
/// # Errors
/// The store's.
pub fn change_record(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    before: Option<WithdrawalStatus>,
    withdrawal: &Withdrawal,
) -> Result<(), Error> {
    let mut changed = serde_json::Map::new();
    let facts = [
        ("Status", Some(withdrawal.status.name())),
        ("UTR", withdrawal.utr.as_ref().map(Utr::as_str)),
        ("Reason", withdrawal.reason.as_deref()),
    ];
    for (name, after) in facts.into_iter().filter_map(|(name, after)| Some((name, after?))) {
        let was = if name == "Status" { before.map(WithdrawalStatus::name).unwrap_or_default() } else { "" };
        changed.insert(name.to_owned(), json!({ "before": was, "after": after }));
    }
    let entered = json!({
        "amount": withdrawal.amount.minor(),
        "upi_id": withdrawal.upi_id.as_str(),
    });
    let verb = if before.is_none() { "request" } else { withdrawal.status.verb() };
    let (action, subject) = (format!("coins.withdrawals.{verb}"), format!("coins:withdrawals:{}", withdrawal.id));
    Ok(cx.record(tx, &action, &subject, &json!({ "entered": entered, "changed": changed }))?)
}

/// Puts on record where a user was written to, and where they are now.
///
/// # Errors
/// The store's.
pub fn contact_record(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    before: Option<&CoinUser>,
    after: &CoinUser,
) -> Result<(), Error> {
    let email = |user: &CoinUser| user.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default();
    let language = |user: &CoinUser| user.language.title();
    let changed = json!({
        "Email": { "before": before.map(email).unwrap_or_default(), "after": email(after) },
        "Language": { "before": before.map(language).unwrap_or_default(), "after": language(after) },
    });
    let subject = format!("coins:users:{}", after.id);
    Ok(cx.record(tx, "coins.users.contact", &subject, &json!({ "changed": changed }))?)
}

/// Puts on record that a user was frozen, or is not any more.
///
/// # Errors
/// The store's.
pub fn frozen_record(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    before: &CoinUser,
    after: &CoinUser,
) -> Result<(), Error> {
    let word = |user: &CoinUser| if user.frozen.is_some() { "frozen" } else { "active" };
    let reason = after.frozen.as_ref().map(|frozen| frozen.reason.as_str()).unwrap_or_default();
    let changed = json!({ "Status": { "before": word(before), "after": word(after) } });
    let detail = json!({ "entered": { "reason": reason }, "changed": changed });
    let verb = if after.frozen.is_some() { "freeze" } else { "unfreeze" };
    Ok(cx.record(tx, &format!("coins.users.{verb}"), &format!("coins:users:{}", after.id), &detail)?)
}
