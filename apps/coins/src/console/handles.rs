//! The list of UPI handles in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, Listing, Resource, Search};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Coins;
use crate::handle::command::handle_commands;
use crate::store::handle::{HANDLES_FROM, handle_find};

pub(super) fn resource(coins: &Arc<Coins>) -> Resource {
    Resource {
        name: "handles",
        title: "UPI handles",
        one: "handle",
        about: "What may stand after the @ of a UPI id. Others are refused, or shown to staff: the setting coins.handles.",
        view: "coins.view",
        listing: Listing {
            from: HANDLES_FROM,
            id: "h.id",
            columns: vec![
                Column::new("handle", "Handle", "h.handle", ColumnKind::Text).sorted(),
                Column::new("provider", "Whose", "h.provider", ColumnKind::Text).sorted(),
                Column::new("added_by", "Added by", "h.added_by", ColumnKind::Text),
                Column::new("added_at", "Added", "h.added_at", ColumnKind::Time),
            ],
            search: &[Search::Within("h.handle"), Search::Within("h.provider")],
            filters: &[],
        },
        inbox: None,
        detail: Box::new(detail),
        commands: handle_commands(coins),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(handle) = handle_find(tx, id)? else { return Ok(None) };
    Ok(Some(Detail {
        title: format!("@{}", handle.handle),
        facts: vec![
            ("Handle", Cell::Text(handle.handle)),
            ("Whose", Cell::Text(handle.provider)),
            ("Added by", Cell::Text(handle.added_by)),
            ("Added", Cell::Time(handle.added_at)),
            ("Id", Cell::Text(id.to_string())),
        ],
        ..Detail::default()
    }))
}
