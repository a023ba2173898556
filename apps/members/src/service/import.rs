//! Files of members: checked, kept, and saved whole or not at all.

use std::collections::HashSet;

use purser_kit::console::RequestContext;
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use uuid::Uuid;

use super::member::{emails_taken, members_write};
use super::room;
use crate::domain::{Settings, folded};
use crate::error::Error;
use crate::member_file::MemberFile;
use crate::store::import::{self as store, ImportState, NewImport};

/// What came of saving a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportResult {
    /// How many members there are more.
    pub members: usize,
}

/// Checks a file and keeps it: its id, and its rows with what is wrong with each.
///
/// # Errors
/// [`Error::File`] where it is no list of members.
pub fn import_check(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    file: &[u8],
) -> Result<(Uuid, MemberFile), Error> {
    let sheet = checked(tx, settings, file)?;
    let id = cx.new_id();
    let new = NewImport { id, file, good: sheet.good(), bad: sheet.bad(), actor: &cx.actor };
    store::import_insert(tx, cx.now, &new)?;
    Ok((id, sheet))
}

/// The file's rows, and what is wrong with them as the members are now.
fn checked(tx: &mut ReadTx<'_>, settings: &Settings, file: &[u8]) -> Result<MemberFile, Error> {
    let mut sheet = MemberFile::read(file, settings)?;
    let emails = sheet.emails();
    let taken = emails_taken(tx, &emails.iter().map(String::as_str).collect::<Vec<_>>())?;
    refuse_taken(&mut sheet, &taken);
    if let Some(room) = room(tx, settings)? {
        let too_many = sheet.rows.iter_mut().skip(usize::try_from(room).unwrap_or(usize::MAX));
        for row in too_many {
            let max = settings.max;
            row.errors
                .push(format!("There is room for {room} more members, and this row is one too many: {max} may be."));
        }
    }
    Ok(sheet)
}

fn refuse_taken(file: &mut MemberFile, taken: &HashSet<String>) {
    if taken.is_empty() {
        return;
    }
    for row in &mut file.rows {
        if row.member.as_ref().is_some_and(|member| taken.contains(&folded(&member.email))) {
            row.errors.push("email belongs to a member already.".to_owned());
        }
    }
}

/// What is wrong with a file, without keeping it.
///
/// # Errors
/// [`Error::File`] where it is no list of members.
pub fn import_judge(tx: &mut ReadTx<'_>, settings: &Settings, file: &[u8]) -> Result<MemberFile, Error> {
    checked(tx, settings, file)
}

/// Why a file was not saved, and what is wrong with its rows where that is why.
#[derive(Debug)]
pub struct ImportRefusal {
    /// Why.
    pub error: Error,
    /// The rows.
    pub file: Option<Box<MemberFile>>,
}

impl<E: Into<Error>> From<E> for ImportRefusal {
    fn from(error: E) -> Self {
        ImportRefusal { error: error.into(), file: None }
    }
}

/// Checks a file and saves it at once: every row, or none. `told` hears how many are written so far.
///
/// # Errors
/// [`Error::File`], [`Error::ImportInvalid`] with the rows.
pub fn import_save(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    file: &[u8],
    told: &dyn Fn(usize),
) -> Result<(Uuid, ImportResult), ImportRefusal> {
    // Said now, so that the file is not checked twice.
    tx.bulk()?;
    let (id, sheet) = import_check(tx, settings, cx, file)?;
    if sheet.bad() > 0 {
        return Err(ImportRefusal { error: Error::ImportInvalid { bad: sheet.bad() }, file: Some(Box::new(sheet)) });
    }
    Ok((id, import_commit(tx, settings, cx, id, told)?))
}

/// An upload as it stands: its state, how many rows were good, and its rows as they are judged now.
///
/// # Errors
/// [`Error::NoImport`].
pub fn import_show(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
) -> Result<(ImportState, u32, MemberFile), Error> {
    let kept = store::import_find(tx, id)?.ok_or(Error::NoImport)?;
    let file = match kept.state {
        // Its own rows are what it would find taken.
        ImportState::Committed => MemberFile::read(&kept.file, settings)?,
        ImportState::Ready | ImportState::Invalid => checked(tx, settings, &kept.file)?,
    };
    Ok((kept.state, kept.good, file))
}

/// The good rows of an upload, as they were when it was checked.
///
/// # Errors
/// [`Error::NoImport`].
pub fn import_good(tx: &mut ReadTx<'_>, id: Uuid) -> Result<u32, Error> {
    store::import_good(tx, id)?.ok_or(Error::NoImport)
}

/// Saves a file that was checked: every row, or none. `told` hears how many are written so far, from 0; they stand only
/// when the command is done.
///
/// # Errors
/// [`Error::NoImport`], [`Error::ImportCommitted`]; [`Error::ImportInvalid`] where rows were wrong when it was checked,
/// [`Error::ImportStale`] where they are now.
pub fn import_commit(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    told: &dyn Fn(usize),
) -> Result<ImportResult, Error> {
    tx.bulk()?;
    // Whoever else makes members waits here, so that the limit is counted once.
    crate::store::tally_change(tx, 0, 0)?;
    let kept = store::import_find(tx, id)?.ok_or(Error::NoImport)?;
    match kept.state {
        ImportState::Ready => {}
        ImportState::Committed => return Err(Error::ImportCommitted),
        ImportState::Invalid => {
            let file = checked(tx, settings, &kept.file)?;
            return Err(Error::ImportInvalid { bad: file.bad() });
        }
    }
    let file = checked(tx, settings, &kept.file)?;
    if file.bad() > 0 {
        return Err(Error::ImportStale { bad: file.bad() });
    }
    let members = file.rows.into_iter().filter_map(|row| row.member);
    let members: Vec<_> = members.map(|member| (cx.new_id(), member)).collect();
    let written = members_write(tx, settings, cx, &members, "Opening balance, from a bulk upload", told);
    written.map_err(|error| match error {
        // Somebody took an address meanwhile.
        Error::Store(StoreError::Unique { .. }) => Error::ImportStale { bad: 1 },
        other => other,
    })?;
    store::import_committed(tx, cx.now, id)?;
    let detail = serde_json::json!({ "entered": { "members": members.len() } });
    cx.record(tx, "members.members.import", &format!("members:imports:{id}"), &detail)?;
    Ok(ImportResult { members: members.len() })
}

/// The rows of an upload as they were given, with what is wrong with each, as CSV.
///
/// # Errors
/// [`Error::NoImport`].
pub fn import_report(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<String, Error> {
    Ok(import_show(tx, settings, id)?.2.report())
}
