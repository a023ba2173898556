//! What goes into wallets and out of them by hand: each a posting with a reason.

use purser_kit::console::Doer;
use purser_kit::{called, reference_form, reference_form_labeled};
use purser_ledger::{AccountId, AccountPath, Book, Error as LedgerError, NewEntry, Transfer, account_by_path};
use purser_money::Money;
use purser_store::Tx;
use uuid::Uuid;

use super::{funding, member_get, pool};
use crate::domain::{Debt, DebtStatus, Member, Policy, Settings};
use crate::error::{Error, FirstPayment};
use crate::store;

/// Why a wallet changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The member has paid in.
    TopUp,
    /// The member is paid out.
    Withdrawal,
    /// Something was wrong.
    Correction,
}

impl Reason {
    /// The kind of its journal entries.
    fn kind(self) -> &'static str {
        match self {
            Reason::TopUp => "members.top-up",
            Reason::Withdrawal => "members.withdrawal",
            Reason::Correction => "members.correction",
        }
    }
}

/// A change of one wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Whose.
    pub member: Uuid,
    /// Why.
    pub reason: Reason,
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

/// Changes a wallet. Whatever comes in pays first what the member owes for earlier expiries, oldest first, as far as
/// the wallet covers each.
///
/// # Errors
/// [`Error::NoMember`], [`Error::InsufficientBalance`], [`Error::TooMuch`].
pub fn wallet_move(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    movement: &Movement,
) -> Result<Member, Error> {
    wallet_move_for(tx, settings, doer, movement, None)
}

/// The same for a payment, which is kept by its reference, so that no two movements answer it.
///
/// # Errors
/// Those of [`wallet_move`], and [`Error::DuplicateReference`].
pub fn wallet_move_for(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    movement: &Movement,
    payment: Option<&PaymentReference>,
) -> Result<Member, Error> {
    let member = member_get(tx, settings, movement.member)?;
    let takes = movement.change.minor() < 0;
    let id = doer.fresh_id();
    if let Some(payment) = payment {
        payment_keep(tx, settings, doer, id, movement, payment)?;
    }
    let (funding, wallet) = (funding(tx, doer.now, settings.currency())?, member.account);
    let owed = if takes { Vec::new() } else { store::expiry::debts_open(tx, member.id, settings.currency())? };
    if !takes && (settings.policy == Policy::Arrears || !owed.is_empty()) {
        // An expiry reads wallets that it then does not change (whoever could not pay), and a revert cancels what is
        // owed. So they and this must meet, and here they do.
        store::tally_change(tx, 0, 0)?;
    }
    let pool = if owed.is_empty() { None } else { Some(pool(tx, doer.now, settings.currency())?) };
    let mut book = Book::open(tx, [funding, wallet].into_iter().chain(pool))?;
    let amount = Money::new(movement.change.minor().saturating_abs(), settings.currency());
    let (debit, credit) = if takes { (wallet, funding) } else { (funding, wallet) };
    let entry = NewEntry {
        kind: movement.reason.kind(),
        actor: doer.actor.clone(),
        memo: movement.memo.clone(),
        reference: Some(payment.map_or_else(|| id.to_string(), |payment| payment.reference.clone())),
    };
    book.post(doer.now, entry, &[Transfer { debit, credit, amount }]).map_err(|error| match error {
        LedgerError::Insufficient { available, needed, .. } => Error::InsufficientBalance { available, needed },
        other => other.into(),
    })?;
    let would = book.balance(wallet)?;
    if !takes && would > settings.most() {
        return Err(Error::TooMuch { would, most: settings.most() });
    }
    let paid = pool.map_or(Ok(Vec::new()), |pool| debts_pay(&mut book, doer, &member, owed, pool))?;
    let entries = book.write(tx)?;
    let paid = paid.into_iter().map(|(debt, place)| Debt { entry: entries.get(place).copied(), ..debt });
    store::expiry::debts_settle(tx, doer.now, &paid.collect::<Vec<_>>())?;
    member_get(tx, settings, member.id)
}

/// Keeps the payment that a top-up answers, unless another answers it already. Two who come at once meet at the unique
/// form.
fn payment_keep(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &Doer,
    id: Uuid,
    movement: &Movement,
    payment: &PaymentReference,
) -> Result<(), Error> {
    let form = reference_form(&payment.reference);
    let mut first = store::payment::payment_by_form(tx, &form, settings.currency())?;
    if first.is_none() {
        // A payment of before labels were left out has its own in its form.
        let labeled = reference_form_labeled(&payment.reference);
        first = store::payment::payment_by_form(tx, &labeled, settings.currency())?;
    }
    if let Some(first) = first.as_ref().filter(|_| !payment.again) {
        let reference = payment.reference.clone();
        let first = FirstPayment {
            id: first.id,
            member_id: first.member,
            member: member_get(tx, settings, first.member)?.name,
            amount: first.amount,
            actor: first.actor.clone(),
            by: called(tx, &first.actor)?,
            at: first.created_at,
        };
        return Err(Error::DuplicateReference { reference, first: Box::new(first) });
    }
    let kept = store::payment::Payment {
        id,
        member: movement.member,
        amount: movement.change,
        reference: payment.reference.clone(),
        repeats: first.map(|first| first.id),
        actor: doer.actor.clone(),
        created_at: doer.now,
    };
    Ok(store::payment::payment_insert(tx, &kept, &form)?)
}

/// Posts what the wallet can pay of what is owed: the debts, each with its entry's place in the book.
fn debts_pay(
    book: &mut Book,
    doer: &Doer,
    member: &Member,
    owed: Vec<Debt>,
    pool: AccountId,
) -> Result<Vec<(Debt, usize)>, Error> {
    let mut paid = Vec::new();
    for debt in owed {
        if book.available(member.account)? < debt.amount {
            break;
        }
        let entry = NewEntry {
            kind: "members.arrears",
            actor: doer.actor.clone(),
            memo: "Levy that was owed".to_owned(),
            reference: Some(debt.expiry.to_string()),
        };
        let transfer = Transfer { debit: member.account, credit: pool, amount: debt.amount };
        let posted = book.post(doer.now, entry, &[transfer])?;
        paid.push((Debt { status: DebtStatus::Paid, ..debt }, posted.index()));
    }
    Ok(paid)
}

/// What the member owes for earlier expiries, oldest first.
///
/// # Errors
/// The store's.
pub fn debts_owed(tx: &mut Tx<'_>, settings: &Settings, member: Uuid) -> Result<Vec<Debt>, Error> {
    Ok(store::expiry::debts_open(tx, member, settings.currency())?)
}

/// What the pool holds.
///
/// # Errors
/// The store's.
pub fn pool_balance(tx: &mut Tx<'_>, settings: &Settings) -> Result<Money, Error> {
    let pool = account_by_path(tx, &AccountPath::new("members:pool")?)?;
    Ok(pool.map_or(Money::zero(settings.currency()), |account| account.balance))
}
