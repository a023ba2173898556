//! The list of UPI handles in the console.

use purser_kit::console::{
    Action, Cell, Column, Detail, Done, Field, Kind, Listing, Preview, Resource, Search, Target,
};
use purser_kit::{Commands, Problem};
use purser_store::Tx;
use uuid::Uuid;

use super::{counted, one};
use crate::commands;
use crate::error::Error;
use crate::service::{handle_add, handle_change, handle_remove};
use crate::store::handle::{HANDLES_FROM, Handle, handle_find};
use crate::upi::parse_handle;

pub(super) fn resource() -> Resource {
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
                Column::new("handle", "Handle", "h.handle", Kind::Text).sorted(),
                Column::new("provider", "Whose", "h.provider", Kind::Text).sorted(),
                Column::new("added_by", "Added by", "h.added_by", Kind::Text),
                Column::new("added_at", "Added", "h.added_at", Kind::Time),
            ],
            search: &[Search::Within("h.handle"), Search::Within("h.provider")],
            filters: &[],
        },
        inbox: None,
        detail: Box::new(detail),
        commands: Commands::default(),
        actions: vec![add(), change(), remove()],
    }
}

fn detail(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
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

fn get(tx: &mut Tx<'_>, id: Uuid) -> Result<Handle, Problem> {
    Ok(handle_find(tx, id)?.ok_or(Error::NoHandle)?)
}

fn provider() -> Field {
    Field::line("provider", "Whose", "The app and the bank, such as Google Pay, HDFC Bank.")
}

fn add() -> Action {
    Action {
        name: "add",
        title: "Add handle",
        command: &commands::HANDLE_ADD,
        target: Target::Nothing,
        harms: false,
        fields: Box::new(|_, _| {
            let help = "What stands after the @, such as okhdfcbank: 2 to 64 letters and digits.";
            Ok(vec![Field::line("handle", "Handle", help), provider()])
        }),
        preview: Box::new(|_, _, _| Ok(Preview::sentence("Withdrawals to UPI ids that end in it can be asked for."))),
        run: Box::new(|tx, doer, _, mut fields| {
            let handle = fields.parsed("handle", |text| parse_handle(text.trim().trim_start_matches('@')));
            let handle = fields.required("handle", handle);
            let provider = fields.line("provider", 1, 100);
            let provider = fields.required("provider", provider);
            let (handle, provider) = fields.finish(handle.zip(provider))?;
            let handle = handle_add(tx, doer, &handle, &provider)?;
            Ok(Done::sentence(format!("@{} is on the list.", handle.handle), handle.id))
        }),
    }
}

fn change() -> Action {
    Action {
        name: "change",
        title: "Change",
        command: &commands::HANDLE_CHANGE,
        target: Target::One,
        harms: false,
        fields: Box::new(|tx, ids| Ok(vec![provider().with(get(tx, one(ids)?)?.provider)])),
        preview: Box::new(|_, _, _| Ok(Preview::default())),
        run: Box::new(|tx, _, ids, mut fields| {
            let provider = fields.line("provider", 1, 100);
            let provider = fields.required("provider", provider);
            let provider = fields.finish(provider)?;
            let handle = handle_change(tx, one(ids)?, &provider)?;
            Ok(Done::sentence(format!("@{} is {}.", handle.handle, handle.provider), handle.id))
        }),
    }
}

fn remove() -> Action {
    Action {
        name: "remove",
        title: "Remove",
        command: &commands::HANDLE_REMOVE,
        target: Target::Many,
        harms: true,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|tx, _, ids| {
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                let handle = get(tx, *id)?;
                rows.push((format!("@{}", handle.handle), handle.provider));
            }
            let sentence = "Nobody can ask for withdrawals to them any more. Those that were asked for before go on.";
            Ok(Preview { sentence: sentence.to_owned(), rows, ..Preview::default() })
        }),
        run: Box::new(|tx, _, ids, fields| {
            fields.finish(Some(()))?;
            let done = Done::each(ids, |id| {
                let handle = handle_remove(tx, id)?;
                Ok((format!("@{}", handle.handle), "is off the list".to_owned()))
            })?;
            // There is nothing left to go on to.
            Ok(Done { go: None, ..done.told(|count| format!("{} off the list.", counted(count, "handle"))) })
        }),
    }
}
