//! What the bank answers: checked row by row, kept, and done as far as it is good.

use jiff::Timestamp;
use purser_kit::console::{Progress, RequestContext};
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use uuid::Uuid;

use super::contradiction::{ContradictionFinding, contradiction_known, contradiction_store, utr_undisputed};
use super::decide::{CloseReason, accounts_lock, is_own as is_own_request, withdrawal_close, withdrawal_complete};
use super::record::change_record;
use super::unmatched::{NewUnmatchedPayment, unmatched_store};
use crate::contradiction::{BankClaim, ContradictionKind, ContradictionState};
use crate::domain::{Settings, Withdrawal};
use crate::error::Error;
use crate::result_file::{BankStatus, Difference, ResultFile, ResultRow, differences};
use crate::status::WithdrawalStatus;
use crate::store::result::{self as store, NewResult, ResultState};
use crate::store::unmatched::unmatched_same;
use crate::store::utr::utr_changes_of;
use crate::store::withdrawal::{withdrawal_by_utr, withdrawal_find};
use crate::unmatched::UnmatchedPayment;
use crate::utr::Utr;

/// What a row comes to, as things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowDecision {
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

impl RowDecision {
    /// The same for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            RowDecision::Completes => "will be completed",
            RowDecision::Fails => "will be failed",
            RowDecision::Stays => "stays processing",
            RowDecision::DoneBefore => "done before",
            RowDecision::Wrong => "",
        }
    }
}

/// A file and what each of its rows comes to.
#[derive(Debug, Clone)]
pub struct ResultReview {
    /// The rows; those that are wrong say what is.
    pub file: ResultFile,
    /// Of each row, in the same order.
    pub verdicts: Vec<RowDecision>,
    /// What contradicts us.
    found: Vec<RowContradiction>,
}

/// A row that says otherwise than we do.
#[derive(Debug, Clone)]
struct RowContradiction {
    what: RowContradictionKind,
    /// Whether it is kept as soon as the file is uploaded. Otherwise it may be a mistake of a draft, and is kept when
    /// the file is committed with it.
    at_once: bool,
    /// How it stands, where it is kept already: its state, and who decided on it and when.
    known: Option<PriorDecision>,
}

type PriorDecision = (ContradictionState, Option<(String, Timestamp)>);

#[derive(Debug, Clone)]
enum RowContradictionKind {
    Contradiction(Box<Withdrawal>, ContradictionFinding),
    Unmatched(NewUnmatchedPayment),
}

impl RowContradiction {
    fn waits(&self) -> bool {
        self.known.as_ref().map_or(self.at_once, |(state, _)| *state == ContradictionState::Open)
    }

    fn is_draft(&self) -> bool {
        !self.at_once && self.known.is_none()
    }

    fn is(&self, wanted: ContradictionState) -> bool {
        self.known.as_ref().is_some_and(|(state, _)| *state == wanted)
    }

    /// What its row is told of it.
    fn text(&self) -> String {
        match &self.known {
            Some((ContradictionState::Open, _)) => KEPT.to_owned(),
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

impl ResultReview {
    /// How many rows come to this.
    #[must_use]
    pub fn count(&self, wanted: RowDecision) -> u32 {
        let count = self.verdicts.iter().filter(|decision| **decision == wanted).count();
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
    pub fn repeated(&self, decided: ContradictionState) -> usize {
        self.found.iter().filter(|one| one.is(decided)).count()
    }

    /// How many rows are not wrong.
    #[must_use]
    pub fn good(&self) -> u32 {
        u32::try_from(self.verdicts.len()).unwrap_or(u32::MAX).saturating_sub(self.count(RowDecision::Wrong))
    }
}

/// Checks a file of the bank and keeps it: its id, and what its rows come to. What contradicts a withdrawal that is
/// settled is kept from now on, whether or not anybody does what is good of the file.
///
/// # Errors
/// [`Error::File`] where it is no answer of a bank.
pub fn result_check(tx: &mut WriteTx<'_>, cx: &mut RequestContext, file: &[u8]) -> Result<(Uuid, ResultReview), Error> {
    tx.bulk()?;
    let review = review(tx, cx, file)?;
    contradictions_store(tx, cx, &review, false)?;
    let id = cx.new_id();
    let (good, bad) = (review.good(), review.count(RowDecision::Wrong));
    store::result_insert(tx, cx.now, &NewResult { id, file, good, bad, actor: &cx.actor })?;
    Ok((id, review))
}

/// An answer as it stands, its rows judged as things are now and for whoever asks.
///
/// # Errors
/// [`Error::NoResult`].
pub fn result_show(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<(ResultState, ResultReview), Error> {
    let kept = store::result_find(tx, id)?.ok_or(Error::NoResult)?;
    Ok((kept.state, review(tx, cx, &kept.file)?))
}

/// What became of a row.
pub type RowOutcome = (ResultRow, RowDecision, Result<(), Error>);

/// Does what is good of a file, judged anew, all in one transaction. Rows that are wrong are left, and those that were
/// done before stay as they are; what contradicts us is kept. What speaks against a row that was good stands beside it.
///
/// # Errors
/// [`Error::NoResult`]; [`Error::ResultCommitted`] where that was done before; [`Error::ResultStale`] where another
/// withdrawal took a UTR of the file meanwhile.
pub fn result_commit(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    progress: &Progress,
) -> Result<Vec<RowOutcome>, Error> {
    tx.bulk()?;
    let kept = store::result_find(tx, id)?.ok_or(Error::NoResult)?;
    // First of all, so that whoever commits the same file at once waits here and finds it done.
    if kept.state == ResultState::Committed || !store::result_committed(tx, cx.now, id)? {
        return Err(Error::ResultCommitted);
    }
    accounts_lock(tx, cx.now, &[])?;
    progress.phase("Checking the file", 0);
    let review = review(tx, cx, &kept.file)?;
    contradictions_store(tx, cx, &review, true)?;
    let ResultReview { mut file, verdicts, .. } = review;
    for told in file.rows.iter_mut().flat_map(|row| &mut row.errors).filter(|told| *told == DRAFT) {
        KEPT.clone_into(told);
    }
    progress.phase("Recording the bank's answers", verdicts.len() as u64);
    let mut outcomes = Vec::with_capacity(verdicts.len());
    for (row, decision) in std::iter::zip(file.rows, verdicts) {
        progress.at(outcomes.len() as u64);
        let outcome = match (row.withdrawal, &row.said) {
            (Some(id), Some(BankStatus::Paid(utr))) if decision == RowDecision::Completes => {
                withdrawal_complete(tx, settings, cx, id, utr).map(Some)
            }
            (Some(id), Some(BankStatus::Failed(reason))) if decision == RowDecision::Fails => {
                withdrawal_close(tx, settings, cx, id, CloseReason::Fail, reason).map(Some)
            }
            _ => Ok(None),
        };
        if let Ok(Some(withdrawal)) = &outcome {
            change_record(tx, cx, Some(WithdrawalStatus::Processing), withdrawal)?;
        }
        match outcome.map(drop) {
            Err(Error::Store(StoreError::Unique { .. })) => return Err(Error::ResultStale),
            Err(error) if !error.is_refusal() => return Err(error),
            outcome => outcomes.push((row, decision, outcome)),
        }
    }
    Ok(outcomes)
}

fn contradictions_store(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    review: &ResultReview,
    with_drafts: bool,
) -> Result<(), Error> {
    let new = review.found.iter().filter(|one| one.known.is_none() && (one.at_once || with_drafts));
    for one in new {
        match &one.what {
            RowContradictionKind::Contradiction(withdrawal, found) => contradiction_store(tx, cx, withdrawal, found)?,
            RowContradictionKind::Unmatched(new) => unmatched_store(tx, cx, new)?,
        };
    }
    Ok(())
}

/// The file's rows, and what they come to as the withdrawals are now.
fn review(tx: &mut ReadTx<'_>, cx: &RequestContext, file: &[u8]) -> Result<ResultReview, Error> {
    let mut sheet = ResultFile::read(file)?;
    let mut verdicts = Vec::with_capacity(sheet.rows.len());
    let mut found = Vec::new();
    for row in &mut sheet.rows {
        let (decision, otherwise) = row_review(tx, cx, row)?;
        if let Some(otherwise) = otherwise {
            row.errors.push(otherwise.text());
            found.push(otherwise);
        }
        verdicts.push(decision);
    }
    Ok(ResultReview { file: sheet, verdicts, found })
}

/// What a row comes to, and what it says otherwise than we do. What is wrong with it is added to it.
fn row_review(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    row: &mut ResultRow,
) -> Result<(RowDecision, Option<RowContradiction>), Error> {
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
        return Ok((RowDecision::Wrong, unmatched(tx, row, is_id)?));
    };
    let is_settled = !matches!(withdrawal.status, WithdrawalStatus::Pending | WithdrawalStatus::Processing);
    if !row.errors.is_empty() && (!is_settled || row.said.is_none()) {
        return Ok((RowDecision::Wrong, None));
    }
    let against = match row_decide(tx, cx, &withdrawal, row)? {
        Ok(decision) => return Ok((if row.errors.is_empty() { decision } else { RowDecision::Wrong }, None)),
        Err(against) => against,
    };
    row.errors.push(against.reason.clone());
    let Some(kind) = against.kind else { return Ok((RowDecision::Wrong, None)) };
    let claim = match &row.said {
        Some(BankStatus::Paid(utr)) => BankClaim::Paid(utr.clone()),
        _ => BankClaim::Failed,
    };
    let found = ContradictionFinding { kind, claim, paid: row.details.paid(withdrawal.due()), told: against.reason };
    let known = contradiction_known(tx, cx, &withdrawal, &found)?.map(|one| (one.state, one.decided));
    // What is not settled yet is put right in the file first, and so are two rows of one file.
    let at_once =
        (withdrawal.status != WithdrawalStatus::Processing || kind == ContradictionKind::UtrUsed) && !row.repeated;
    Ok((
        RowDecision::Wrong,
        Some(RowContradiction {
            what: RowContradictionKind::Contradiction(Box::new(withdrawal), found),
            at_once,
            known,
        }),
    ))
}

/// A payment of a withdrawal that there is not.
fn unmatched(tx: &mut ReadTx<'_>, row: &ResultRow, at_once: bool) -> Result<Option<RowContradiction>, Error> {
    let Some(BankStatus::Paid(utr)) = &row.said else { return Ok(None) };
    let named = row.given.first().cloned().unwrap_or_default();
    let new = NewUnmatchedPayment { named, utr: utr.clone(), paid: row.details.any_paid() };
    let once = UnmatchedPayment::once(&new.named, &new.utr, new.paid);
    let known = unmatched_same(tx, &once)?.map(|one| (one.state, one.decided));
    Ok(Some(RowContradiction { what: RowContradictionKind::Unmatched(new), at_once, known }))
}

/// What a row is told that contradicts what is on record.
const KEPT: &str = "This contradicts what is on record here; it waits for a decision in the inbox.";

/// The same, where the file may be put right.
const DRAFT: &str = "Mend the row and upload the file again; saved as it is, it waits for a decision in the inbox, and its UTR pays nothing.";

/// What speaks against a row; and in which point it contradicts us, where that is more than a mistake in the file.
struct RowObjection {
    kind: Option<ContradictionKind>,
    reason: String,
}

impl RowObjection {
    fn wrong(told: impl Into<String>) -> Self {
        RowObjection { kind: None, reason: told.into() }
    }

    fn contradicts(kind: ContradictionKind, told: impl Into<String>) -> Self {
        RowObjection { kind: Some(kind), reason: told.into() }
    }
}

/// What a row comes to, or what speaks against it.
fn row_decide(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    withdrawal: &Withdrawal,
    row: &ResultRow,
) -> Result<Result<RowDecision, RowObjection>, Error> {
    let is = withdrawal.status;
    let is_processing = is == WithdrawalStatus::Processing;
    let not_processing = || format!("The withdrawal is {}, not processing.", is.name());
    let difference = differences(withdrawal, &row.details).into_iter().reduce(|mut first, (_, told)| {
        first.1 = format!("{} {told}", first.1);
        first
    });
    Ok(match &row.said {
        Some(BankStatus::Paid(utr)) => row_decide_paid(tx, cx, withdrawal, utr, difference)?,
        Some(BankStatus::Failed(reason)) if is == WithdrawalStatus::Completed => {
            let utr = withdrawal.utr.as_ref().map(Utr::as_str).unwrap_or_default();
            let told =
                format!("The withdrawal is completed with the UTR {utr}, and the bank says that it failed: {reason}");
            Err(RowObjection::contradicts(ContradictionKind::Status, told))
        }
        Some(BankStatus::Failed(_)) if matches!(is, WithdrawalStatus::Failed | WithdrawalStatus::Reversed) => {
            Ok(RowDecision::DoneBefore)
        }
        Some(BankStatus::Failed(_) | BankStatus::Open) if !is_processing => Err(RowObjection::wrong(not_processing())),
        Some(BankStatus::Failed(_) | BankStatus::Open) if difference.is_some() => {
            Err(RowObjection::wrong(difference.map(|(_, told)| told).unwrap_or_default()))
        }
        Some(BankStatus::Failed(_)) => Ok(RowDecision::Fails),
        Some(BankStatus::Open) => Ok(RowDecision::Stays),
        None => Err(RowObjection::wrong(String::new())),
    })
}

/// What a row that says paid comes to. It is done before only while the withdrawal is completed by that payment; of one
/// whose coins went back it says that the user has coins and rupees.
fn row_decide_paid(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    withdrawal: &Withdrawal,
    utr: &Utr,
    difference: Option<(Difference, String)>,
) -> Result<Result<RowDecision, RowObjection>, Error> {
    let is = withdrawal.status;
    let more = difference.as_ref().map(|(_, told)| format!(" {told}")).unwrap_or_default();
    let differs = difference.map(|(point, told)| {
        let kind = match point {
            Difference::Amount => ContradictionKind::Amount,
            Difference::Currency => ContradictionKind::Currency,
            Difference::Payee => ContradictionKind::Payee,
        };
        RowObjection::contradicts(kind, format!("{told} UTR {}.", utr.as_str()))
    });
    // A file may be older than the correction of the UTR.
    let is_own = withdrawal.utr.as_ref() == Some(utr);
    if is == WithdrawalStatus::Completed
        && (is_own || utr_changes_of(tx, withdrawal.id)?.iter().any(|change| change.old == *utr))
    {
        return Ok(differs.map_or(Ok(RowDecision::DoneBefore), Err));
    }
    if let Some(other) = withdrawal_by_utr(tx, utr)?.filter(|other| other.id != withdrawal.id) {
        let told = Error::UtrUsed { utr: utr.clone(), withdrawal: other.id }.to_string();
        return Ok(Err(RowObjection::contradicts(ContradictionKind::UtrUsed, told)));
    }
    if is != WithdrawalStatus::Processing {
        let kind =
            if is == WithdrawalStatus::Completed { ContradictionKind::SecondUtr } else { ContradictionKind::Status };
        let stands = match &withdrawal.utr {
            Some(known) => format!("The withdrawal is {} with the UTR {}.", is.name(), known.as_str()),
            None => format!("The withdrawal is {}, not processing.", is.name()),
        };
        let told = format!("{stands} The bank says that it is paid with the UTR {}.{more}", utr.as_str());
        return Ok(Err(RowObjection::contradicts(kind, told)));
    }
    Ok(match (differs, utr_undisputed(tx, utr, withdrawal.id)) {
        (Some(differs), _) => Err(differs),
        (None, Err(error)) if error.is_refusal() => Err(RowObjection::wrong(error.to_string())),
        (None, Err(error)) => return Err(error),
        (None, Ok(())) if is_own_request(tx, cx, withdrawal)? => {
            Err(RowObjection::wrong(Error::OwnRequest.to_string()))
        }
        (None, Ok(())) => Ok(RowDecision::Completes),
    })
}
