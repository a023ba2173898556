//! The bank's files in the console: the one that goes out, and the one that comes back.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Checked, CheckedState, Doer, Done, Download, Import};
use purser_store::ReadTx;
use uuid::Uuid;

use super::counted;
use crate::Coins;
use crate::commands;
use crate::contradiction::State;
use crate::error::Error;
use crate::service::{Judged, Verdict, result_check, result_commit, result_show};
use crate::sheet::{self, MOST_BYTES, TEMPLATE};
use crate::status::Status;
use crate::store::payout::payout_find;
use crate::store::result::ResultState;
use crate::store::withdrawal::{Filter, withdrawals_list};

/// Rows that are shown of a file.
const SHOWN: usize = 200;

/// Lines of a payout file, at most.
const LINES: u32 = 100_000;

/// The payments of a payout that are still open: whoever takes the file again does not pay twice what is on record as
/// paid.
pub(super) fn download(coins: &Arc<Coins>) -> Download {
    let zone = coins.context.zone.clone();
    Download {
        name: "bank-file",
        resource: "payouts",
        title: "Payout file",
        scope: "coins.pay",
        write: Box::new(move |tx, id| {
            let Some(payout) = payout_find(tx, id)? else { return Ok(None) };
            let open = Filter { payout: Some(id), status: Some(Status::Processing), limit: LINES, ..Filter::default() };
            let mut withdrawals = withdrawals_list(tx, &open)?;
            withdrawals.reverse();
            let begun = payout.made_at.to_zoned(zone.clone()).strftime("%Y-%m-%d-%H%M").to_string();
            Ok(Some((format!("payout-{begun}.csv"), sheet::payout(&withdrawals))))
        }),
    }
}

pub(super) fn import(coins: &Arc<Coins>) -> Import {
    let settings = Arc::clone(&coins.settings);
    Import {
        name: "results",
        resource: "payouts",
        title: "Upload the bank's results",
        about: "CSV (commas, semicolons or tabs) with the columns withdrawal_id (or reference), status (paid, failed, or \
                pending), utr and reason, in any order. Amounts, coins, currency, UPI id, beneficiary and remark are \
                compared where the file has them, by the words of their headings. At most 1,000 rows. Good rows are done even where others are wrong, and what \
                was done before is not done again. What contradicts a withdrawal waits in the inbox.",
        command: &commands::RESULTS_IMPORT,
        limit: MOST_BYTES,
        template: TEMPLATE,
        check: Box::new(|tx, doer, file| Ok(result_check(tx, doer, file)?.0)),
        show: Box::new(show),
        insist: None,
        commit: Box::new(move |tx, doer, id, progress| {
            let outcomes = result_commit(tx, &settings, doer, id, progress)?;
            let (mut completed, mut failed, mut rows) = (0, 0, Vec::with_capacity(outcomes.len()));
            for (row, verdict, outcome) in outcomes {
                let told = match (verdict, outcome) {
                    (_, Err(error)) => format!("refused: {error}"),
                    (Verdict::Completes, Ok(())) => {
                        completed += 1;
                        "completed".to_owned()
                    }
                    (Verdict::Fails, Ok(())) => {
                        failed += 1;
                        "failed; the coins are back".to_owned()
                    }
                    (Verdict::Wrong, Ok(())) => format!("refused: {}", row.errors.join(" ")),
                    (Verdict::Stays | Verdict::DoneBefore, Ok(())) => verdict.told().to_owned(),
                };
                let withdrawal = row.given.into_iter().next();
                rows.push((withdrawal.unwrap_or_default(), told));
            }
            let others = rows.len() - completed - failed;
            let mut sentence = format!("{} completed, and {failed} failed.", counted(completed, "withdrawal"));
            if others > 0 {
                sentence.push_str(&format!(" {others} left as they are: their rows say why."));
            }
            Ok(Done { sentence, rows, ..Done::default() })
        }),
        report: Box::new(|tx, doer, id| Ok(known(result_show(tx, doer, id))?.map(|(_, judged)| judged.sheet.report()))),
    }
}

/// `None` for an upload that is not there.
fn known<T>(found: Result<T, Error>) -> Result<Option<T>, Problem> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NoResult) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn show(tx: &mut ReadTx<'_>, doer: &Doer, id: Uuid) -> Result<Option<Checked>, Problem> {
    let Some((state, judged)) = known(result_show(tx, doer, id))? else { return Ok(None) };
    let (good, bad) = (judged.good(), judged.count(Verdict::Wrong));
    let keeps = judged.drafts() > 0;
    let (state, sentence) = match state {
        ResultState::Committed => (CheckedState::Committed, "What was good of this file is done.".to_owned()),
        ResultState::Ready | ResultState::Invalid if good > 0 => (CheckedState::Ready, will(&judged)),
        ResultState::Ready | ResultState::Invalid if keeps => {
            (CheckedState::Ready, "No row is good: saving keeps what the bank says, and does nothing else.".to_owned())
        }
        ResultState::Ready | ResultState::Invalid => {
            (CheckedState::Invalid, "No row is good, so there is nothing to do.".to_owned())
        }
    };
    Ok(Some(Checked {
        state,
        good: good.into(),
        bad: bad.into(),
        sentence: sentence + &contradicted(&judged) + &not_read(&judged),
        second_yes: None,
        columns: judged.sheet.columns.iter().copied().chain(["what happens"]).collect(),
        rows: shown(&judged),
    }))
}

/// Names what nobody should believe to have been read.
fn not_read(judged: &Judged) -> String {
    match judged.sheet.not_read.join(", ") {
        names if names.is_empty() => names,
        names => format!(" Not read: {names}."),
    }
}

/// What contradicts us, and what became of it.
fn contradicted(judged: &Judged) -> String {
    let count = |rows: usize, one: &str, many: &str| match rows {
        0 => String::new(),
        1 => format!(" 1 row {one}."),
        rows => format!(" {rows} rows {many}."),
    };
    [
        count(
            judged.contradictions(),
            "contradicts what is on record, and waits in the inbox",
            "contradict what is on record, and wait in the inbox",
        ),
        count(
            judged.drafts(),
            "differs from what was due: mend it, or save the file and decide in the inbox",
            "differ from what was due: mend them, or save the file and decide in the inbox",
        ),
        count(judged.repeated(State::Dismissed), "repeats what was dismissed", "repeat what was dismissed"),
        count(judged.repeated(State::Settled), "repeats what was settled", "repeat what was settled"),
    ]
    .concat()
}

/// What a commit does.
fn will(judged: &Judged) -> String {
    let count = |verdict| counted(usize::try_from(judged.count(verdict)).unwrap_or(usize::MAX), "withdrawal");
    let (completes, fails) = (count(Verdict::Completes), count(Verdict::Fails));
    let mut sentence = format!("{completes} will be completed, and {fails} failed, with the coins given back.");
    for (verdict, what) in [
        (Verdict::DoneBefore, "done before"),
        (Verdict::Stays, "not known to the bank yet"),
        (Verdict::Wrong, "wrong, and left as they are"),
    ] {
        let rows = judged.count(verdict);
        if rows > 0 {
            sentence.push_str(&format!(" {} {what}.", counted(usize::try_from(rows).unwrap_or(usize::MAX), "row")));
        }
    }
    sentence
}

/// The first rows, wrong ones before good ones.
fn shown(judged: &Judged) -> Vec<(u64, Vec<String>, Vec<String>)> {
    let all = || std::iter::zip(&judged.sheet.rows, &judged.verdicts);
    let wrong = all().filter(|(_, verdict)| **verdict == Verdict::Wrong);
    let right = all().filter(|(_, verdict)| **verdict != Verdict::Wrong);
    let rows = wrong.chain(right).take(SHOWN).map(|(row, verdict)| {
        let cells = row.given.iter().cloned().chain([verdict.told().to_owned()]).collect();
        (row.line, cells, row.errors.clone())
    });
    rows.collect()
}
