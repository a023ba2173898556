//! Files of sales in the console.

use std::sync::Arc;

use jiff::Timestamp;
use purser_kit::Problem;
use purser_kit::console::{Import, ImportCheck, ImportCheckState, Outcome, Progress, RequestContext};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::count_noun;
use crate::Charge;
use crate::commands;
use crate::error::Error;
use crate::sale_file;
use crate::service::{CheckedSaleFile, FileSaleContext, sale_file_check, sale_file_sell};
use crate::store::upload::{SaleUpload, upload_find, upload_insert, upload_insisted, upload_sold};

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
        limit: sale_file::MOST_BYTES,
        template: sale_file::TEMPLATE,
        check: Box::new(move |tx, cx, file| {
            let text = sale_file::text(file)?;
            // What is no list of sales is not kept.
            sale_file::read(&text, &checking.settings)?;
            let id = cx.new_id();
            upload_insert(tx, id, &text, &cx.actor, cx.now)?;
            Ok(id)
        }),
        show: Box::new(move |tx, cx, id| show(tx, cx.now, &showing, id)),
        confirm: Some(Box::new(|tx, cx, id| Ok(upload_insisted(tx, id, &cx.actor)?))),
        commit: Box::new(move |tx, cx, id, progress| commit(tx, &selling, cx, id, progress)),
        report: Box::new(move |tx, cx, id| {
            let Some(upload) = upload_find(tx, id)? else { return Ok(None) };
            let checked = checked(tx, cx.now, &reporting, &upload)?;
            let rows = checked.rows.iter().filter(|row| !row.errors.is_empty());
            Ok(Some(sale_file::report(rows.map(|row| (row.cells.as_slice(), row.errors.as_slice())))))
        }),
    }
}

/// Always against what is known now: a file that was good may not be any more.
fn checked(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    charge: &Charge,
    upload: &SaleUpload,
) -> Result<CheckedSaleFile, Error> {
    sale_file_check(tx, now, &charge.settings, sale_file::read(&upload.content, &charge.settings)?, None)
}

fn show(tx: &mut ReadTx<'_>, now: Timestamp, charge: &Charge, id: Uuid) -> Result<Option<ImportCheck>, Problem> {
    let Some(upload) = upload_find(tx, id)? else { return Ok(None) };
    if let Some((at, sales)) = upload.sold {
        let made = at.to_zoned(charge.context.zone.clone()).strftime("%d %b %Y %H:%M").to_string();
        return Ok(Some(ImportCheck {
            state: ImportCheckState::Committed,
            good: u64::try_from(sales).unwrap_or(0),
            bad: 0,
            sentence: format!(
                "The {} of this file were made on {made}.",
                count_noun(usize::try_from(sales).unwrap_or(0), "sale")
            ),
            second_yes: None,
            columns: Vec::new(),
            rows: Vec::new(),
        }));
    }
    let file = checked(tx, now, charge, &upload)?;
    let (good, bad) = (file.good(), file.bad());
    let sentence = if bad == 0 {
        let (total, sales, sellers) =
            (file.total.for_people(), count_noun(good, "sale"), count_noun(file.sellers, "seller"));
        format!("{total} will be sold in {sales} from the credit of {sellers}.")
    } else {
        format!(
            "{} wrong. Nothing is sold until every row is good.",
            if bad == 1 { "1 row is".to_owned() } else { format!("{bad} rows are") }
        )
    };
    let (wrong, fine): (Vec<_>, Vec<_>) = file.rows.into_iter().partition(|row| !row.errors.is_empty());
    let (told, fine): (Vec<_>, Vec<_>) = fine.into_iter().partition(|row| !row.warnings.is_empty());
    let rows = wrong.into_iter().chain(told).chain(fine).take(SHOWN);
    let rows = rows.map(|row| (row.line, row.cells, [row.errors, row.warnings].concat()));
    Ok(Some(ImportCheck {
        state: if bad == 0 { ImportCheckState::Ready } else { ImportCheckState::Invalid },
        good: good as u64,
        bad: bad as u64,
        sentence,
        second_yes: file.second_yes.filter(|_| bad == 0),
        columns: sale_file::COLUMNS.to_vec(),
        rows: rows.collect(),
    }))
}

fn commit(
    tx: &mut WriteTx<'_>,
    charge: &Charge,
    cx: &mut RequestContext,
    id: Uuid,
    progress: &Progress,
) -> Result<Outcome, Problem> {
    progress.phase("Checking the file", 0);
    let upload = upload_find(tx, id)?.ok_or_else(|| Problem::not_found("upload"))?;
    if upload.sold.is_some() {
        return Err(Error::Uploaded.into());
    }
    let now = cx.now;
    let file = checked(tx, now, charge, &upload)?;
    let selling = FileSaleContext {
        settings: &charge.settings,
        connector: charge.connector.name(),
        cx,
        subject: format!("charge:uploads:{id}"),
        again: upload.insisted_by.is_some(),
        progress,
    };
    progress.phase("Making the sales", file.good() as u64);
    let sold = sale_file_sell(tx, &file, selling)?;
    if !upload_sold(tx, id, now, i64::try_from(sold).unwrap_or(i64::MAX))? {
        return Err(Error::Uploaded.into());
    }
    Ok(Outcome::sentence(format!("{} sold in {}.", file.total.for_people(), count_noun(sold, "sale")), None))
}
