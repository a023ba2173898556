//! Users and their coins in the console.

use std::sync::Arc;

use purser_identity::{Email, user_get as person_get};
use purser_kit::Problem;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, Filter, Listing, Resource, Search, Tone};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use super::withdrawals;
use crate::Coins;
use crate::domain::Settings;
use crate::service::user_totals;
use crate::store::user::{USERS_FROM, user_find};
use crate::user::command::user_commands;

pub(super) fn resource(coins: &Arc<Coins>) -> Resource {
    let settings = Arc::clone(&coins.settings);
    Resource {
        name: "users",
        title: "Users",
        one: "user",
        about: "Whoever has coins, by the name that their application gives them.",
        view: "coins.view",
        listing: Listing {
            from: USERS_FROM,
            id: "u.id",
            columns: vec![
                Column::new("user_id", "User", "u.user_id", ColumnKind::UserText).sorted(),
                Column::new("coins", "Coins", "b.balance", ColumnKind::Money(Currency::COIN)),
                Column::new("email", "Email", "u.email", ColumnKind::Text),
                Column::new("language", "Language", "u.language", ColumnKind::Text),
                Column::new("created_at", "Since", "u.created_at", ColumnKind::Time),
            ],
            search: &[Search::Begins("u.user_id")],
            filters: &[
                Filter {
                    name: "person",
                    title: "Account here",
                    choices: &[("linked", "linked", "u.person IS NOT NULL"), ("none", "none", "u.person IS NULL")],
                },
                Filter {
                    name: "status",
                    title: "Status",
                    choices: &[
                        ("active", "active", "u.frozen_at IS NULL"),
                        ("frozen", "frozen", "u.frozen_at IS NOT NULL"),
                    ],
                },
                Filter {
                    name: "email",
                    title: "Email",
                    choices: &[("known", "known", "u.email IS NOT NULL"), ("unknown", "unknown", "u.email IS NULL")],
                },
            ],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &settings, id)),
        commands: user_commands(coins),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(user) = user_find(tx, id)? else { return Ok(None) };
    let person = match user.person {
        Some(person) => Cell::Text(person_get(tx, person)?.username.to_string()),
        None => Cell::Nothing,
    };
    let totals = user_totals(tx, &user)?;
    let standing = match &user.frozen {
        Some(frozen) => Cell::Badge(Tone::Bad, format!("frozen: {}", frozen.reason)),
        None => Cell::Badge(Tone::Good, "active".to_owned()),
    };
    let link = if user.person.is_some() { "unlink" } else { "link" };
    let fit = ["adjust", "contact", if user.frozen.is_some() { "unfreeze" } else { "freeze" }, link];
    Ok(Some(Detail {
        title: user.user_id.as_str().to_owned(),
        facts: vec![
            ("Status", standing),
            ("Frozen by", Cell::text(user.frozen.as_ref().map(|frozen| frozen.by.clone()))),
            ("Frozen", Cell::time(user.frozen.as_ref().map(|frozen| frozen.at))),
            ("Coins", Cell::Money(user.balance)),
            ("Worth", settings.worth(user.balance.minor()).map_or(Cell::Nothing, Cell::Money)),
            ("Awarded in all", Cell::Number(totals.lifetime)),
            ("Spent in all", Cell::Number(totals.spent)),
            ("Withdrawn in all", Cell::Number(totals.withdrawn)),
            ("Email", Cell::text(user.email.as_ref().map(Email::as_str))),
            ("Language", Cell::Text(user.language.title().to_owned())),
            ("Account here", person),
            ("Since", Cell::Time(user.created_at)),
            ("Id", Cell::Text(id.to_string())),
        ],
        accounts: vec![("Coins", user.account)],
        tables: vec![withdrawals::totals(tx, id)?, withdrawals::last(tx, id)?, withdrawals::movements(tx, id)?],
        fit: Some(fit.to_vec()),
    }))
}
