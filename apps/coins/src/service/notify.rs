//! Who hears of a change: the user by mail, the application by a webhook. Both after the commit.

use purser_identity::Email;
use purser_kit::console::RequestContext;
use purser_outbox::{Channel, Language, NewNotice, notice_enqueue, notice_enqueue_in_order};
use purser_store::WriteTx;
use serde_json::json;

use crate::domain::{CoinUser, Settings, Transaction, Withdrawal};
use crate::error::Error;
use crate::notices::{TRANSACTION_EVENT, WITHDRAWAL_EVENT, mail};
use crate::utr::Utr;

/// Tells of a withdrawal as it is now.
pub(super) fn notify(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    user: &CoinUser,
    withdrawal: &Withdrawal,
) -> Result<(), Error> {
    let (mail_id, event_id) = (cx.new_id(), cx.new_id());
    if let Some(to) = user.email.as_ref().map(Email::as_str) {
        let values = json!({
            "user": user.user_id.as_str(),
            "coins": withdrawal.amount.minor(),
            "rupees": withdrawal.rupees.for_people(),
            "upi_id": withdrawal.upi_id.as_str(),
            "withdrawal": withdrawal.id,
            "utr": utr(withdrawal),
            "reason": withdrawal.reason.as_deref().unwrap_or_default(),
        });
        let (kind, language) = (mail(withdrawal.status), user.language);
        let notice = NewNotice { kind, channel: Channel::Email, to, language, values };
        notice_enqueue(tx, cx.now, mail_id, &notice)?;
    }
    if let Some(to) = &settings.webhook {
        let values = json!({
            "withdrawal_id": withdrawal.id,
            "sequence": withdrawal.changes,
            "status": withdrawal.status.name(),
            "user_id": user.user_id.as_str(),
            "amount": withdrawal.amount.minor(),
            "rupees_amount": withdrawal.rupees.to_string(),
            "upi_id": withdrawal.upi_id.as_str(),
            "utr": utr(withdrawal),
            "reason": withdrawal.reason.as_deref().unwrap_or_default(),
            "at": cx.now.to_string(),
        });
        let (kind, channel, language) = (&WITHDRAWAL_EVENT, Channel::Webhook, Language::English);
        let event = NewNotice { kind, channel, to, language, values };
        notice_enqueue_in_order(tx, cx.now, event_id, &format!("coins.withdrawal:{}", withdrawal.id), &event)?;
    }
    Ok(())
}

fn utr(withdrawal: &Withdrawal) -> &str {
    withdrawal.utr.as_ref().map(Utr::as_str).unwrap_or_default()
}

/// Tells the application of coins that were given, or put right by staff: in the order of the user's transactions.
pub(super) fn notify_movement(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    user: &CoinUser,
    one: &Transaction,
) -> Result<(), Error> {
    let Some(to) = &settings.webhook else { return Ok(()) };
    let values = json!({
        "transaction_id": one.id,
        "type": one.movement.name(),
        "user_id": user.user_id.as_str(),
        "amount": one.amount.minor(),
        "balance_after": one.balance_after.minor(),
        "reason": one.reason,
        "reference": one.reference.as_deref().unwrap_or_default(),
        "at": cx.now.to_string(),
    });
    let (kind, channel, language) = (&TRANSACTION_EVENT, Channel::Webhook, Language::English);
    let event = NewNotice { kind, channel, to, language, values };
    let event_id = cx.new_id();
    notice_enqueue_in_order(tx, cx.now, event_id, &format!("coins.user:{}", user.id), &event)?;
    Ok(())
}
