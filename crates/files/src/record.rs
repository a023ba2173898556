//! What the database knows of a file.

use jiff::Timestamp;
use purser_store::{BulkStatement, Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::{CheckedFile, Error, FileKind};

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id, and its name in the store.
    pub id: Uuid,
    /// The sort of thing that it belongs to: `identity.user`. 1 to 60 characters.
    pub owner_kind: String,
    /// Which of them.
    pub owner_id: Uuid,
    /// What it is.
    pub kind: FileKind,
    /// Its length.
    pub bytes: i64,
    /// Pixels across and down; a PDF has none.
    pub size: Option<(u32, u32)>,
    /// The hash of what is kept.
    pub sha256: [u8; 32],
    /// Who sent it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A file that is on the disk, and has no row yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// The id that it was saved under.
    pub id: Uuid,
    /// The sort of thing that it belongs to: `identity.user`. 1 to 60 characters.
    pub owner_kind: &'static str,
    /// Which of them.
    pub owner_id: Uuid,
    /// What it is.
    pub kind: FileKind,
    /// Its length.
    pub bytes: i64,
    /// Pixels across and down; a PDF has none.
    pub size: Option<(u32, u32)>,
    /// The hash of what is kept.
    pub sha256: [u8; 32],
    /// Who sent it.
    pub created_by: String,
}

impl NewFile {
    /// A row for what was checked and saved.
    #[must_use]
    pub fn new(id: Uuid, checked: &CheckedFile, owner: (&'static str, Uuid), created_by: &str) -> Self {
        NewFile {
            id,
            owner_kind: owner.0,
            owner_id: owner.1,
            kind: checked.kind,
            bytes: i64::try_from(checked.bytes.len()).unwrap_or(i64::MAX),
            size: checked.size,
            sha256: checked.sha256,
            created_by: created_by.to_owned(),
        }
    }
}

/// Writes down a file that was saved, in the transaction of what it was sent for.
///
/// # Errors
/// The store's.
pub fn file_create(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewFile) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO files_file
             (id, owner_kind, owner_id, kind, bytes, width, height, sha256, created_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &params![
            new.id,
            new.owner_kind,
            new.owner_id,
            new.kind.name(),
            new.bytes,
            new.size.map(|(width, _)| width),
            new.size.map(|(_, height)| height),
            &new.sha256,
            &new.created_by,
            now
        ],
    )?;
    Ok(())
}

const COLUMNS: &str = "id, owner_kind, owner_id, kind, bytes, width, height, sha256, created_by, created_at";

/// The file with this id. Whether whoever asks may see it is for its owner's app to say.
///
/// # Errors
/// [`Error::Missing`]; the store's.
pub fn file_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<StoredFile, Error> {
    let sql = format!("SELECT {COLUMNS} FROM files_file WHERE id = ?1");
    tx.query_opt(&sql, &params![id], read)?.ok_or(Error::Missing)
}

/// What belongs to one owner, oldest first.
///
/// # Errors
/// The store's.
pub fn files_of(tx: &mut ReadTx<'_>, owner_kind: &str, owner_id: Uuid) -> Result<Vec<StoredFile>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM files_file WHERE owner_kind = ?1 AND owner_id = ?2 ORDER BY id");
    Ok(tx.query(&sql, &params![owner_kind, owner_id], read)?)
}

/// Forgets a file, and says what is to be removed from the store after the commit.
///
/// # Errors
/// [`Error::Missing`]; the store's.
pub fn file_remove(tx: &mut WriteTx<'_>, id: Uuid) -> Result<StoredFile, Error> {
    let file = file_get(tx, id)?;
    tx.execute("DELETE FROM files_file WHERE id = ?1", &params![id])?;
    Ok(file)
}

/// Those of these ids that have a row.
///
/// # Errors
/// The store's.
pub fn files_known(tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&KNOWN, &rows, |row| row.get(0))
}

const KNOWN: BulkStatement = BulkStatement {
    sqlite: "SELECT id FROM files_file WHERE id = ?1",
    postgres: "SELECT id FROM files_file WHERE id = ANY(?1::uuid[])",
};

fn read(row: &Row<'_>) -> Result<StoredFile, StoreError> {
    let wrong = |index, expected| StoreError::Column { index, expected, found: "something else" };
    let kind: String = row.get(3)?;
    let (width, height): (Option<u32>, Option<u32>) = (row.get(5)?, row.get(6)?);
    let sha256: Vec<u8> = row.get(7)?;
    Ok(StoredFile {
        id: row.get(0)?,
        owner_kind: row.get(1)?,
        owner_id: row.get(2)?,
        kind: FileKind::parse(&kind).ok_or_else(|| wrong(3, "png, jpeg or pdf"))?,
        bytes: row.get(4)?,
        size: width.zip(height),
        sha256: sha256.try_into().map_err(|_| wrong(7, "a hash"))?,
        created_by: row.get(8)?,
        created_at: row.get(9)?,
    })
}
