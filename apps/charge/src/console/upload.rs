//! Files of sales in the console.

use std::sync::Arc;

use jiff::Timestamp;
use purser_kit::Problem;
use purser_kit::console::{Checked, CheckedState, Doer, Done, Import, Progress};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::counted;
use crate::Charge;
use crate::commands;
use crate::error::Error;
use crate::service::{CheckedSheet, Selling, sheet_check, sheet_sell};
use crate::sheet;
use crate::store::upload::{Upload, upload_find, upload_insert, upload_insisted, upload_sold};

/// Rows shown, at most.
const SHOWN: usize = 200;

pub(super) fn import(charge: &Arc<Charge>) -> Import {
    let [checking, showing, selling, reporting] = [(); 4].map(|()| Arc::clone(charge));
    Import {
        name: "sales",
        resource: "sales",
        title: "Bulk upload",
        about: "A list of sales. The first line names the columns: phone_number, amount, client_ref if any, and the \
                seller by seller_id or by its name in seller. At most 5,000 rows; all of them are sold, or none.",
        command: &commands::SALES_IMPORT,
        limit: sheet::MOST_BYTES,
        template: sheet::TEMPLATE,
        check: Box::new(move |tx, doer, file| {
            let text = sheet::text(file)?;
            // What is no list of sales is not kept.
            sheet::read(&text, &checking.settings)?;
            let id = doer.fresh_id();
            upload_insert(tx, id, &text, &doer.actor, doer.now)?;
            Ok(id)
        }),
        show: Box::new(move |tx, doer, id| show(tx, doer.now, &showing, id)),
        insist: Some(Box::new(|tx, doer, id| Ok(upload_insisted(tx, id, &doer.actor)?))),
        commit: Box::new(move |tx, doer, id, progress| commit(tx, &selling, doer, id, progress)),
        report: Box::new(move |tx, doer, id| {
            let Some(upload) = upload_find(tx, id)? else { return Ok(None) };
            let checked = checked(tx, doer.now, &reporting, &upload)?;
            let rows = checked.rows.iter().filter(|row| !row.errors.is_empty());
            Ok(Some(sheet::report(rows.map(|row| (row.cells.as_slice(), row.errors.as_slice())))))
        }),
    }
}

/// Always against what is known now: a file that was good may not be any more.
fn checked(tx: &mut ReadTx<'_>, now: Timestamp, charge: &Charge, upload: &Upload) -> Result<CheckedSheet, Error> {
    sheet_check(tx, now, &charge.settings, sheet::read(&upload.content, &charge.settings)?, None)
}

fn show(tx: &mut ReadTx<'_>, now: Timestamp, charge: &Charge, id: Uuid) -> Result<Option<Checked>, Problem> {
    let Some(upload) = upload_find(tx, id)? else { return Ok(None) };
    if let Some((at, sales)) = upload.sold {
        let made = at.to_zoned(charge.context.zone.clone()).strftime("%d %b %Y %H:%M").to_string();
        return Ok(Some(Checked {
            state: CheckedState::Committed,
            good: u64::try_from(sales).unwrap_or(0),
            bad: 0,
            sentence: format!(
                "The {} of this file were made on {made}.",
                counted(usize::try_from(sales).unwrap_or(0), "sale")
            ),
            second_yes: None,
            columns: Vec::new(),
            rows: Vec::new(),
        }));
    }
    let sheet = checked(tx, now, charge, &upload)?;
    let (good, bad) = (sheet.good(), sheet.bad());
    let sentence = if bad == 0 {
        let (total, sales, sellers) =
            (sheet.total.for_people(), counted(good, "sale"), counted(sheet.sellers, "seller"));
        format!("{total} will be sold in {sales} from the credit of {sellers}.")
    } else {
        format!(
            "{} wrong. Nothing is sold until every row is good.",
            if bad == 1 { "1 row is".to_owned() } else { format!("{bad} rows are") }
        )
    };
    let (wrong, fine): (Vec<_>, Vec<_>) = sheet.rows.into_iter().partition(|row| !row.errors.is_empty());
    let (told, fine): (Vec<_>, Vec<_>) = fine.into_iter().partition(|row| !row.warnings.is_empty());
    let rows = wrong.into_iter().chain(told).chain(fine).take(SHOWN);
    let rows = rows.map(|row| (row.line, row.cells, [row.errors, row.warnings].concat()));
    Ok(Some(Checked {
        state: if bad == 0 { CheckedState::Ready } else { CheckedState::Invalid },
        good: good as u64,
        bad: bad as u64,
        sentence,
        second_yes: sheet.second_yes.filter(|_| bad == 0),
        columns: sheet::COLUMNS.to_vec(),
        rows: rows.collect(),
    }))
}

fn commit(
    tx: &mut WriteTx<'_>,
    charge: &Charge,
    doer: &mut Doer,
    id: Uuid,
    progress: &Progress,
) -> Result<Done, Problem> {
    progress.phase("Checking the file", 0);
    let upload = upload_find(tx, id)?.ok_or_else(|| Problem::not_found("upload"))?;
    if upload.sold.is_some() {
        return Err(Error::Uploaded.into());
    }
    let now = doer.now;
    let sheet = checked(tx, now, charge, &upload)?;
    let selling = Selling {
        settings: &charge.settings,
        connector: charge.connector.name(),
        doer,
        subject: format!("charge:uploads:{id}"),
        again: upload.insisted_by.is_some(),
        progress,
    };
    progress.phase("Making the sales", sheet.good() as u64);
    let sold = sheet_sell(tx, &sheet, selling)?;
    if !upload_sold(tx, id, now, i64::try_from(sold).unwrap_or(i64::MAX))? {
        return Err(Error::Uploaded.into());
    }
    Ok(Done::sentence(format!("{} sold in {}.", sheet.total.for_people(), counted(sold, "sale")), None))
}
