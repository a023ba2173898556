//! The equation of one seller: what staff gave and took is what is left and what was sold.

use purser_ledger::{AccountId, EntryId, statement};
use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use super::seller_get;
use crate::domain::Settings;
use crate::error::Error;
use crate::store::credit::credit_sums;

/// Postings read at once.
const STRIDE: u32 = 1_000;

/// increases − (decreases + taken back) = credit + sold − reversed, for one seller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SellerCheck {
    /// What staff gave.
    pub increases: Money,
    /// What staff took.
    pub decreases: Money,
    /// Increases that staff took back.
    pub taken_back: Money,
    /// What is left, holds included.
    pub credit: Money,
    /// What completed sales took, by the seller's account.
    pub sold: Money,
    /// What reversed sales gave back.
    pub reversed: Money,
}

impl SellerCheck {
    /// Whether nothing is missing and nothing too much.
    #[must_use]
    pub fn holds(&self) -> bool {
        let given = i128::from(self.increases.minor()) - i128::from(self.decreases.minor());
        let left = i128::from(self.credit.minor()) + i128::from(self.sold.minor());
        given - i128::from(self.taken_back.minor()) == left - i128::from(self.reversed.minor())
    }
}

/// Adds one seller's equation up: the credit transactions by their table, the sales by the account's postings. `None`
/// where the account has more than `most` postings, because they are read one after another.
///
/// # Errors
/// [`Error::NoSeller`].
pub fn seller_check(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    seller: Uuid,
    most: usize,
) -> Result<Option<SellerCheck>, Error> {
    let seller = seller_get(tx, settings, seller)?;
    let money = |minor| Money::new(minor, settings.currency);
    let (increases, decreases, taken_back) = credit_sums(tx, seller.id)?;
    let Some((sold, reversed)) = sales_sums(tx, seller.account, most)? else { return Ok(None) };
    Ok(Some(SellerCheck {
        increases: money(increases),
        decreases: money(decreases),
        taken_back: money(taken_back),
        credit: seller.credit,
        sold: money(sold),
        reversed: money(reversed),
    }))
}

/// What the account's sales took and its reversals gave, in minor units.
fn sales_sums(tx: &mut ReadTx<'_>, account: AccountId, most: usize) -> Result<Option<(i64, i64)>, Error> {
    let (mut sold, mut reversed, mut read, mut last) = (0_i64, 0_i64, 0, None);
    let mut seen: Option<EntryId> = None;
    let past = || Error::Bug("a seller's total is past 64 bits");
    loop {
        let lines = statement(tx, account, last, STRIDE)?;
        let is_end = lines.len() < STRIDE as usize;
        for line in &lines {
            // An entry with a margin moves the account twice; it counts once against the bound.
            read += usize::from(seen.replace(line.entry) != Some(line.entry));
            let change = line.change.minor();
            match line.kind.as_str() {
                "charge.sale" => sold = sold.checked_sub(change).ok_or_else(past)?,
                "charge.reversal" => reversed = reversed.checked_add(change).ok_or_else(past)?,
                _ => {}
            }
        }
        if is_end {
            return Ok(Some((sold, reversed)));
        }
        if read > most {
            return Ok(None);
        }
        last = lines.last().map(|line| line.transfer);
    }
}
