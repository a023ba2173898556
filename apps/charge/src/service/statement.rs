//! A seller's day: what its credit was, what moved it, and what it came to.

use std::collections::HashMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use purser_ledger::{EntryId, StatementLine, balance_at, statement_between};
use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use super::seller_get;
use crate::domain::{PhoneNumber, Sale, Seller, Settings};
use crate::error::Error;
use crate::store;

/// Postings read at once.
const STRIDE: u32 = 1_000;

/// Lines of a statement, at most: a day with more is told in totals, and in its newest lines.
const MOST_LINES: usize = 10_000;

/// What a span of time came to: opening + credit in − credit out − sold + reversed + other = closing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayTotals {
    /// The credit when it began, holds included.
    pub opening: Money,
    /// What staff gave.
    pub credit_in: Money,
    /// What staff took, or took back.
    pub credit_out: Money,
    /// What sales took.
    pub sold: Money,
    /// What reversals gave back.
    pub reversed: Money,
    /// What anything else added; negative where it took. Nothing, as a rule.
    pub other: Money,
    /// The credit when it ended.
    pub closing: Money,
    /// How many sales took credit.
    pub sales: u64,
    /// How many lines there are.
    pub lines: u64,
}

/// One line of a statement: an entry, whatever it moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    /// When.
    pub at: Timestamp,
    /// `charge.credit`, `charge.sale`, `charge.reversal`.
    pub kind: String,
    /// What happened, for people.
    pub memo: String,
    /// The number that a sale or its reversal was about.
    pub number: Option<PhoneNumber>,
    /// The seller's own name for the sale.
    pub client_ref: Option<String>,
    /// The sale's, or the credit transaction's.
    pub reference: Option<Uuid>,
    /// What it added to the credit; negative where it took.
    pub change: Money,
    /// The credit after it.
    pub balance: Money,
    entry: EntryId,
}

/// A seller's statement over a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayStatement {
    /// Whose it is, as the seller is now.
    pub seller: Seller,
    /// What the span came to.
    pub totals: DayTotals,
    /// Its lines, oldest first; the newest 10,000 of a longer one.
    pub lines: Vec<DayLine>,
}

/// The statement of the seller with this id.
///
/// # Errors
/// [`Error::NoSeller`].
pub fn day_statement(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    seller: Uuid,
    span: &Range<Timestamp>,
) -> Result<DayStatement, Error> {
    let seller = seller_get(tx, settings, seller)?;
    let mut lines = Vec::new();
    let totals = walk(tx, &seller, span, |line| {
        if lines.len() < MOST_LINES {
            lines.push(line);
        }
    })?;
    lines.reverse();
    sale_details_add(tx, settings, &mut lines)?;
    Ok(DayStatement { seller, totals, lines })
}

/// What a span came to for a seller, without its lines.
///
/// # Errors
/// The store's.
pub fn day_totals(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    seller: &Seller,
    span: &Range<Timestamp>,
) -> Result<DayTotals, Error> {
    debug_assert_eq!(seller.credit.currency(), settings.currency);
    walk(tx, seller, span, drop)
}

/// Sums up the lines, newest first, and shows each of them.
fn walk(
    tx: &mut ReadTx<'_>,
    seller: &Seller,
    span: &Range<Timestamp>,
    mut show: impl FnMut(DayLine),
) -> Result<DayTotals, Error> {
    let before = |moment: Timestamp| moment.checked_sub(SignedDuration::from_micros(1)).unwrap_or(moment);
    let nothing = Money::zero(seller.credit.currency());
    let mut totals = DayTotals {
        opening: balance_at(tx, seller.account, before(span.start))?,
        credit_in: nothing,
        credit_out: nothing,
        sold: nothing,
        reversed: nothing,
        other: nothing,
        closing: balance_at(tx, seller.account, before(span.end))?,
        sales: 0,
        lines: 0,
    };
    let (mut open, mut last): (Option<DayLine>, _) = (None, None);
    loop {
        let postings = statement_between(tx, seller.account, span, last, STRIDE)?;
        let is_end = postings.len() < STRIDE as usize;
        last = postings.last().map(|posting| posting.transfer);
        for posting in postings {
            match &mut open {
                // An entry may move the account more than once: it is one line.
                Some(line) if line.entry == posting.entry => line.change = sum(line.change, posting.change)?,
                _ => {
                    if let Some(line) = open.replace(line(posting)) {
                        totals.count(&line)?;
                        show(line);
                    }
                }
            }
        }
        if is_end {
            break;
        }
    }
    if let Some(line) = open {
        totals.count(&line)?;
        show(line);
    }
    Ok(totals)
}

fn line(posting: StatementLine) -> DayLine {
    DayLine {
        at: posting.at,
        kind: posting.kind,
        memo: posting.memo,
        number: None,
        client_ref: None,
        reference: posting.reference.as_deref().and_then(|text| Uuid::try_parse(text).ok()),
        change: posting.change,
        balance: posting.balance,
        entry: posting.entry,
    }
}

fn sum(one: Money, other: Money) -> Result<Money, Error> {
    one.checked_add(other).ok_or(Error::Bug("a statement's total is past 64 bits"))
}

impl DayTotals {
    fn count(&mut self, line: &DayLine) -> Result<(), Error> {
        self.lines += 1;
        match line.kind.as_str() {
            "charge.credit" => self.credit_in = sum(self.credit_in, line.change)?,
            "charge.credit-decrease" | "charge.credit-reversal" => {
                self.credit_out = sum(self.credit_out, line.change.checked_neg().unwrap_or(line.change))?;
            }
            "charge.reversal" => self.reversed = sum(self.reversed, line.change)?,
            "charge.sale" => {
                self.sales += 1;
                self.sold = sum(self.sold, line.change.checked_neg().unwrap_or(line.change))?;
            }
            _ => self.other = sum(self.other, line.change)?,
        }
        Ok(())
    }
}

/// Finds the numbers and references of the sales among the lines.
fn sale_details_add(tx: &mut ReadTx<'_>, settings: &Settings, lines: &mut [DayLine]) -> Result<(), Error> {
    for some in lines.chunks_mut(STRIDE as usize) {
        let ids: Vec<Uuid> =
            some.iter().filter(|line| line.kind != "charge.credit").filter_map(|line| line.reference).collect();
        let sales = store::sales_by_id(tx, &ids, settings.currency)?;
        let sales: HashMap<Uuid, Sale> = sales.into_iter().map(|sale| (sale.id, sale)).collect();
        for line in some {
            if let Some(sale) = line.reference.and_then(|id| sales.get(&id)) {
                line.number = Some(sale.number.clone());
                line.client_ref.clone_from(&sale.client_ref);
            }
        }
    }
    Ok(())
}
