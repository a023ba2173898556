//! What may be done to the list of UPI handles.

use std::collections::BTreeMap;
use std::sync::Arc;

use purser_kit::console::{Outcome, Preview, count_noun};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Coins;
use crate::error::Error;
use crate::service::{handle_change, handle_new, handle_remove, handle_write};
use crate::store::handle::{Handle, handle_find};
use crate::upi::parse_handle;

/// UPI handles.
static HANDLES: Noun<Coins> = Noun {
    app: "coins",
    name: "handles",
    one: "handle",
    binding: None,
    records: |_, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(handle) = handle_find(tx, *id)? {
                let facts = [("handle", handle.handle), ("provider", handle.provider)];
                records.push((*id, AuditSnapshot::of(&BTreeMap::from(facts))?));
            }
        }
        Ok(records)
    },
};

/// What may be done to handles, in the order of the buttons.
pub(crate) fn handle_commands(coins: &Arc<Coins>) -> Commands {
    Commands::of(coins).with(&ADD).with(&CHANGE).with(&REMOVE).all()
}

fn get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Handle, Error> {
    handle_find(tx, id)?.ok_or(Error::NoHandle)
}

fn provider() -> FormField<String> {
    FormField::line("provider", "Whose", "The app and the bank, such as Google Pay, HDFC Bank.", 1, 100)
}

/// Allows a UPI handle.
static ADD: Command<Coins, (String, String), Handle, Handle> = Command {
    spec: CommandSpec::money("coins.handles.add", "coins.pay")
        .titled("Add handle", "Withdrawals to UPI ids that end in it can be asked for.")
        .makes(),
    noun: &HANDLES,
    form: |_| {
        let help = "What stands after the @, such as okhdfcbank: 2 to 64 letters and digits.";
        let parse = |text: &str| parse_handle(text.trim().trim_start_matches('@'));
        Form::of((FormField::parsed("handle", "Handle", help, parse), provider()))
    },
    plan: |_, tx, cx, id, (handle, provider)| handle_new(tx, cx, id, handle, provider),
    apply: |_, tx, _, handle| handle_write(tx, handle),
    will: |plans| {
        Preview::of_one(plans, |handle| format!("Withdrawals to ids that end in @{} can be asked for.", handle.handle))
    },
    outcome: |added| Outcome::of(added, |handle| format!("@{} is on the list.", handle.handle)),
    hooks: Hooks::NONE,
};

/// Says anew whose a handle is.
static CHANGE: Command<Coins, String, (Handle, String), Handle> = Command {
    spec: CommandSpec::money("coins.handles.change", "coins.pay").titled("Change", ""),
    noun: &HANDLES,
    form: |_| Form::of(provider()),
    plan: |_, tx, _, id, provider| Ok((get(tx, id)?, provider.clone())),
    apply: |_, tx, _, (handle, provider)| handle_change(tx, handle.id, &provider),
    will: |plans| Preview::of_one(plans, |(handle, provider)| format!("@{} is {provider}.", handle.handle)),
    outcome: |changed| Outcome::of(changed, |handle| format!("@{} is {}.", handle.handle, handle.provider)),
    hooks: Hooks::NONE.fill(|_, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        Ok(vec![("provider", get(tx, *id)?.provider)])
    }),
};

/// Allows a UPI handle no more.
static REMOVE: Command<Coins, (), Handle, Handle> = Command {
    spec: CommandSpec::money("coins.handles.remove", "coins.pay").titled("Remove", "").on_many().harms(),
    noun: &HANDLES,
    form: |_| Form::empty(),
    plan: |_, tx, _, id, ()| get(tx, id),
    apply: |_, tx, _, handle| handle_remove(tx, handle.id),
    will: |plans| {
        let sentence = "Nobody can ask for withdrawals to them any more. Those that were asked for before go on.";
        Preview::of(plans, sentence, |handle| (format!("@{}", handle.handle), handle.provider.clone()))
    },
    outcome: |removed| {
        let sentence = format!("{} off the list.", count_noun(removed.len(), "handle"));
        Outcome::rows(removed, sentence, |handle| (format!("@{}", handle.handle), "is off the list".to_owned()))
    },
    hooks: Hooks::NONE,
};
