//! What an expiry or a revert would do, said before it is done.

use std::collections::HashMap;

use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use super::member::members_in_order;
use super::pool_balance;
use crate::domain::{DebtStatus, Expiry, ExpiryPolicy, Member, Settings, Shortfall, counted, times};
use crate::error::{Error, NAMED};
use crate::store;

/// Levies in one command, at most: it is one transaction, and others wait for its locks.
const MOST_LEVIES: i64 = 1_000_000;

/// What expiring members would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpirePreview {
    /// The members, in the order in which they would expire, and how many would pay for each.
    pub members: Vec<(Member, i64)>,
    /// How many living members there are.
    pub alive: i64,
    /// What would come into the pool if everybody paid.
    pub total: Money,
    /// Who could not pay, and what is missing.
    pub lacking: Vec<Shortfall>,
    /// Whether there are more of them than these.
    pub more: bool,
    /// Who is expired already.
    pub expired: Option<Member>,
    /// Why it is too much at once, where it is.
    pub too_many: Option<Error>,
    /// What each payer pays for each.
    pub levy: Money,
    /// What becomes of those who cannot pay.
    pub policy: ExpiryPolicy,
}

impl ExpirePreview {
    /// Why nobody expires, where nobody does.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        if let Some(member) = &self.expired {
            return Some(Error::AlreadyExpired(member.name.clone()));
        }
        let blocks = self.policy == ExpiryPolicy::Block && !self.lacking.is_empty();
        let cannot_pay = || blocks.then(|| Error::CannotPay { lacking: self.lacking.clone(), more: self.more });
        self.too_many.clone().or_else(cannot_pay)
    }

    /// The same in words for a page that names those who lack something beside it.
    #[must_use]
    pub fn blocked(&self) -> Option<String> {
        Some(match self.refusal()? {
            Error::CannotPay { lacking, more } => {
                let at_least = if more { "At least " } else { "" };
                let count = counted(i64::try_from(lacking.len()).unwrap_or(i64::MAX), "living member");
                format!(
                    "{at_least}{count} cannot pay. Top their wallets up first; until then nothing is taken from anybody."
                )
            }
            other => other.to_string(),
        })
    }
}

/// What expiring these members would do.
///
/// # Errors
/// [`Error::NoMember`].
pub fn expire_preview(tx: &mut ReadTx<'_>, settings: &Settings, ids: &[Uuid]) -> Result<ExpirePreview, Error> {
    let members = members_in_order(tx, settings, ids)?;
    let alive = store::tally(tx)?.alive;
    let expired = members.iter().find(|member| member.is_expired()).cloned();
    let (lacking, more) = lacking(tx, settings, &members)?;
    let too_many = refuse_too_many(tx, members.len()).err();
    let members: Vec<(Member, i64)> =
        members.into_iter().zip(1_i64..).map(|(member, place)| (member, (alive - place).max(0))).collect();
    let payments = members.iter().map(|(_, payers)| payers).sum();
    let total = times(settings.levy, payments).ok_or(Error::Bug("a sum of levies past 64 bits"))?;
    let (levy, policy) = (settings.levy, settings.policy);
    Ok(ExpirePreview { members, alive, total, lacking, more, expired, too_many, levy, policy })
}

/// Who could not pay for the expiry of all of `members`, at most [`NAMED`] of them, and whether there are more.
pub(super) fn lacking(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    members: &[Member],
) -> Result<(Vec<Shortfall>, bool), Error> {
    // The nth of those who expire pays for the n − 1 before; everybody else pays for all.
    let places: HashMap<Uuid, i64> = members.iter().map(|member| member.id).zip(0_i64..).collect();
    let all = i64::try_from(members.len()).unwrap_or(i64::MAX);
    let Some(most) = times(settings.levy, all) else { return Ok((Vec::new(), false)) };
    let few = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let poor = store::poor(tx, most, NAMED.saturating_add(few).saturating_add(1))?;
    let mut lacking: Vec<Shortfall> = poor
        .into_iter()
        .filter_map(|member| {
            let needed = times(settings.levy, places.get(&member.id).copied().unwrap_or(all))?;
            let (available, missing) = (member.available(), needed.checked_sub(member.available())?);
            missing.is_positive().then_some(Shortfall { id: member.id, name: member.name, available, missing })
        })
        .collect();
    let more = lacking.len() > NAMED as usize;
    lacking.truncate(NAMED as usize);
    Ok((lacking, more))
}

/// Refuses what would be too many levies in one transaction.
pub(super) fn refuse_too_many(tx: &mut ReadTx<'_>, expiries: usize) -> Result<(), Error> {
    let alive = store::tally(tx)?.alive;
    let levies = i64::try_from(expiries).unwrap_or(i64::MAX).saturating_mul(alive.max(1));
    if expiries > 1 && levies > MOST_LEVIES {
        return Err(Error::TooManyAtOnce { expiries, levies, most: MOST_LEVIES });
    }
    Ok(())
}

/// A member who would be reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revival {
    /// The member.
    pub member: Member,
    /// The expiry that would be taken back.
    pub expiry: Expiry,
    /// How many would get something back.
    pub payments: i64,
}

/// What reverting members would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertPreview {
    /// The members, in the order in which they would be reverted.
    pub members: Vec<Revival>,
    /// What would go out of the pool.
    pub total: Money,
    /// What the pool has.
    pub pool: Money,
    /// Who is not expired.
    pub alive: Option<Member>,
    /// Why it is too much at once, where it is.
    pub too_many: Option<Error>,
}

impl RevertPreview {
    /// Why nobody is reverted, where nobody is.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        let not_expired = || self.alive.as_ref().map(|member| Error::NotExpired(member.name.clone()));
        let short = || {
            let (available, needed) = (self.pool, self.total);
            (available < needed).then_some(Error::PoolCannotPay { available, needed })
        };
        self.too_many.clone().or_else(not_expired).or_else(short)
    }

    /// The same in words for a page.
    #[must_use]
    pub fn blocked(&self) -> Option<String> {
        Some(match self.refusal()? {
            Error::PoolCannotPay { available, needed } => {
                format!("The pool has {}, and {} would go back.", available.for_people(), needed.for_people())
            }
            other => other.to_string(),
        })
    }
}

/// What reverting these members would do.
///
/// # Errors
/// [`Error::NoMember`].
pub fn revert_preview(tx: &mut ReadTx<'_>, settings: &Settings, ids: &[Uuid]) -> Result<RevertPreview, Error> {
    let (mut rows, mut alive, mut total) = (Vec::new(), None, Money::zero(settings.currency()));
    let chosen = members_in_order(tx, settings, ids)?;
    let too_many = refuse_too_many(tx, chosen.len()).err();
    for member in chosen {
        let Some(expiry) = store::expiry::expiry_in_force(tx, member.id, settings.currency())? else {
            alive.get_or_insert(member);
            continue;
        };
        let debts =
            if expiry.debtors > 0 { store::expiry::debts_of(tx, expiry.id, settings.currency())? } else { Vec::new() };
        let paid = debts.iter().filter(|debt| debt.status == DebtStatus::Paid).count();
        let payments = expiry.payers.saturating_add(i64::try_from(paid).unwrap_or(0));
        let sum = times(expiry.levy, payments).and_then(|sum| total.checked_add(sum));
        total = sum.ok_or(Error::Bug("a sum of levies past 64 bits"))?;
        rows.push(Revival { member, expiry, payments });
    }
    Ok(RevertPreview { members: rows, total, pool: pool_balance(tx, settings)?, alive, too_many })
}
