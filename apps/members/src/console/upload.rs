//! The bulk upload in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Import, ImportCheck, ImportCheckState, Outcome};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Members;
use crate::commands;
use crate::domain::{Settings, counted};
use crate::error::Error;
use crate::member_file::{MOST_BYTES, MemberFile, TEMPLATE};
use crate::service;
use crate::store::import::ImportState;

/// Rows that are shown of a file.
const SHOWN: usize = 100;

pub(super) fn import(members: &Arc<Members>) -> Import {
    let settings = || Arc::clone(&members.settings);
    let (checking, showing, saving, reporting) = (settings(), settings(), settings(), settings());
    Import {
        name: "members",
        resource: "members",
        title: "Bulk upload",
        about: "CSV (commas, semicolons or tabs) with the columns name, email and wallet_balance, in any order; or an \
                export of this list. At most 100,000 rows. Everything is checked before anything is saved.",
        command: &commands::MEMBERS_IMPORT,
        limit: MOST_BYTES,
        template: TEMPLATE,
        check: Box::new(move |tx, cx, file| Ok(service::import_check(tx, &checking, cx, file)?.0)),
        show: Box::new(move |tx, _, id| show(tx, &showing, id)),
        confirm: None,
        commit: Box::new(move |tx, cx, id, progress| {
            progress.phase("Checking the file", 0);
            let rows = u64::from(service::import_good(tx, id)?);
            let told = |written| {
                if written == 0 {
                    progress.phase("Registering the members", rows);
                }
                progress.at(written as u64);
            };
            let imported = service::import_commit(tx, &saving, cx, id, &told)?;
            let count = counted(i64::try_from(imported.members).unwrap_or(i64::MAX), "member");
            Ok(Outcome::sentence(format!("{count} registered, with what the file gives their wallets."), None))
        }),
        report: Box::new(move |tx, _, id| known(service::import_report(tx, &reporting, id))),
    }
}

/// `None` for an upload that is not there.
fn known<T>(found: Result<T, Error>) -> Result<Option<T>, Problem> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NoImport) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn show(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<ImportCheck>, Problem> {
    let Some((state, saved, file)) = known(service::import_show(tx, settings, id))? else { return Ok(None) };
    let (good, bad) = (file.good(), file.bad());
    let (state, sentence) = match state {
        ImportState::Committed => {
            (ImportCheckState::Committed, format!("{} of this file were registered.", counted(saved.into(), "row")))
        }
        ImportState::Ready if bad == 0 => {
            let count = counted(good.into(), "new member");
            (ImportCheckState::Ready, format!("Every row is good: {count} will be registered, all of them or none."))
        }
        ImportState::Ready => {
            let count = counted(bad.into(), "row");
            (
                ImportCheckState::Invalid,
                format!("Members have changed since the file was checked: {count} wrong now. Upload it again."),
            )
        }
        ImportState::Invalid => {
            let count = counted(bad.into(), "row");
            (
                ImportCheckState::Invalid,
                format!(
                    "{count} wrong, so nothing can be saved. Download the rows with their errors, mend them, and upload the file again."
                ),
            )
        }
    };
    let columns = vec!["name", "email", "wallet_balance"];
    Ok(Some(ImportCheck {
        state,
        good: good.into(),
        bad: bad.into(),
        sentence,
        second_yes: None,
        columns,
        rows: check_rows(&file),
    }))
}

/// The first rows, wrong ones before good ones.
fn check_rows(file: &MemberFile) -> Vec<(u64, Vec<String>, Vec<String>)> {
    let wrong = file.rows.iter().filter(|row| !row.errors.is_empty());
    let right = file.rows.iter().filter(|row| row.errors.is_empty());
    let rows = wrong.chain(right).take(SHOWN);
    rows.map(|row| (row.line, file.given(row).map(str::to_owned).to_vec(), row.errors.clone())).collect()
}
