//! Who acts for a seller in the portal.

use purser_identity::{ResourceBinding, User, api_keys_revoke_of, user_by_login, user_get};
use purser_kit::console::{Outcome, Preview, count_noun};
use purser_kit::{Command, CommandSpec, Form, FormField, Hooks};
use uuid::Uuid;

use super::command::SELLERS;
use crate::domain::Seller;
use crate::error::Error;
use crate::service::seller_get;
use crate::store::person::{person_add, person_remove, persons_of};
use crate::{Charge, SELLER_BINDING};

/// Somebody who is to act for a seller.
pub(crate) struct NewPerson {
    seller: Seller,
    user: User,
}

/// Lets a person act for a seller. What was done is the username, and whether they act for it only now.
pub(crate) static PERSON_ADD: Command<Charge, String, NewPerson, (String, bool)> = Command {
    spec: CommandSpec::power("charge.sellers.let-sell", "charge.manage").titled(
        "Let somebody sell",
        "They can see everything of the seller, sell from its credit, and make keys for it.",
    ),
    noun: &SELLERS,
    form: |_| Form::of(FormField::line("login", "Username or email", "Of somebody who has signed up here.", 1, 254)),
    plan: |charge, tx, _, seller, login| {
        let user = user_by_login(tx, login)?.map(|(user, _)| user).filter(|user| user.is_active);
        let user = user.ok_or_else(|| Error::UnknownLogin(login.clone()))?;
        Ok(NewPerson { seller: seller_get(tx, &charge.settings, seller)?, user })
    },
    apply: |_, tx, cx, NewPerson { seller, user }| {
        let is_new = person_add(tx, seller.id, user.id, &cx.actor, cx.now)?;
        Ok((user.username.to_string(), is_new))
    },
    will: |plans| {
        Preview::of_one(plans, |NewPerson { seller, user }| {
            let (username, credit) = (&user.username, seller.available().for_people());
            format!(
                "{username} can see everything of {}, sell from its credit of {credit}, and make keys.",
                seller.name
            )
        })
    },
    outcome: |added| {
        Outcome::of(added, |(username, is_new)| match is_new {
            true => format!("{username} can sell now, at /portal/."),
            false => format!("{username} could sell before."),
        })
    },
    hooks: Hooks::NONE,
};

/// Lets a person act for a seller no more, and ends the keys that they made for it. What was done is whether they acted
/// for it, and how many keys ended.
pub(crate) static PERSON_REMOVE: Command<Charge, Uuid, (Uuid, Uuid), (bool, usize)> = Command {
    spec: CommandSpec::power("charge.sellers.stop-selling", "charge.manage")
        .titled("Stop somebody selling", "API keys that they made for the seller end at once, for good.")
        .harms(),
    noun: &SELLERS,
    form: |_| Form::of(FormField::id("person", "Who", "The seller's portal closes for them at once.")),
    plan: |_, _, _, seller, person| Ok((seller, *person)),
    apply: |_, tx, cx, (seller, person)| {
        let stopped = person_remove(tx, seller, person)?;
        let binding = ResourceBinding { kind: SELLER_BINDING.to_owned(), id: seller };
        let ended = api_keys_revoke_of(tx, cx.now, person, Some(&binding), &cx.actor)?;
        for key in &ended {
            let subject = format!("charge:sellers:{seller}");
            cx.record_also(tx, "charge.key.revoke", &subject, &[("key", &key.id.to_string()), ("label", &key.label)])?;
        }
        Ok((stopped, ended.len()))
    },
    will: |_| Preview::sentence("API keys that they made for the seller end at once, for good."),
    outcome: |stopped| {
        Outcome::of(stopped, |(acted, keys)| match (acted, keys) {
            (false, _) => "They could not sell before.".to_owned(),
            (true, 0) => "They can sell no more.".to_owned(),
            (true, keys) => format!("They can sell no more. {} ended.", count_noun(*keys, "API key")),
        })
    },
    hooks: Hooks::NONE
        .check(|_, tx, _, seller| if persons_of(tx, seller)?.is_empty() { Err(Error::NobodySells) } else { Ok(()) })
        .choices(|_, tx, sellers| {
            let mut people = Vec::new();
            for seller in sellers {
                for (person, _) in persons_of(tx, *seller)? {
                    people.push((person.to_string(), user_get(tx, person)?.username.to_string()));
                }
            }
            Ok(vec![("person", people)])
        }),
};
