//! What the bank answers: checked row by row, kept, and done as far as it is good.

use purser_kit::console::{Doer, Progress};
use purser_store::{Error as StoreError, Tx};
use uuid::Uuid;

use super::decide::{Closing, accounts_lock, is_own, withdrawal_close, withdrawal_complete};
use super::record::change_record;
use crate::domain::Settings;
use crate::error::Error;
use crate::sheet::{ResultRow, ResultSheet, Said};
use crate::status::Status;
use crate::store::result::{self as store, NewResult, ResultState};
use crate::store::withdrawal::{withdrawal_by_utr, withdrawal_find};

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
}

impl Judged {
    /// How many rows come to this.
    #[must_use]
    pub fn count(&self, wanted: Verdict) -> u32 {
        let count = self.verdicts.iter().filter(|verdict| **verdict == wanted).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many rows are not wrong.
    #[must_use]
    pub fn good(&self) -> u32 {
        u32::try_from(self.verdicts.len()).unwrap_or(u32::MAX).saturating_sub(self.count(Verdict::Wrong))
    }
}

/// Checks a file of the bank and keeps it: its id, and what its rows come to.
///
/// # Errors
/// [`Error::File`] where it is no answer of a bank.
pub fn result_check(tx: &mut Tx<'_>, doer: &mut Doer, file: &[u8]) -> Result<(Uuid, Judged), Error> {
    tx.wide()?;
    let judged = judged(tx, doer, file)?;
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
    let Judged { sheet, verdicts } = judged(tx, doer, &kept.file)?;
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

/// The file's rows, and what they come to as the withdrawals are now.
fn judged(tx: &mut Tx<'_>, doer: &Doer, file: &[u8]) -> Result<Judged, Error> {
    let mut sheet = ResultSheet::read(file)?;
    let mut verdicts = Vec::with_capacity(sheet.rows.len());
    for row in &mut sheet.rows {
        let verdict = match (row.errors.is_empty(), row.withdrawal, &row.said) {
            (true, Some(id), Some(said)) => judge(tx, doer, id, said)?,
            _ => Err(String::new()),
        };
        verdicts.push(match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                row.errors.extend(Some(error).filter(|error| !error.is_empty()));
                Verdict::Wrong
            }
        });
    }
    Ok(Judged { sheet, verdicts })
}

/// What a row comes to, or what is wrong with it.
fn judge(tx: &mut Tx<'_>, doer: &Doer, id: Uuid, said: &Said) -> Result<Result<Verdict, String>, Error> {
    let Some(withdrawal) = withdrawal_find(tx, id)? else { return Ok(Err(Error::NoWithdrawal.to_string())) };
    let is_processing = withdrawal.status == Status::Processing;
    let is = withdrawal.status.name();
    Ok(match said {
        Said::Open if is_processing => Ok(Verdict::Stays),
        Said::Paid(utr) if withdrawal.utr.as_ref() == Some(utr) => Ok(Verdict::DoneBefore),
        Said::Paid(utr) if is_processing => {
            if let Some(other) = withdrawal_by_utr(tx, utr)? {
                Err(Error::UtrUsed { utr: utr.clone(), withdrawal: other.id }.to_string())
            } else if is_own(tx, doer, &withdrawal)? {
                Err(Error::OwnRequest.to_string())
            } else {
                Ok(Verdict::Completes)
            }
        }
        Said::Paid(_) => match &withdrawal.utr {
            Some(known) => Err(format!("The withdrawal is {is} with the UTR {}.", known.as_str())),
            None => Err(format!("The withdrawal is {is}, not processing.")),
        },
        Said::Failed(_) if withdrawal.status == Status::Failed => Ok(Verdict::DoneBefore),
        Said::Failed(_) if is_processing => Ok(Verdict::Fails),
        Said::Open | Said::Failed(_) => Err(format!("The withdrawal is {is}, not processing.")),
    })
}
