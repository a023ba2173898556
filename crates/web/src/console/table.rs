//! A list's rows, and what can be done with those that are chosen: the same in a list and in the inbox.

use purser_kit::console::{Cell, Listing, Resource, Target};
use uuid::Uuid;

use super::StaffUser;
use super::origin::ListOrigin;
use super::view::{CellView, TimeFormat};

/// Objects that one action takes, at most.
pub(super) const MOST: u32 = 1_000;

/// Rows past which their ids no longer fit an address, on every proxy's way.
const IN_AN_ADDRESS: usize = 100;

/// A list's rows, ready for a template.
pub(super) struct TableOfRows {
    pub(super) title: &'static str,
    pub(super) base: String,
    pub(super) heads: Vec<ColumnHead>,
    pub(super) rows: Vec<RowView>,
    /// Actions on chosen rows: name and title.
    pub(super) chosen: Vec<(&'static str, &'static str)>,
    /// The box that chooses more than the rows that are shown.
    pub(super) every: Option<String>,
    /// A page with all of its rows chosen, and whether this is one.
    pub(super) all: Option<String>,
    pub(super) is_all: bool,
    pub(super) origin: ListOrigin,
}

/// A column's head.
pub(super) struct ColumnHead {
    pub(super) title: &'static str,
    pub(super) number: bool,
    /// Where a click leads, and how the list is ordered by it now.
    pub(super) sort: Option<(String, &'static str)>,
}

/// A row.
pub(super) struct RowView {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) label: String,
    pub(super) cells: Vec<(bool, CellView)>,
}

impl TableOfRows {
    /// The rows of a resource that is at `base`, for this visitor; nothing more can be done with them yet.
    pub(super) fn new(
        (resource, base): (&Resource, &str),
        staff: &StaffUser,
        time_format: &TimeFormat<'_>,
        rows: Vec<(Uuid, Vec<Cell>)>,
        origin: ListOrigin,
    ) -> Self {
        let listing = &resource.listing;
        let many = resource.actions.iter().filter(|action| action.target == Target::Many);
        let chosen = many.filter(|action| staff.principal.has(action.command.scope));
        let suffix = origin.suffix();
        let shown = rows.into_iter().map(|(id, cells)| RowView {
            id: id.to_string(),
            href: format!("{base}{id}/{suffix}"),
            label: cells.first().map(|cell| time_format.words(cell)).unwrap_or_default(),
            cells: std::iter::zip(&listing.columns, &cells)
                .map(|(column, cell)| (column.kind.is_number(), time_format.cell(cell)))
                .collect(),
        });
        TableOfRows {
            title: resource.title,
            base: base.to_owned(),
            heads: plain_heads(listing),
            rows: shown.collect(),
            chosen: chosen.map(|action| (action.name, action.title)).collect(),
            every: None,
            all: None,
            is_all: false,
            origin,
        }
    }

    /// Whether what is chosen is sent as a form, and not in the address.
    pub(super) fn by_post(&self) -> bool {
        self.rows.len() > IN_AN_ADDRESS
    }
}

fn plain_heads(listing: &Listing) -> Vec<ColumnHead> {
    let heads = listing.columns.iter();
    heads.map(|column| ColumnHead { title: column.title, number: column.kind.is_number(), sort: None }).collect()
}

/// What a row is called where it stands alone: its first column, and its amount.
pub(super) fn label(listing: &Listing, time_format: &TimeFormat<'_>, cells: &[Cell]) -> String {
    let first = cells.first().map(|cell| time_format.words(cell)).unwrap_or_default();
    let mut rest = std::iter::zip(&listing.columns, cells).skip(1);
    match rest.find_map(|(_, cell)| if let Cell::Money(money) = cell { Some(money) } else { None }) {
        Some(money) => format!("{first}, {}", money.for_people()),
        None => first,
    }
}
