//! What the bank says otherwise than we do: kept, and put right by a posting with a reason, once.

use jiff::Timestamp;
use purser_kit::console::RequestContext;
use purser_ledger::{AccountId, EntryId, NewEntry, Transfer};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::SystemAccount;
use super::decide::{CloseReason, complete, is_own, withdrawal_close};
use super::movement::{coins_take, post};
use super::record::change_record;
use super::unmatched::utr_matched;
use super::user::user_get;
use super::utr::utr_correct;
use super::withdrawal::withdrawal_get;
use crate::contradiction::{
    BankClaim, ContradictionKind, ContradictionRemedy, ContradictionState, WithdrawalContradiction,
};
use crate::domain::{Settings, Withdrawal};
use crate::error::Error;
use crate::store::contradiction as store;
use crate::store::utr::utr_set;
use crate::store::withdrawal::withdrawal_by_utr;
use crate::utr::Utr;

/// What a file of the bank says that contradicts a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContradictionFinding {
    /// In which point.
    pub kind: ContradictionKind,
    /// What the bank says.
    pub claim: BankClaim,
    /// What it says was paid.
    pub paid: Option<Money>,
    /// Both sides in a sentence.
    pub told: String,
}

/// Keeps what was found, once, and puts it on record. It changes no withdrawal and no balance.
///
/// # Errors
/// The store's.
pub fn contradiction_store(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    withdrawal: &Withdrawal,
    found: &ContradictionFinding,
) -> Result<bool, Error> {
    let one = WithdrawalContradiction { id: cx.new_id(), ..found_now(cx, withdrawal, found) };
    if store::contradiction_same(tx, &one)?.is_some() {
        return Ok(false);
    }
    let is_new = store::contradiction_insert(tx, &one)?;
    if is_new {
        let entered = serde_json::json!({
            "withdrawal": withdrawal.id, "bank": one.told, "utr": one.utr().map(Utr::as_str),
        });
        let subject = format!("coins:contradictions:{}", one.id);
        cx.record(tx, "coins.contradictions.found", &subject, &serde_json::json!({ "entered": entered }))?;
    }
    Ok(is_new)
}

/// The one that says the same, where it is kept already.
pub(super) fn contradiction_known(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    withdrawal: &Withdrawal,
    found: &ContradictionFinding,
) -> Result<Option<WithdrawalContradiction>, Error> {
    Ok(store::contradiction_same(tx, &found_now(cx, withdrawal, found))?)
}

/// It as it would be kept, without an id.
fn found_now(cx: &RequestContext, withdrawal: &Withdrawal, found: &ContradictionFinding) -> WithdrawalContradiction {
    WithdrawalContradiction {
        id: Uuid::nil(),
        withdrawal: withdrawal.id,
        kind: found.kind,
        claim: found.claim.clone(),
        paid: found.paid,
        status: withdrawal.status,
        own_utr: withdrawal.utr.clone(),
        due: withdrawal.due(),
        told: found.told.chars().take(1_000).collect(),
        found_by: cx.actor.clone(),
        found_at: cx.now,
        state: ContradictionState::Open,
        settlement: None,
        decided: None,
        reason: None,
        entry: None,
    }
}

/// The contradiction with this id.
///
/// # Errors
/// [`Error::NoContradiction`].
pub fn contradiction_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<WithdrawalContradiction, Error> {
    store::contradiction_find(tx, id)?.ok_or(Error::NoContradiction)
}

/// Refuses a UTR that the bank has named for something else, or in a way that nobody has decided on yet.
pub(super) fn utr_undisputed(tx: &mut ReadTx<'_>, utr: &Utr, withdrawal: Uuid) -> Result<(), Error> {
    utr_matched(tx, utr)?;
    let disputes = store::contradictions_with(tx, utr)?;
    let dispute = disputes.into_iter().find(|one| {
        // The bank has paid that one with it, whatever was made of it.
        let pays_another = one.withdrawal != withdrawal && one.kind != ContradictionKind::UtrUsed;
        one.state == ContradictionState::Open || pays_another
    });
    match dispute {
        Some(dispute) => {
            Err(Error::UtrDisputed { utr: utr.clone(), withdrawal: dispute.withdrawal, contradiction: dispute.id })
        }
        None => Ok(()),
    }
}

/// Decides on settling a contradiction so; without a settlement it is dismissed. The contradiction and its withdrawal.
///
/// # Errors
/// [`Error::NoContradiction`]; [`Error::Decided`] where somebody was first; [`Error::OwnRequest`];
/// [`Error::NotSettledSo`]; [`Error::Insufficient`] where the coins to be taken again are spent.
pub fn settlement_plan(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    id: Uuid,
    settlement: Option<ContradictionRemedy>,
) -> Result<(WithdrawalContradiction, Withdrawal), Error> {
    let one = contradiction_get(tx, id)?;
    let withdrawal = withdrawal_get(tx, one.withdrawal)?;
    if one.state != ContradictionState::Open {
        return Err(Error::Decided(one.state));
    }
    if is_own(tx, cx, &withdrawal)? {
        return Err(Error::OwnRequest);
    }
    if let Some(settlement) = settlement.filter(|settlement| !one.settlements(&withdrawal).contains(settlement)) {
        return Err(Error::NotSettledSo { settlement, is: withdrawal.status });
    }
    if settlement == Some(ContradictionRemedy::Take) {
        let (available, needed) = (user_get(tx, withdrawal.owner)?.balance, withdrawal.amount);
        if available < needed {
            return Err(Error::Insufficient { available, needed });
        }
    }
    Ok((one, withdrawal))
}

/// Puts a contradiction right. `reason` has 1 to 500 characters.
///
/// # Errors
/// [`Error::NoContradiction`]; [`Error::Decided`] where somebody was first; [`Error::NotSettledSo`];
/// [`Error::OwnRequest`]; [`Error::Insufficient`] where the coins to be taken again are spent.
pub fn contradiction_settle(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    settlement: ContradictionRemedy,
    reason: &str,
) -> Result<WithdrawalContradiction, Error> {
    let (one, withdrawal) = settlement_plan(tx, cx, id, Some(settlement))?;
    let one = WithdrawalContradiction {
        settlement: Some(settlement),
        ..decided(&one, cx, ContradictionState::Settled, reason)
    };
    decide(tx, &one)?;
    let entry = put_right(tx, settings, cx, &one, withdrawal, reason)?;
    if let Some(entry) = entry {
        store::contradiction_entry(tx, id, entry)?;
    }
    Ok(WithdrawalContradiction { entry, ..one })
}

/// Puts one away that needs nothing more: the bank was wrong, or it was put right elsewhere. Its UTR is free again.
///
/// # Errors
/// [`Error::NoContradiction`], [`Error::Decided`], [`Error::OwnRequest`].
pub fn contradiction_dismiss(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    id: Uuid,
    reason: &str,
) -> Result<WithdrawalContradiction, Error> {
    let (one, withdrawal) = settlement_plan(tx, cx, id, None)?;
    let one = decided(&one, cx, ContradictionState::Dismissed, reason);
    decide(tx, &one)?;
    if let (ContradictionKind::UtrClash, Some(utr)) = (one.kind, &withdrawal.utr)
        && withdrawal_by_utr(tx, utr)?.is_none()
    {
        // Nobody else holds it any more.
        utr_set(tx, withdrawal.id, utr)?;
    }
    Ok(one)
}

fn decided(
    one: &WithdrawalContradiction,
    cx: &RequestContext,
    state: ContradictionState,
    reason: &str,
) -> WithdrawalContradiction {
    let decided = Some((cx.actor.clone(), cx.now));
    WithdrawalContradiction { state, decided, reason: Some(reason.to_owned()), ..one.clone() }
}

fn decide(tx: &mut WriteTx<'_>, one: &WithdrawalContradiction) -> Result<(), Error> {
    if store::contradiction_decide(tx, one)? { Ok(()) } else { Err(Error::Decided(one.state)) }
}

fn put_right(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    one: &WithdrawalContradiction,
    withdrawal: Withdrawal,
    reason: &str,
) -> Result<Option<EntryId>, Error> {
    let settlement = one.settlement.ok_or_else(|| Error::Answer("a settlement without its kind".to_owned()))?;
    match (settlement, one.utr()) {
        (ContradictionRemedy::Complete, Some(utr)) => {
            if let Some(other) = withdrawal_by_utr(tx, utr)? {
                return Err(Error::UtrUsed { utr: utr.clone(), withdrawal: other.id });
            }
            utr_undisputed(tx, utr, withdrawal.id)?;
            let user = user_get(tx, withdrawal.owner)?;
            let before = withdrawal.status;
            let next = complete(tx, settings, cx, &user, withdrawal, utr, one.amount())?;
            change_record(tx, cx, Some(before), &next)?;
            Ok(None)
        }
        (ContradictionRemedy::Correct, Some(utr)) => {
            utr_correct(tx, cx, withdrawal.id, utr, reason)?;
            Ok(None)
        }
        (ContradictionRemedy::Reverse, _) => {
            let before = withdrawal.status;
            let next = withdrawal_close(tx, settings, cx, withdrawal.id, CloseReason::Reverse, reason)?;
            change_record(tx, cx, Some(before), &next)?;
            Ok(None)
        }
        (ContradictionRemedy::Take, Some(utr)) => {
            let user = user_get(tx, withdrawal.owner)?;
            let why = format!("Withdrawal paid after all - {}, UTR {}", withdrawal.id, utr.as_str());
            let transfers = paid_transfers(tx, cx.now, one.due, one.amount())?;
            coins_take(tx, settings, cx, user, withdrawal.amount, &why, &transfers).map(Some)
        }
        (ContradictionRemedy::Difference | ContradictionRemedy::Lose, Some(utr)) => {
            let transfers = if settlement == ContradictionRemedy::Lose {
                vec![lost(tx, cx.now, one.amount())?]
            } else {
                difference(tx, cx.now, one.due, one.amount())?
            };
            let memo: String =
                format!("{}, UTR {}: {reason}", settlement.memo(), utr.as_str()).chars().take(500).collect();
            let entry = NewEntry {
                kind: "coins.contradiction",
                actor: cx.actor.clone(),
                memo,
                reference: Some(withdrawal.id.to_string()),
            };
            let Some(account) = transfers.first().map(|transfer| transfer.credit) else { return Ok(None) };
            post(tx, cx, entry, &transfers, account).map(|(entry, _)| Some(entry))
        }
        (_, None) => Err(Error::NotSettledSo { settlement, is: withdrawal.status }),
    }
}

impl ContradictionRemedy {
    fn memo(self) -> &'static str {
        match self {
            ContradictionRemedy::Lose => "Paid without coins",
            _ => "Paid beside what was due",
        }
    }
}

/// What a payment does to the rupees: what the coins were redeemed for is owed, and the bank pays it. What is paid too
/// much is lost, and what is paid too little is still owed.
pub(super) fn paid_transfers(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    due: Money,
    paid: Money,
) -> Result<Vec<Transfer>, Error> {
    let [redeemed, payable] = [SystemAccount::Redeemed.open(tx, now)?, SystemAccount::Payable.open(tx, now)?];
    let bank = SystemAccount::Bank.open(tx, now)?;
    let mut transfers = vec![
        Transfer { debit: redeemed, credit: payable, amount: due },
        Transfer { debit: payable, credit: bank, amount: due },
    ];
    transfers.extend(difference(tx, now, due, paid)?);
    Ok(transfers)
}

/// What is paid beside what was due, where the books have it as paid exactly.
fn difference(tx: &mut WriteTx<'_>, now: Timestamp, due: Money, paid: Money) -> Result<Vec<Transfer>, Error> {
    let past = || Error::Answer("an amount past 64 bits".to_owned());
    if paid.minor() > due.minor() {
        return Ok(vec![lost(tx, now, paid.checked_sub(due).ok_or_else(past)?)?]);
    }
    let amount = due.checked_sub(paid).ok_or_else(past)?;
    if amount.is_zero() {
        return Ok(Vec::new());
    }
    let [bank, payable] = accounts(tx, now, [SystemAccount::Bank, SystemAccount::Payable])?;
    Ok(vec![Transfer { debit: bank, credit: payable, amount }])
}

fn lost(tx: &mut WriteTx<'_>, now: Timestamp, amount: Money) -> Result<Transfer, Error> {
    let [losses, bank] = accounts(tx, now, [SystemAccount::Losses, SystemAccount::Bank])?;
    Ok(Transfer { debit: losses, credit: bank, amount })
}

fn accounts(tx: &mut WriteTx<'_>, now: Timestamp, [one, other]: [SystemAccount; 2]) -> Result<[AccountId; 2], Error> {
    Ok([one.open(tx, now)?, other.open(tx, now)?])
}
