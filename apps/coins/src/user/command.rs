//! What may be done to a user of coins.

use std::sync::Arc;

use purser_identity::{Email, user_by_login, user_get as person_get};
use purser_kit::console::{Input, Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, Rule, parse_email};
use purser_money::{Currency, Money};
use purser_outbox::Language;
use uuid::Uuid;

use crate::api::{UserJson, parse_language};
use crate::domain::CoinUser;
use crate::error::Error;
use crate::service::{
    MovementResult, UserChange, coins_adjust, freeze_plan, frozen_apply, link_apply, link_plan, others, unfreeze_plan,
    user_change, user_get,
};
use crate::store::user::user_find;
use crate::{Coins, MOST_MOVED};

/// Users of coins.
pub(crate) static USERS: Noun<Coins> = Noun {
    app: "coins",
    name: "users",
    one: "user",
    binding: None,
    records: |_, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(user) = user_find(tx, *id)? {
                records.push((*id, AuditSnapshot::of(&UserJson::from(user))?));
            }
        }
        Ok(records)
    },
};

/// What may be done to users, in the order of the buttons.
pub(crate) fn user_commands(coins: &Arc<Coins>) -> Commands {
    Commands::of(coins)
        .with(&COINS_ADJUST)
        .with(&USER_CONTACT)
        .with(&USER_FREEZE)
        .with(&USER_UNFREEZE)
        .with(&USER_LINK)
        .with(&USER_UNLINK)
        .all()
}

/// Corrects a user's coins.
static COINS_ADJUST: Command<Coins, (Money, String), (CoinUser, Money, String), MovementResult> = Command {
    spec: CommandSpec::money("coins.users.adjust", "coins.pay")
        .titled("Adjust coins", "What is added may be withdrawn at once."),
    noun: &USERS,
    form: |_| {
        let help = "How many more: 250; or how many fewer: -250.";
        Form::of((
            FormField::amount_by("amount", "Coins", help, Currency::COIN, |amount| match amount.minor() {
                0 => Err(Rule::new("out_of_range", "be more or less than zero")),
                some if some.abs() > MOST_MOVED => {
                    Err(Rule::new("out_of_range", format!("be at most {MOST_MOVED} coins either way")))
                }
                _ => Ok(amount),
            }),
            FormField::line("reason", "Reason", "What this rests on; the user reads it.", 1, 500),
        ))
    },
    plan: |_, tx, cx, id, (amount, reason)| Ok((others(tx, cx, id)?, *amount, reason.clone())),
    apply: |coins, tx, cx, (user, amount, reason)| coins_adjust(tx, &coins.settings, cx, user.id, amount, &reason),
    will: |plans| {
        Preview::of_one(plans, |(user, amount, _)| {
            let (name, has) = (user.user_id.as_str(), user.balance.minor());
            format!("{name} has {has} coins; it changes by {}.", amount.minor())
        })
    },
    outcome: |moved| {
        Outcome::of(moved, |MovementResult { user, .. }| {
            format!("{} has {} coins now.", user.user_id.as_str(), user.balance.minor())
        })
    },
    hooks: Hooks::NONE.check(|_, tx, cx, id| others(tx, cx, id).map(drop)).about(|coins: &Coins, tx, id| {
        let user = user_get(tx, id)?;
        let (name, has) = (user.user_id.as_str(), user.balance.minor());
        let worth = coins.settings.worth(has).map(|worth| format!(", worth {}", worth.for_people()));
        Ok(format!("{name} has {has} coins{}. What is added may be withdrawn at once.", worth.unwrap_or_default()))
    }),
};

/// Changes where a user is written to.
static USER_CONTACT: Command<Coins, (Option<Email>, Language), (CoinUser, UserChange), CoinUser> = Command {
    spec: CommandSpec::records("coins.users.contact", "coins.award").titled("Contact", ""),
    noun: &USERS,
    form: |_| {
        let languages = Language::ALL.map(|language| (language.code().to_owned(), language.title().to_owned()));
        let help = "Where the user is told of withdrawals; nowhere where it is empty.";
        Form::of((
            FormField::parsed("email", "Email", help, parse_email).input(Input::Email).optional(),
            FormField::parsed("language", "Language", "In which the user is told.", parse_language)
                .input(Input::Choice(languages.to_vec())),
        ))
    },
    plan: |_, tx, _, id, (email, language)| {
        Ok((user_get(tx, id)?, UserChange { email: Some(email.clone()), language: Some(*language) }))
    },
    apply: |_, tx, cx, (user, change)| user_change(tx, cx, &user.user_id, &change),
    will: |plans| Preview::of_one(plans, |(user, _)| format!("{} is told there.", user.user_id.as_str())),
    outcome: |changed| {
        Outcome::of(changed, |user| match &user.email {
            Some(email) => format!("{} is told at {}.", user.user_id.as_str(), email.as_str()),
            None => format!("{} is told nowhere.", user.user_id.as_str()),
        })
    },
    hooks: Hooks::NONE.fill(|_, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let user = user_get(tx, *id)?;
        let email = user.email.map(|email| email.as_str().to_owned()).unwrap_or_default();
        Ok(vec![("email", email), ("language", user.language.code().to_owned())])
    }),
};

/// Stops a user: nothing is spent, asked for or begun to be paid until they are let go on.
pub(crate) static USER_FREEZE: Command<Coins, String, CoinUser, CoinUser> = Command {
    spec: CommandSpec::money("coins.users.freeze", "coins.pay").titled("Freeze", "").harms(),
    noun: &USERS,
    form: |_| {
        Form::of(FormField::line("reason", "Reason", "Why; staff read it.", 1, 500)).previewed_with(String::new())
    },
    plan: |_, tx, cx, id, reason| freeze_plan(tx, cx, id, reason),
    apply: |_, tx, _, user| frozen_apply(tx, user),
    will: |plans| {
        Preview::of_one(plans, |user| {
            format!(
                "{} can neither spend nor withdraw, and what waits is not begun. Coins may come in; what is being paid \
                 goes on.",
                user.user_id.as_str()
            )
        })
    },
    outcome: |frozen| Outcome::of(frozen, |user| format!("{} is frozen.", user.user_id.as_str())),
    hooks: Hooks::NONE,
};

/// Lets a user go on.
pub(crate) static USER_UNFREEZE: Command<Coins, (), CoinUser, CoinUser> = Command {
    spec: CommandSpec::money("coins.users.unfreeze", "coins.pay").titled("Unfreeze", ""),
    noun: &USERS,
    form: |_| Form::empty(),
    plan: |_, tx, cx, id, ()| unfreeze_plan(tx, cx, id),
    apply: |_, tx, _, user| frozen_apply(tx, user),
    will: |plans| Preview::of_one(plans, |user| format!("{} can spend and withdraw again.", user.user_id.as_str())),
    outcome: |freed| Outcome::of(freed, |user| format!("{} can spend and withdraw again.", user.user_id.as_str())),
    hooks: Hooks::NONE,
};

/// Lets a person see and withdraw a user's coins.
static USER_LINK: Command<Coins, String, (CoinUser, String), (CoinUser, String)> = Command {
    spec: CommandSpec::power("coins.users.link", "coins.pay")
        .titled("Link a person", "They can see everything of the user, and withdraw the coins to a UPI id of theirs."),
    noun: &USERS,
    form: |_| Form::of(FormField::line("login", "Username or email", "Of somebody who has signed up here.", 1, 254)),
    plan: |_, tx, cx, id, login| {
        let person = user_by_login(tx, login)?.map(|(person, _)| person).filter(|person| person.is_active);
        let person = person.ok_or_else(|| Error::UnknownLogin(login.clone()))?;
        Ok((link_plan(tx, cx, id, Some(person.id))?, person.username.to_string()))
    },
    apply: |_, tx, _, (user, person)| Ok((link_apply(tx, user)?, person)),
    will: |plans| {
        Preview::of_one(plans, |(user, person)| {
            let (name, has) = (user.user_id.as_str(), user.balance.minor());
            format!("{person} can see everything of {name}, and withdraw the {has} coins to a UPI id of theirs.")
        })
    },
    outcome: |linked| Outcome::of(linked, |(user, person)| format!("{person} is {} now.", user.user_id.as_str())),
    hooks: Hooks::NONE,
};

/// Lets a person see and withdraw a user's coins no more.
static USER_UNLINK: Command<Coins, (), (CoinUser, String), CoinUser> = Command {
    spec: CommandSpec::power("coins.users.unlink", "coins.pay").titled("Unlink the person", "").harms(),
    noun: &USERS,
    form: |_| Form::empty(),
    plan: |_, tx, cx, id, ()| {
        let person: Option<Uuid> = user_get(tx, id)?.person;
        let person = person_get(tx, person.ok_or(Error::NotLinked)?)?.username.to_string();
        Ok((link_plan(tx, cx, id, None)?, person))
    },
    apply: |_, tx, _, (user, _)| link_apply(tx, user),
    will: |plans| {
        Preview::of_one(plans, |(user, person)| {
            format!("{person} can no longer see or withdraw the coins of {}.", user.user_id.as_str())
        })
    },
    outcome: |unlinked| {
        Outcome::of(unlinked, |user| format!("Nobody with an account here is {} now.", user.user_id.as_str()))
    },
    hooks: Hooks::NONE,
};
