//! What the bank answers: checked row by row, kept, and done as far as it is good.

use purser_kit::console::{Doer, Progress};
use purser_store::{Error as StoreError, Tx};
use uuid::Uuid;

use super::contradiction::{Found, contradiction_keep, utr_undisputed};
use super::decide::{Closing, accounts_lock, is_own, withdrawal_close, withdrawal_complete};
use super::record::change_record;
use crate::contradiction::{Claim, Kind};
use crate::domain::{Settings, Withdrawal};
use crate::error::Error;
use crate::sheet::{Difference, ResultRow, ResultSheet, Said, differences};
use crate::status::Status;
use crate::store::result::{self as store, NewResult, ResultState};
use crate::store::utr::utr_changes_of;
use crate::store::withdrawal::{withdrawal_by_utr, withdrawal_find};
use crate::utr::Utr;

/// What a row comes to, as things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The withdrawal will be completed.
    Completes,
    /// It will be failed, and the coins given back.
    Fails,
    /// The bank does not know yet: it stays processing.
    Stays,
    /// It is as the row says already.
    DoneBefore,
    /// Something is wrong with the row: it says what.
    Wrong,
}

impl Verdict {
    /// The same for people.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Verdict::Completes => "will be completed",
            Verdict::Fails => "will be failed",
            Verdict::Stays => "stays processing",
            Verdict::DoneBefore => "done before",
            Verdict::Wrong => "",
        }
    }
}

/// A file and what each of its rows comes to.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The rows; those that are wrong say what is.
    pub sheet: ResultSheet,
    /// Of each row, in the same order.
    pub verdicts: Vec<Verdict>,
    /// What contradicts us, and the withdrawal that it is about.
    found: Vec<(Withdrawal, Found)>,
}

impl Judged {
    /// How many rows come to this.
    #[must_use]
    pub fn count(&self, wanted: Verdict) -> u32 {
        let count = self.verdicts.iter().filter(|verdict| **verdict == wanted).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many rows contradict what is on record, and are kept for staff.
    #[must_use]
    pub fn contradictions(&self) -> usize {
        self.found.len()
    }

    /// How many rows are not wrong.
    #[must_use]
    pub fn good(&self) -> u32 {
        u32::try_from(self.verdicts.len()).unwrap_or(u32::MAX).saturating_sub(self.count(Verdict::Wrong))
    }
}

/// Checks a file of the bank and keeps it: its id, and what its rows come to. What contradicts us is kept from now on,
/// whether or not anybody does what is good of the file.
///
/// # Errors
/// [`Error::File`] where it is no answer of a bank.
pub fn result_check(tx: &mut Tx<'_>, doer: &mut Doer, file: &[u8]) -> Result<(Uuid, Judged), Error> {
    tx.wide()?;
    let judged = judged(tx, doer, file)?;
    keep(tx, doer, &judged)?;
    let id = doer.fresh_id();
    let (good, bad) = (judged.good(), judged.count(Verdict::Wrong));
    store::result_insert(tx, doer.now, &NewResult { id, file, good, bad, actor: &doer.actor })?;
    Ok((id, judged))
}

/// An answer as it stands, its rows judged as things are now and for whoever asks.
///
/// # Errors
/// [`Error::NoResult`].
pub fn result_show(tx: &mut Tx<'_>, doer: &Doer, id: Uuid) -> Result<(ResultState, Judged), Error> {
    let kept = store::result_find(tx, id)?.ok_or(Error::NoResult)?;
    Ok((kept.state, judged(tx, doer, &kept.file)?))
}

/// What became of a row.
pub type RowOutcome = (ResultRow, Verdict, Result<(), Error>);

/// Does what is good of a file, judged anew, all in one transaction. Rows that are wrong are left, and those that were
/// done before stay as they are. What speaks against a row that was good stands beside it.
///
/// # Errors
/// [`Error::NoResult`]; [`Error::ResultCommitted`] where that was done before; [`Error::ResultStale`] where another
/// withdrawal took a UTR of the file meanwhile.
pub fn result_commit(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    id: Uuid,
    progress: &Progress,
) -> Result<Vec<RowOutcome>, Error> {
    tx.wide()?;
    let kept = store::result_find(tx, id)?.ok_or(Error::NoResult)?;
    // First of all, so that whoever commits the same file at once waits here and finds it done.
    if kept.state == ResultState::Committed || !store::result_committed(tx, doer.now, id)? {
        return Err(Error::ResultCommitted);
    }
    accounts_lock(tx, doer.now, &[])?;
    progress.phase("Checking the file", 0);
    let judged = judged(tx, doer, &kept.file)?;
    keep(tx, doer, &judged)?;
    let Judged { sheet, verdicts, .. } = judged;
    progress.phase("Recording the bank's answers", verdicts.len() as u64);
    let mut outcomes = Vec::with_capacity(verdicts.len());
    for (row, verdict) in std::iter::zip(sheet.rows, verdicts) {
        progress.at(outcomes.len() as u64);
        let outcome = match (row.withdrawal, &row.said) {
            (Some(id), Some(Said::Paid(utr))) if verdict == Verdict::Completes => {
                withdrawal_complete(tx, settings, doer, id, utr).map(Some)
            }
            (Some(id), Some(Said::Failed(reason))) if verdict == Verdict::Fails => {
                withdrawal_close(tx, settings, doer, id, Closing::Fail, reason).map(Some)
            }
            _ => Ok(None),
        };
        if let Ok(Some(withdrawal)) = &outcome {
            change_record(tx, doer, Some(Status::Processing), withdrawal)?;
        }
        match outcome.map(drop) {
            Err(Error::Store(StoreError::Unique { .. })) => return Err(Error::ResultStale),
            Err(error) if !error.is_refusal() => return Err(error),
            outcome => outcomes.push((row, verdict, outcome)),
        }
    }
    Ok(outcomes)
}

fn keep(tx: &mut Tx<'_>, doer: &mut Doer, judged: &Judged) -> Result<(), Error> {
    for (withdrawal, found) in &judged.found {
        contradiction_keep(tx, doer, withdrawal, found)?;
    }
    Ok(())
}

/// The file's rows, and what they come to as the withdrawals are now.
fn judged(tx: &mut Tx<'_>, doer: &Doer, file: &[u8]) -> Result<Judged, Error> {
    let mut sheet = ResultSheet::read(file)?;
    let mut verdicts = Vec::with_capacity(sheet.rows.len());
    let mut found = Vec::new();
    for row in &mut sheet.rows {
        let verdict = match (row.errors.is_empty(), row.withdrawal) {
            (true, Some(id)) => match withdrawal_find(tx, id)? {
                Some(withdrawal) => judge(tx, doer, &withdrawal, row)?.map_err(|against| (withdrawal, against)),
                None => {
                    row.errors.push(Error::NoWithdrawal.to_string());
                    Ok(Verdict::Wrong)
                }
            },
            _ => Ok(Verdict::Wrong),
        };
        verdicts.push(verdict.unwrap_or_else(|(withdrawal, against)| {
            row.errors.push(against.told.clone());
            if let Some(kind) = against.kind {
                let claim = match &row.said {
                    Some(Said::Paid(utr)) => Claim::Paid(utr.clone()),
                    _ => Claim::Failed,
                };
                found.push((withdrawal, Found { kind, claim, paid: row.details.amount, told: against.told }));
                row.errors.push(KEPT.to_owned());
            }
            Verdict::Wrong
        }));
    }
    Ok(Judged { sheet, verdicts, found })
}

/// What a row is told that contradicts what is on record.
const KEPT: &str = "This contradicts what is on record here; it waits for a decision in the inbox.";

/// What speaks against a row; and in which point it contradicts us, where that is more than a mistake in the file.
struct Against {
    kind: Option<Kind>,
    told: String,
}

impl Against {
    fn wrong(told: impl Into<String>) -> Self {
        Against { kind: None, told: told.into() }
    }

    fn contradicts(kind: Kind, told: impl Into<String>) -> Self {
        Against { kind: Some(kind), told: told.into() }
    }
}

/// What a row comes to, or what speaks against it.
fn judge(
    tx: &mut Tx<'_>,
    doer: &Doer,
    withdrawal: &Withdrawal,
    row: &ResultRow,
) -> Result<Result<Verdict, Against>, Error> {
    let is = withdrawal.status;
    let is_processing = is == Status::Processing;
    let not_processing = || format!("The withdrawal is {}, not processing.", is.name());
    let difference = differences(withdrawal, &row.details).into_iter().reduce(|mut first, (_, told)| {
        first.1 = format!("{} {told}", first.1);
        first
    });
    Ok(match &row.said {
        Some(Said::Paid(utr)) => judge_paid(tx, doer, withdrawal, utr, difference)?,
        Some(Said::Failed(reason)) if is == Status::Completed => {
            let utr = withdrawal.utr.as_ref().map(Utr::as_str).unwrap_or_default();
            let told =
                format!("The withdrawal is completed with the UTR {utr}, and the bank says that it failed: {reason}");
            Err(Against::contradicts(Kind::Status, told))
        }
        Some(Said::Failed(_)) if is == Status::Failed => Ok(Verdict::DoneBefore),
        Some(Said::Failed(_) | Said::Open) if !is_processing => Err(Against::wrong(not_processing())),
        Some(Said::Failed(_) | Said::Open) if difference.is_some() => {
            Err(Against::wrong(difference.map(|(_, told)| told).unwrap_or_default()))
        }
        Some(Said::Failed(_)) => Ok(Verdict::Fails),
        Some(Said::Open) => Ok(Verdict::Stays),
        None => Err(Against::wrong(String::new())),
    })
}

fn judge_paid(
    tx: &mut Tx<'_>,
    doer: &Doer,
    withdrawal: &Withdrawal,
    utr: &Utr,
    difference: Option<(Difference, String)>,
) -> Result<Result<Verdict, Against>, Error> {
    let is = withdrawal.status.name();
    let differs = difference.map(|(point, told)| {
        let kind = match point {
            Difference::Amount => Kind::Amount,
            Difference::Currency => Kind::Currency,
            Difference::Payee => Kind::Payee,
        };
        Against::contradicts(kind, format!("{told} UTR {}.", utr.as_str()))
    });
    if let Some(own) = &withdrawal.utr {
        if own == utr {
            return Ok(differs.map_or(Ok(Verdict::DoneBefore), Err));
        }
        if utr_changes_of(tx, withdrawal.id)?.iter().any(|change| change.old == *utr) {
            // The file is older than the correction.
            return Ok(Ok(Verdict::DoneBefore));
        }
    }
    if let Some(other) = withdrawal_by_utr(tx, utr)? {
        let told = Error::UtrUsed { utr: utr.clone(), withdrawal: other.id }.to_string();
        return Ok(Err(Against::contradicts(Kind::UtrUsed, told)));
    }
    Ok(match (&withdrawal.utr, withdrawal.status) {
        (Some(known), status) => {
            let kind = if status == Status::Completed { Kind::SecondUtr } else { Kind::Status };
            let told = format!("The withdrawal is {is} with the UTR {}.", known.as_str());
            Err(Against::contradicts(
                kind,
                format!("{told} The bank says that it is paid with the UTR {}.", utr.as_str()),
            ))
        }
        (None, status) if status != Status::Processing => {
            let told = format!("The withdrawal is {is}, not processing.");
            Err(Against::contradicts(
                Kind::Status,
                format!("{told} The bank says that it is paid with the UTR {}.", utr.as_str()),
            ))
        }
        _ => match (differs, utr_undisputed(tx, utr, withdrawal.id)) {
            (Some(differs), _) => Err(differs),
            (None, Err(error)) if error.is_refusal() => Err(Against::wrong(error.to_string())),
            (None, Err(error)) => return Err(error),
            (None, Ok(())) if is_own(tx, doer, withdrawal)? => Err(Against::wrong(Error::OwnRequest.to_string())),
            (None, Ok(())) => Ok(Verdict::Completes),
        },
    })
}
