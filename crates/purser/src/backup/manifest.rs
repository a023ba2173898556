//! What an archive says of itself.

use std::collections::HashSet;

use purser_ledger::LedgerSums;
use serde::{Deserialize, Serialize};

use super::Error;

/// The form that this program writes, and the only one that it reads.
pub(super) const FORMAT: u32 = 1;

/// What anybody may know of an archive, sealed or not: it stands at its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchiveHeader {
    pub(crate) format: u32,
    /// The version of the program that wrote it.
    pub(crate) program: String,
    /// What had been acknowledged by then is in it: `2026-11-21T08:15:00Z`, perhaps with a fraction.
    pub(crate) moment: String,
    /// The engine that it was taken of.
    pub(crate) engine: String,
}

/// All that an archive holds, with the hash of each part. It is written last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) about: ArchiveHeader,
    pub(crate) schema: Vec<MigrationEntry>,
    pub(crate) ledger: LedgerTotals,
    pub(crate) tables: Vec<TableRows>,
    /// Everything before the manifest, in its order.
    pub(crate) parts: Vec<ArchivePart>,
}

/// A migration that the database had been through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrationEntry {
    pub(crate) room: String,
    pub(crate) number: u32,
    pub(crate) checksum: String,
}

/// What the books came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerTotals {
    pub(crate) entries: i64,
    pub(crate) transfers: i64,
    pub(crate) totals: Vec<ManifestTotals>,
}

/// One currency's books, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestTotals {
    pub(crate) currency: String,
    pub(crate) scale: u8,
    pub(crate) accounts: i64,
    pub(crate) sum: i64,
    pub(crate) held: i64,
}

/// A table, in the order in which it can be filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableRows {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: u64,
}

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchivePart {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl From<LedgerSums> for LedgerTotals {
    fn from(sums: LedgerSums) -> Self {
        let totals = sums.totals.into_iter().map(|totals| ManifestTotals {
            currency: totals.currency,
            scale: totals.scale,
            accounts: totals.accounts,
            sum: totals.sum,
            held: totals.held,
        });
        LedgerTotals { entries: sums.entries, transfers: sums.transfers, totals: totals.collect() }
    }
}

/// The folder of a table's rows in the archive.
pub(super) fn rows_folder(table: &str) -> String {
    format!("tables/{table}/")
}

/// Whether a part is one of a table's rows.
fn is_rows(part: &str, table: &str) -> bool {
    let number = part.strip_prefix(&rows_folder(table)).and_then(|file| file.strip_suffix(".rows.gz"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The folder of the uploaded files, in the archive and in the data folder.
pub(super) const FILES: &str = "files";

/// Where the instance key is, in a sealed archive and in the data folder.
pub(super) const KEY: &str = "instance.key";

impl Manifest {
    /// Whether the instance key is in the archive.
    pub(crate) fn has_key(&self) -> bool {
        self.parts.iter().any(|part| part.name == KEY)
    }

    /// How many uploaded files are.
    pub(crate) fn files(&self) -> usize {
        self.parts.iter().filter(|part| file_name(&part.name).is_some()).count()
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// The checksums say that this is what was written; this says that it makes sense.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.about.format != FORMAT {
            let says = format!("its form is number {}, and this program reads number {FORMAT}", self.about.format);
            return Err(Error::Refused(says));
        }
        let mut tables = HashSet::new();
        if let Some(twice) = self.tables.iter().find(|table| !tables.insert(&table.name)) {
            return Err(Error::Damaged(format!("it holds the table {} twice", twice.name)));
        }
        let mut seen = HashSet::new();
        for part in &self.parts {
            let table = self.tables.iter().any(|table| is_rows(&part.name, &table.name));
            let known = table || part.name == ABOUT || part.name == KEY || file_name(&part.name).is_some();
            if !known || !seen.insert(&part.name) {
                return Err(Error::Damaged(format!("it holds '{}', which has no place in it", part.name)));
            }
        }
        Ok(())
    }
}

/// The first part.
pub(super) const ABOUT: &str = "about.json";

/// The path below the folder of files of a part that is one; `None` for any that could lead out of it.
pub(super) fn file_name(part: &str) -> Option<&str> {
    let path = part.strip_prefix(FILES)?.strip_prefix('/')?;
    let plain = |piece: &str| {
        !piece.is_empty()
            && !piece.starts_with('.')
            && piece.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    path.split('/').all(plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cannot_be_named_out_of_its_folder() {
        assert_eq!(file_name("files/ab/cd/0192.png"), Some("ab/cd/0192.png"));
        for name in ["files", "files/", "files//a", "files/../a", "files/a/..", "files/./a", "tables/a", "files/a\\b"] {
            assert_eq!(file_name(name), None, "{name}");
        }
        assert_eq!(file_name("files/.hidden"), None);
        assert_eq!(file_name("/files/a"), None);
    }
}
