//! What goes into wallets and out of them by hand: each a posting with a reason.

use purser_kit::console::RequestContext;
use purser_kit::{actor_name, reference_form, reference_form_labeled};
use purser_ledger::{
    AccountId, AccountPath, Book, Error as LedgerError, NewEntry, PostedEntry, Transfer, account_by_path,
};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::{funding, member_get, pool};
use crate::domain::{Debt, DebtStatus, ExpiryPolicy, Member, Settings};
use crate::error::{Error, FirstPayment};
use crate::store;

/// Why a wallet changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementReason {
    /// The member has paid in.
    TopUp,
    /// The member is paid out.
    Withdrawal,
    /// Something was wrong.
    Correction,
}

impl MovementReason {
    /// The kind of its journal entries.
    fn kind(self) -> &'static str {
        match self {
            MovementReason::TopUp => "members.top-up",
            MovementReason::Withdrawal => "members.withdrawal",
            MovementReason::Correction => "members.correction",
        }
    }
}

/// A change of one wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletMovement {
    /// Whose.
    pub member: Uuid,
    /// Why.
    pub reason: MovementReason,
    /// By how much, not zero; negative where it takes.
    pub change: Money,
    /// What it rests on, 1 to 300 characters.
    pub memo: String,
}

/// A payment's own name. It names one payment over all members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReference {
    /// 1 to 100 characters, with a letter or a digit.
    pub reference: String,
    /// Whether the same reference is meant, should it have been used before.
    pub again: bool,
}

/// Changes a wallet: [`wallet_plan`] decides, then [`wallet_apply`] does it.
///
/// # Errors
/// Those of the plan.
pub fn wallet_move(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    movement: &WalletMovement,
) -> Result<Member, Error> {
    let plan = wallet_plan(tx, settings, movement.clone(), None)?;
    wallet_apply(tx, settings, cx, plan)
}

/// A change of a wallet that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletPlan {
    /// Whose, as it is now.
    pub member: Member,
    /// The change.
    pub movement: WalletMovement,
    payment: Option<PaymentReference>,
    /// The payment that the same reference answered before, where that is meant.
    repeats: Option<Uuid>,
}

/// Decides on a change of a wallet. A payment is kept by its reference, so that no two movements answer it.
///
/// # Errors
/// [`Error::NoMember`], [`Error::InsufficientBalance`], [`Error::TooMuch`], [`Error::DuplicateReference`].
pub fn wallet_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    movement: WalletMovement,
    payment: Option<PaymentReference>,
) -> Result<WalletPlan, Error> {
    let member = member_get(tx, settings, movement.member)?;
    let repeats = payment.as_ref().map_or(Ok(None), |payment| payment_plan(tx, settings, payment))?;
    let needed = Money::new(movement.change.minor().saturating_neg(), settings.currency());
    if needed > member.available() {
        return Err(Error::InsufficientBalance { available: member.available(), needed });
    }
    let (would, most) = (member.balance.checked_add(movement.change), settings.most());
    let would = would.unwrap_or(Money::new(i64::MAX, settings.currency()));
    if needed.minor() < 0 && would > most {
        return Err(Error::TooMuch { would, most });
    }
    Ok(WalletPlan { member, movement, payment, repeats })
}

/// Changes the wallet. Whatever comes in pays first what the member owes for earlier expiries, oldest first, as far as
/// the wallet covers each.
///
/// # Errors
/// The ledger's and the store's.
pub fn wallet_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    plan: WalletPlan,
) -> Result<Member, Error> {
    let WalletPlan { member, movement, payment, repeats } = plan;
    let takes = movement.change.minor() < 0;
    let id = cx.new_id();
    if let Some(PaymentReference { reference, .. }) = &payment {
        let kept = store::payment::Payment {
            id,
            member: movement.member,
            amount: movement.change,
            reference: reference.clone(),
            repeats,
            actor: cx.actor.clone(),
            created_at: cx.now,
        };
        store::payment::payment_insert(tx, &kept, &reference_form(reference))?;
    }
    let (funding, wallet) = (funding(tx, cx.now, settings.currency())?, member.account);
    let owed = if takes { Vec::new() } else { store::expiry::debts_open(tx, member.id, settings.currency())? };
    if !takes && (settings.policy == ExpiryPolicy::Arrears || !owed.is_empty()) {
        // An expiry reads wallets that it then does not change (whoever could not pay), and a revert cancels what is
        // owed. So they and this must meet, and here they do.
        store::tally_change(tx, 0, 0)?;
    }
    let pool = if owed.is_empty() { None } else { Some(pool(tx, cx.now, settings.currency())?) };
    let mut book = Book::open(tx, [funding, wallet].into_iter().chain(pool))?;
    let amount = Money::new(movement.change.minor().saturating_abs(), settings.currency());
    let (debit, credit) = if takes { (wallet, funding) } else { (funding, wallet) };
    let entry = NewEntry {
        kind: movement.reason.kind(),
        actor: cx.actor.clone(),
        memo: movement.memo.clone(),
        reference: Some(payment.map_or_else(|| id.to_string(), |payment| payment.reference)),
    };
    book.post(cx.now, entry, &[Transfer { debit, credit, amount }]).map_err(|error| match error {
        LedgerError::Insufficient { available, needed, .. } => Error::InsufficientBalance { available, needed },
        other => other.into(),
    })?;
    let paid = pool.map_or(Ok(Vec::new()), |pool| debts_pay(&mut book, cx, &member, owed, pool))?;
    let entries = book.write(tx)?;
    let paid = paid.into_iter().map(|(debt, posted)| Ok(Debt { entry: Some(entries.of(posted)?), ..debt }));
    store::expiry::debts_settle(tx, cx.now, &paid.collect::<Result<Vec<_>, Error>>()?)?;
    member_get(tx, settings, member.id)
}

/// The payment that has the same reference, where that is meant. Two who come at once meet at the unique form.
fn payment_plan(tx: &mut ReadTx<'_>, settings: &Settings, payment: &PaymentReference) -> Result<Option<Uuid>, Error> {
    let form = reference_form(&payment.reference);
    let mut first = store::payment::payment_by_form(tx, &form, settings.currency())?;
    if first.is_none() {
        // A payment of before labels were left out has its own in its form.
        let labeled = reference_form_labeled(&payment.reference);
        first = store::payment::payment_by_form(tx, &labeled, settings.currency())?;
    }
    let Some(first) = first else { return Ok(None) };
    if payment.again {
        return Ok(Some(first.id));
    }
    let reference = payment.reference.clone();
    let first = FirstPayment {
        id: first.id,
        member_id: first.member,
        member: member_get(tx, settings, first.member)?.name,
        amount: first.amount,
        by: actor_name(tx, &first.actor)?,
        actor: first.actor,
        at: first.created_at,
    };
    Err(Error::DuplicateReference { reference, first: Box::new(first) })
}

/// Posts what the wallet can pay of what is owed: each debt with its entry in the book.
fn debts_pay(
    book: &mut Book,
    cx: &RequestContext,
    member: &Member,
    owed: Vec<Debt>,
    pool: AccountId,
) -> Result<Vec<(Debt, PostedEntry)>, Error> {
    let mut paid = Vec::new();
    for debt in owed {
        if book.available(member.account)? < debt.amount {
            break;
        }
        let entry = NewEntry {
            kind: "members.arrears",
            actor: cx.actor.clone(),
            memo: "Levy that was owed".to_owned(),
            reference: Some(debt.expiry.to_string()),
        };
        let transfer = Transfer { debit: member.account, credit: pool, amount: debt.amount };
        let posted = book.post(cx.now, entry, &[transfer])?;
        paid.push((Debt { status: DebtStatus::Paid, ..debt }, posted));
    }
    Ok(paid)
}

/// What the member owes for earlier expiries, oldest first.
///
/// # Errors
/// The store's.
pub fn debts_owed(tx: &mut ReadTx<'_>, settings: &Settings, member: Uuid) -> Result<Vec<Debt>, Error> {
    Ok(store::expiry::debts_open(tx, member, settings.currency())?)
}

/// What the pool holds.
///
/// # Errors
/// The store's.
pub fn pool_balance(tx: &mut ReadTx<'_>, settings: &Settings) -> Result<Money, Error> {
    let pool = account_by_path(tx, &AccountPath::new("members:pool")?)?;
    Ok(pool.map_or(Money::zero(settings.currency()), |account| account.balance))
}
