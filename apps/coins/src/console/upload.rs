//! The bank's files in the console: the one that goes out, and the one that comes back.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Download, Import, ImportCheck, ImportCheckState, Outcome, RequestContext};
use purser_store::ReadTx;
use uuid::Uuid;

use super::count_noun;
use crate::Coins;
use crate::commands;
use crate::contradiction::ContradictionState;
use crate::error::Error;
use crate::result_file::{self, MOST_BYTES, TEMPLATE};
use crate::service::{ResultReview, RowDecision, result_check, result_commit, result_show};
use crate::status::WithdrawalStatus;
use crate::store::payout::payout_find;
use crate::store::result::ResultState;
use crate::store::withdrawal::{WithdrawalFilter, withdrawals_list};

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
            let open = WithdrawalFilter {
                payout: Some(id),
                status: Some(WithdrawalStatus::Processing),
                limit: LINES,
                ..WithdrawalFilter::default()
            };
            let mut withdrawals = withdrawals_list(tx, &open)?;
            withdrawals.reverse();
            let begun = payout.made_at.to_zoned(zone.clone()).strftime("%Y-%m-%d-%H%M").to_string();
            Ok(Some((format!("payout-{begun}.csv"), result_file::payout(&withdrawals))))
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
        check: Box::new(|tx, cx, file| Ok(result_check(tx, cx, file)?.0)),
        show: Box::new(show),
        confirm: None,
        commit: Box::new(move |tx, cx, id, progress| {
            let outcomes = result_commit(tx, &settings, cx, id, progress)?;
            let (mut completed, mut failed, mut rows) = (0, 0, Vec::with_capacity(outcomes.len()));
            for (row, decision, outcome) in outcomes {
                let told = match (decision, outcome) {
                    (_, Err(error)) => format!("refused: {error}"),
                    (RowDecision::Completes, Ok(())) => {
                        completed += 1;
                        "completed".to_owned()
                    }
                    (RowDecision::Fails, Ok(())) => {
                        failed += 1;
                        "failed; the coins are back".to_owned()
                    }
                    (RowDecision::Wrong, Ok(())) => format!("refused: {}", row.errors.join(" ")),
                    (RowDecision::Stays | RowDecision::DoneBefore, Ok(())) => decision.text().to_owned(),
                };
                let withdrawal = row.given.into_iter().next();
                rows.push((withdrawal.unwrap_or_default(), told));
            }
            let others = rows.len() - completed - failed;
            let mut sentence = format!("{} completed, and {failed} failed.", count_noun(completed, "withdrawal"));
            if others > 0 {
                sentence.push_str(&format!(" {others} left as they are: their rows say why."));
            }
            Ok(Outcome { sentence, rows, ..Outcome::default() })
        }),
        report: Box::new(|tx, cx, id| Ok(known(result_show(tx, cx, id))?.map(|(_, review)| review.file.report()))),
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

fn show(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<Option<ImportCheck>, Problem> {
    let Some((state, review)) = known(result_show(tx, cx, id))? else { return Ok(None) };
    let (good, bad) = (review.good(), review.count(RowDecision::Wrong));
    let keeps = review.drafts() > 0;
    let (state, sentence) = match state {
        ResultState::Committed => (ImportCheckState::Committed, "What was good of this file is done.".to_owned()),
        ResultState::Ready | ResultState::Invalid if good > 0 => (ImportCheckState::Ready, will(&review)),
        ResultState::Ready | ResultState::Invalid if keeps => (
            ImportCheckState::Ready,
            "No row is good: saving keeps what the bank says, and does nothing else.".to_owned(),
        ),
        ResultState::Ready | ResultState::Invalid => {
            (ImportCheckState::Invalid, "No row is good, so there is nothing to do.".to_owned())
        }
    };
    Ok(Some(ImportCheck {
        state,
        good: good.into(),
        bad: bad.into(),
        sentence: sentence + &contradicted(&review) + &not_read(&review),
        second_yes: None,
        columns: review.file.columns.iter().copied().chain(["what happens"]).collect(),
        rows: check_rows(&review),
    }))
}

/// Names what nobody should believe to have been read.
fn not_read(review: &ResultReview) -> String {
    match review.file.not_read.join(", ") {
        names if names.is_empty() => names,
        names => format!(" Not read: {names}."),
    }
}

/// What contradicts us, and what became of it.
fn contradicted(review: &ResultReview) -> String {
    let count = |rows: usize, one: &str, many: &str| match rows {
        0 => String::new(),
        1 => format!(" 1 row {one}."),
        rows => format!(" {rows} rows {many}."),
    };
    [
        count(
            review.contradictions(),
            "contradicts what is on record, and waits in the inbox",
            "contradict what is on record, and wait in the inbox",
        ),
        count(
            review.drafts(),
            "differs from what was due: mend it, or save the file and decide in the inbox",
            "differ from what was due: mend them, or save the file and decide in the inbox",
        ),
        count(
            review.repeated(ContradictionState::Dismissed),
            "repeats what was dismissed",
            "repeat what was dismissed",
        ),
        count(review.repeated(ContradictionState::Settled), "repeats what was settled", "repeat what was settled"),
    ]
    .concat()
}

/// What a commit does.
fn will(review: &ResultReview) -> String {
    let count = |decision| count_noun(usize::try_from(review.count(decision)).unwrap_or(usize::MAX), "withdrawal");
    let (completes, fails) = (count(RowDecision::Completes), count(RowDecision::Fails));
    let mut sentence = format!("{completes} will be completed, and {fails} failed, with the coins given back.");
    for (decision, what) in [
        (RowDecision::DoneBefore, "done before"),
        (RowDecision::Stays, "not known to the bank yet"),
        (RowDecision::Wrong, "wrong, and left as they are"),
    ] {
        let rows = review.count(decision);
        if rows > 0 {
            sentence.push_str(&format!(" {} {what}.", count_noun(usize::try_from(rows).unwrap_or(usize::MAX), "row")));
        }
    }
    sentence
}

/// The first rows, wrong ones before good ones.
fn check_rows(review: &ResultReview) -> Vec<(u64, Vec<String>, Vec<String>)> {
    let all = || std::iter::zip(&review.file.rows, &review.verdicts);
    let wrong = all().filter(|(_, decision)| **decision == RowDecision::Wrong);
    let right = all().filter(|(_, decision)| **decision != RowDecision::Wrong);
    let rows = wrong.chain(right).take(SHOWN).map(|(row, decision)| {
        let cells = row.given.iter().cloned().chain([decision.text().to_owned()]).collect();
        (row.line, cells, row.errors.clone())
    });
    rows.collect()
}
