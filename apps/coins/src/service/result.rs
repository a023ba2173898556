//! What the bank answers: checked row by row, kept, and done as far as it is good.

use jiff::Timestamp;
use purser_kit::console::{Doer, Progress};
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use uuid::Uuid;

use super::contradiction::{Found, contradiction_keep, contradiction_known, utr_undisputed};
use super::decide::{Closing, accounts_lock, is_own as is_own_request, withdrawal_close, withdrawal_complete};
use super::record::change_record;
use super::unmatched::{NewUnmatched, unmatched_keep};
use crate::contradiction::{Claim, Kind, State};
use crate::domain::{Settings, Withdrawal};
use crate::error::Error;
use crate::sheet::{Difference, ResultRow, ResultSheet, Said, differences};
use crate::status::Status;
use crate::store::result::{self as store, NewResult, ResultState};
use crate::store::unmatched::unmatched_same;
use crate::store::utr::utr_changes_of;
use crate::store::withdrawal::{withdrawal_by_utr, withdrawal_find};
use crate::unmatched::Unmatched;
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
    /// What contradicts us.
    found: Vec<Otherwise>,
}

/// A row that says otherwise than we do.
#[derive(Debug, Clone)]
struct Otherwise {
    what: What,
    /// Whether it is kept as soon as the file is uploaded. Otherwise it may be a mistake of a draft, and is kept when
    /// the file is committed with it.
    at_once: bool,
    /// How it stands, where it is kept already: its state, and who decided on it and when.
    known: Option<Known>,
}

type Known = (State, Option<(String, Timestamp)>);

#[derive(Debug, Clone)]
enum What {
    Contradiction(Box<Withdrawal>, Found),
    Unmatched(NewUnmatched),
}

impl Otherwise {
    fn waits(&self) -> bool {
        self.known.as_ref().map_or(self.at_once, |(state, _)| *state == State::Open)
    }

    fn is_draft(&self) -> bool {
        !self.at_once && self.known.is_none()
    }

    fn is(&self, wanted: State) -> bool {
        self.known.as_ref().is_some_and(|(state, _)| *state == wanted)
    }

    /// What its row is told of it.
    fn told(&self) -> String {
        match &self.known {
            Some((State::Open, _)) => KEPT.to_owned(),
            Some((state, decided)) => {
                let decided =
                    decided.as_ref().map(|(by, at)| format!(" on {} by {by}", at.strftime("%Y-%m-%d %H:%M UTC")));
                format!("The bank said this before, and it was {}{}.", state.name(), decided.unwrap_or_default())
            }
            None if self.at_once => KEPT.to_owned(),
            None => DRAFT.to_owned(),
        }
    }
}

impl Judged {
    /// How many rows come to this.
    #[must_use]
    pub fn count(&self, wanted: Verdict) -> u32 {
        let count = self.verdicts.iter().filter(|verdict| **verdict == wanted).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many rows contradict what is on record, and wait for staff.
    #[must_use]
    pub fn contradictions(&self) -> usize {
        self.found.iter().filter(|one| one.waits()).count()
    }

    /// How many rows would wait for staff, if the file were committed as it is.
    #[must_use]
    pub fn drafts(&self) -> usize {
        self.found.iter().filter(|one| one.is_draft()).count()
    }

    /// How many rows repeat what was decided so.
    #[must_use]
    pub fn repeated(&self, decided: State) -> usize {
        self.found.iter().filter(|one| one.is(decided)).count()
    }

    /// How many rows are not wrong.
    #[must_use]
    pub fn good(&self) -> u32 {
        u32::try_from(self.verdicts.len()).unwrap_or(u32::MAX).saturating_sub(self.count(Verdict::Wrong))
    }
}

/// Checks a file of the bank and keeps it: its id, and what its rows come to. What contradicts a withdrawal that is
/// settled is kept from now on, whether or not anybody does what is good of the file.
///
/// # Errors
/// [`Error::File`] where it is no answer of a bank.
pub fn result_check(tx: &mut WriteTx<'_>, doer: &mut Doer, file: &[u8]) -> Result<(Uuid, Judged), Error> {
    tx.wide()?;
    let judged = judged(tx, doer, file)?;
    keep(tx, doer, &judged, false)?;
    let id = doer.fresh_id();
    let (good, bad) = (judged.good(), judged.count(Verdict::Wrong));
    store::result_insert(tx, doer.now, &NewResult { id, file, good, bad, actor: &doer.actor })?;
    Ok((id, judged))
}

/// An answer as it stands, its rows judged as things are now and for whoever asks.
///
/// # Errors
/// [`Error::NoResult`].
pub fn result_show(tx: &mut ReadTx<'_>, doer: &Doer, id: Uuid) -> Result<(ResultState, Judged), Error> {
    let kept = store::result_find(tx, id)?.ok_or(Error::NoResult)?;
    Ok((kept.state, judged(tx, doer, &kept.file)?))
}

/// What became of a row.
pub type RowOutcome = (ResultRow, Verdict, Result<(), Error>);

/// Does what is good of a file, judged anew, all in one transaction. Rows that are wrong are left, and those that were
/// done before stay as they are; what contradicts us is kept. What speaks against a row that was good stands beside it.
///
/// # Errors
/// [`Error::NoResult`]; [`Error::ResultCommitted`] where that was done before; [`Error::ResultStale`] where another
/// withdrawal took a UTR of the file meanwhile.
pub fn result_commit(
    tx: &mut WriteTx<'_>,
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
    keep(tx, doer, &judged, true)?;
    let Judged { mut sheet, verdicts, .. } = judged;
    for told in sheet.rows.iter_mut().flat_map(|row| &mut row.errors).filter(|told| *told == DRAFT) {
        KEPT.clone_into(told);
    }
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

fn keep(tx: &mut WriteTx<'_>, doer: &mut Doer, judged: &Judged, with_drafts: bool) -> Result<(), Error> {
    let new = judged.found.iter().filter(|one| one.known.is_none() && (one.at_once || with_drafts));
    for one in new {
        match &one.what {
            What::Contradiction(withdrawal, found) => contradiction_keep(tx, doer, withdrawal, found)?,
            What::Unmatched(new) => unmatched_keep(tx, doer, new)?,
        };
    }
    Ok(())
}

/// The file's rows, and what they come to as the withdrawals are now.
fn judged(tx: &mut ReadTx<'_>, doer: &Doer, file: &[u8]) -> Result<Judged, Error> {
    let mut sheet = ResultSheet::read(file)?;
    let mut verdicts = Vec::with_capacity(sheet.rows.len());
    let mut found = Vec::new();
    for row in &mut sheet.rows {
        let (verdict, otherwise) = row_judged(tx, doer, row)?;
        if let Some(otherwise) = otherwise {
            row.errors.push(otherwise.told());
            found.push(otherwise);
        }
        verdicts.push(verdict);
    }
    Ok(Judged { sheet, verdicts, found })
}

/// What a row comes to, and what it says otherwise than we do. What is wrong with it is added to it.
fn row_judged(tx: &mut ReadTx<'_>, doer: &Doer, row: &mut ResultRow) -> Result<(Verdict, Option<Otherwise>), Error> {
    let withdrawal = match row.withdrawal {
        Some(id) => withdrawal_find(tx, id)?,
        None => None,
    };
    let Some(withdrawal) = withdrawal else {
        let is_id = row.withdrawal.is_some();
        if is_id {
            row.errors.push(Error::NoWithdrawal.to_string());
        }
        // A text that is no id may be a mistake of the draft. An id is copied, and not mistyped.
        return Ok((Verdict::Wrong, unmatched(tx, row, is_id)?));
    };
    let is_settled = !matches!(withdrawal.status, Status::Pending | Status::Processing);
    if !row.errors.is_empty() && (!is_settled || row.said.is_none()) {
        return Ok((Verdict::Wrong, None));
    }
    let against = match judge(tx, doer, &withdrawal, row)? {
        Ok(verdict) => return Ok((if row.errors.is_empty() { verdict } else { Verdict::Wrong }, None)),
        Err(against) => against,
    };
    row.errors.push(against.told.clone());
    let Some(kind) = against.kind else { return Ok((Verdict::Wrong, None)) };
    let claim = match &row.said {
        Some(Said::Paid(utr)) => Claim::Paid(utr.clone()),
        _ => Claim::Failed,
    };
    let found = Found { kind, claim, paid: row.details.paid(withdrawal.due()), told: against.told };
    let known = contradiction_known(tx, doer, &withdrawal, &found)?.map(|one| (one.state, one.decided));
    // What is not settled yet is put right in the file first, and so are two rows of one file.
    let at_once = (withdrawal.status != Status::Processing || kind == Kind::UtrUsed) && !row.repeated;
    Ok((Verdict::Wrong, Some(Otherwise { what: What::Contradiction(Box::new(withdrawal), found), at_once, known })))
}

/// A payment of a withdrawal that there is not.
fn unmatched(tx: &mut ReadTx<'_>, row: &ResultRow, at_once: bool) -> Result<Option<Otherwise>, Error> {
    let Some(Said::Paid(utr)) = &row.said else { return Ok(None) };
    let named = row.given.first().cloned().unwrap_or_default();
    let new = NewUnmatched { named, utr: utr.clone(), paid: row.details.any_paid() };
    let once = Unmatched::once(&new.named, &new.utr, new.paid);
    let known = unmatched_same(tx, &once)?.map(|one| (one.state, one.decided));
    Ok(Some(Otherwise { what: What::Unmatched(new), at_once, known }))
}

/// What a row is told that contradicts what is on record.
const KEPT: &str = "This contradicts what is on record here; it waits for a decision in the inbox.";

/// The same, where the file may be put right.
const DRAFT: &str = "Mend the row and upload the file again; saved as it is, it waits for a decision in the inbox, and its UTR pays nothing.";

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
    tx: &mut ReadTx<'_>,
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
        Some(Said::Failed(_)) if matches!(is, Status::Failed | Status::Reversed) => Ok(Verdict::DoneBefore),
        Some(Said::Failed(_) | Said::Open) if !is_processing => Err(Against::wrong(not_processing())),
        Some(Said::Failed(_) | Said::Open) if difference.is_some() => {
            Err(Against::wrong(difference.map(|(_, told)| told).unwrap_or_default()))
        }
        Some(Said::Failed(_)) => Ok(Verdict::Fails),
        Some(Said::Open) => Ok(Verdict::Stays),
        None => Err(Against::wrong(String::new())),
    })
}

/// What a row that says paid comes to. It is done before only while the withdrawal is completed by that payment; of one
/// whose coins went back it says that the user has coins and rupees.
fn judge_paid(
    tx: &mut ReadTx<'_>,
    doer: &Doer,
    withdrawal: &Withdrawal,
    utr: &Utr,
    difference: Option<(Difference, String)>,
) -> Result<Result<Verdict, Against>, Error> {
    let is = withdrawal.status;
    let more = difference.as_ref().map(|(_, told)| format!(" {told}")).unwrap_or_default();
    let differs = difference.map(|(point, told)| {
        let kind = match point {
            Difference::Amount => Kind::Amount,
            Difference::Currency => Kind::Currency,
            Difference::Payee => Kind::Payee,
        };
        Against::contradicts(kind, format!("{told} UTR {}.", utr.as_str()))
    });
    // A file may be older than the correction of the UTR.
    let is_own = withdrawal.utr.as_ref() == Some(utr);
    if is == Status::Completed && (is_own || utr_changes_of(tx, withdrawal.id)?.iter().any(|change| change.old == *utr))
    {
        return Ok(differs.map_or(Ok(Verdict::DoneBefore), Err));
    }
    if let Some(other) = withdrawal_by_utr(tx, utr)?.filter(|other| other.id != withdrawal.id) {
        let told = Error::UtrUsed { utr: utr.clone(), withdrawal: other.id }.to_string();
        return Ok(Err(Against::contradicts(Kind::UtrUsed, told)));
    }
    if is != Status::Processing {
        let kind = if is == Status::Completed { Kind::SecondUtr } else { Kind::Status };
        let stands = match &withdrawal.utr {
            Some(known) => format!("The withdrawal is {} with the UTR {}.", is.name(), known.as_str()),
            None => format!("The withdrawal is {}, not processing.", is.name()),
        };
        let told = format!("{stands} The bank says that it is paid with the UTR {}.{more}", utr.as_str());
        return Ok(Err(Against::contradicts(kind, told)));
    }
    Ok(match (differs, utr_undisputed(tx, utr, withdrawal.id)) {
        (Some(differs), _) => Err(differs),
        (None, Err(error)) if error.is_refusal() => Err(Against::wrong(error.to_string())),
        (None, Err(error)) => return Err(error),
        (None, Ok(())) if is_own_request(tx, doer, withdrawal)? => Err(Against::wrong(Error::OwnRequest.to_string())),
        (None, Ok(())) => Ok(Verdict::Completes),
    })
}
