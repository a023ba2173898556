//! People by their usernames and keys by their labels, where the books know them by an id.

use std::collections::BTreeMap;

use purser_identity::Actor;
use purser_kit::console::{Cell, Detail, Listing};
use purser_kit::{Problem, actor_name};
use purser_ledger::StatementLine;
use purser_store::ReadTx;
use uuid::Uuid;

use super::table::label;
use super::view::TimeFormat;

/// What was looked up for one page: actors, and what they are called.
#[derive(Default)]
pub(super) struct ActorNames(BTreeMap<String, String>);

impl ActorNames {
    /// A person by their username, a key by its label, and others as they are.
    pub(super) fn called(&mut self, tx: &mut ReadTx<'_>, actor: &str) -> Result<String, Problem> {
        if let Some(known) = self.0.get(actor) {
            return Ok(known.clone());
        }
        if Actor::parse(actor).is_none() {
            return Ok(actor.to_owned());
        }
        let name = actor_name(tx, actor)?;
        self.0.insert(actor.to_owned(), name.clone());
        Ok(name)
    }

    /// The same in each cell of a row.
    pub(super) fn row<'a>(
        &mut self,
        tx: &mut ReadTx<'_>,
        cells: impl IntoIterator<Item = &'a mut Cell>,
    ) -> Result<(), Problem> {
        for cell in cells {
            if let Cell::Text(text) = cell {
                *text = self.called(tx, text)?;
            }
        }
        Ok(())
    }

    /// The same in a statement.
    pub(super) fn lines(&mut self, tx: &mut ReadTx<'_>, lines: &mut [StatementLine]) -> Result<(), Problem> {
        for line in lines {
            line.actor = self.called(tx, &line.actor)?;
        }
        Ok(())
    }

    /// The same on the page of one object.
    pub(super) fn detail(&mut self, tx: &mut ReadTx<'_>, detail: &mut Detail) -> Result<(), Problem> {
        self.row(tx, detail.facts.iter_mut().map(|(_, cell)| cell))?;
        self.row(tx, detail.tables.iter_mut().flat_map(|table| table.rows.iter_mut().flatten()))
    }
}

/// What these objects of a list are called, in their order; one that is gone by its id.
pub(super) fn labels(
    tx: &mut ReadTx<'_>,
    names: &mut ActorNames,
    listing: &Listing,
    time_format: &TimeFormat<'_>,
    ids: &[Uuid],
) -> Result<Vec<String>, Problem> {
    let mut known = BTreeMap::new();
    for (id, mut cells) in listing.of(tx, ids)? {
        names.row(tx, &mut cells)?;
        known.insert(id, label(listing, time_format, &cells));
    }
    Ok(ids.iter().map(|id| known.remove(id).unwrap_or_else(|| id.to_string())).collect())
}
