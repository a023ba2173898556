//! Users and their coins in the console.

use std::sync::Arc;

use purser_identity::{Email, user_get as person_get};
use purser_kit::console::{
    Action, Cell, Column, Detail, Done, Field, Filter, Input, Kind, Listing, Preview, Resource, Search, Target, Tone,
};
use purser_kit::{Commands, Problem, Rule, parse_email};
use purser_money::Currency;
use purser_outbox::Language;
use purser_store::Tx;
use uuid::Uuid;

use super::{one, people, reason, reason_only, withdrawals};
use crate::api::parse_language;
use crate::commands;
use crate::domain::Settings;
use crate::error::Error;
use crate::service::{
    UserChange, coins_adjust, is_ones_own, user_change, user_freeze, user_get, user_totals, user_unfreeze,
};
use crate::store::user::{USERS_FROM, user_find};
use crate::{Coins, MOST_MOVED};

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
                Column::new("user_id", "User", "u.user_id", Kind::Given).sorted(),
                Column::new("coins", "Coins", "b.balance", Kind::Money(Currency::COIN)),
                Column::new("email", "Email", "u.email", Kind::Text),
                Column::new("language", "Language", "u.language", Kind::Text),
                Column::new("created_at", "Since", "u.created_at", Kind::Time),
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
        commands: Commands::default(),
        actions: vec![adjust(coins), contact(), freeze(), unfreeze(), people::link(), people::unlink()],
    }
}

fn detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
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

fn adjust(coins: &Arc<Coins>) -> Action {
    let (settings, moving) = (Arc::clone(&coins.settings), Arc::clone(&coins.settings));
    Action {
        name: "adjust",
        title: "Adjust coins",
        command: &commands::COINS_ADJUST,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| {
            let amount = Field::line("amount", "Coins", "How many more: 250; or how many fewer: -250.");
            Ok(vec![amount.input(Input::Amount), reason("What this rests on; the user reads it.")])
        }),
        preview: Box::new(move |tx, _, ids| {
            let user = user_get(tx, one(ids)?)?;
            let worth = settings.worth(user.balance.minor()).map(|worth| format!(", worth {}", worth.for_people()));
            let (name, has, worth) = (user.user_id.as_str(), user.balance.minor(), worth.unwrap_or_default());
            Ok(Preview::sentence(format!("{name} has {has} coins{worth}. What is added may be withdrawn at once.")))
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let amount = fields.amount("amount", Currency::COIN);
            let amount = amount.and_then(|amount| match amount.minor() {
                0 => fields.refuse("amount", "0", Rule::new("out_of_range", "be more or less than zero")),
                some if some.abs() > MOST_MOVED => {
                    let must = format!("be at most {MOST_MOVED} coins either way");
                    fields.refuse("amount", &amount.to_string(), Rule::new("out_of_range", must))
                }
                _ => Some(amount),
            });
            let amount = fields.required("amount", amount);
            let reason = fields.line("reason", 1, 500);
            let reason = fields.required("reason", reason);
            let (amount, reason) = fields.finish(amount.zip(reason))?;
            let moved = coins_adjust(tx, &moving, doer, one(ids)?, amount, &reason)?;
            let (name, has) = (moved.user.user_id.as_str(), moved.user.balance.minor());
            Ok(Done::sentence(format!("{name} has {has} coins now."), moved.user.id))
        }),
    }
}

fn contact() -> Action {
    Action {
        name: "contact",
        title: "Contact",
        command: &commands::USER_CONTACT,
        target: Target::One,
        harms: false,
        fields: Box::new(|tx, ids| {
            let user = user_get(tx, one(ids)?)?;
            let languages = Language::ALL.map(|language| (language.code().to_owned(), language.title().to_owned()));
            let email =
                Field::line("email", "Email", "Where the user is told of withdrawals; nowhere where it is empty.");
            let language = Field::line("language", "Language", "In which the user is told.");
            Ok(vec![
                email
                    .input(Input::Email)
                    .optional()
                    .with(user.email.map_or(String::new(), |email| email.as_str().to_owned())),
                language.input(Input::Choice(languages.to_vec())).with(user.language.code()),
            ])
        }),
        preview: Box::new(|_, _, _| Ok(Preview::default())),
        run: Box::new(|tx, doer, ids, mut fields| {
            let email = fields.parsed("email", parse_email);
            let language = fields.parsed("language", parse_language);
            let language = fields.required("language", language);
            let language = fields.finish(language)?;
            let user = user_get(tx, one(ids)?)?;
            let change = UserChange { email: Some(email), language: Some(language) };
            let user = user_change(tx, doer, &user.user_id, &change)?;
            let sentence = match &user.email {
                Some(email) => format!("{} is told at {}.", user.user_id.as_str(), email.as_str()),
                None => format!("{} is told nowhere.", user.user_id.as_str()),
            };
            Ok(Done::sentence(sentence, user.id))
        }),
    }
}

fn freeze() -> Action {
    Action {
        name: "freeze",
        title: "Freeze",
        command: &commands::USER_FREEZE,
        target: Target::One,
        harms: true,
        fields: Box::new(|_, _| Ok(vec![reason("Why; staff read it.")])),
        preview: Box::new(|tx, doer, ids| {
            let user = user_get(tx, one(ids)?)?;
            let name = user.user_id.as_str();
            let sentence = format!(
                "{name} can neither spend nor withdraw, and what waits is not begun. Coins may come in; what is being paid \
                 goes on."
            );
            let obstacle = is_ones_own(tx, doer, &user)?.then(|| Error::OwnAccount.to_string());
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(|tx, doer, ids, fields| {
            let reason = reason_only(fields)?;
            let user = user_freeze(tx, doer, one(ids)?, &reason)?;
            Ok(Done::sentence(format!("{} is frozen.", user.user_id.as_str()), user.id))
        }),
    }
}

fn unfreeze() -> Action {
    Action {
        name: "unfreeze",
        title: "Unfreeze",
        command: &commands::USER_UNFREEZE,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|tx, doer, ids| {
            let user = user_get(tx, one(ids)?)?;
            let obstacle = is_ones_own(tx, doer, &user)?.then(|| Error::OwnAccount.to_string());
            let sentence = format!("{} can spend and withdraw again.", user.user_id.as_str());
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(|tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let user = user_unfreeze(tx, doer, one(ids)?)?;
            Ok(Done::sentence(format!("{} can spend and withdraw again.", user.user_id.as_str()), user.id))
        }),
    }
}
