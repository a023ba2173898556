//! Which person with an account here a user of coins is.

use purser_identity::{user_by_login, user_get as person_get};
use purser_kit::Rule;
use purser_kit::console::{Action, Done, Field, Preview, Target};

use super::one;
use crate::commands;
use crate::service::{user_get, user_link};

pub(super) fn link() -> Action {
    Action {
        name: "link",
        title: "Link a person",
        command: &commands::USER_LINK,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| {
            Ok(vec![Field::line("login", "Username or email", "Of somebody who has signed up here.")])
        }),
        preview: Box::new(|tx, _, ids| {
            let user = user_get(tx, one(ids)?)?;
            let (name, has) = (user.user_id.as_str(), user.balance.minor());
            let sentence =
                format!("They can see everything of {name}, and withdraw the {has} coins to a UPI id of theirs.");
            Ok(Preview::sentence(sentence))
        }),
        run: Box::new(|tx, doer, ids, mut fields| {
            let login = fields.line("login", 1, 254);
            let login = fields.required("login", login);
            let person = match &login {
                Some(login) => user_by_login(tx, login)?.map(|(person, _)| person),
                None => None,
            };
            let person = match (person, &login) {
                (Some(person), _) if person.is_active => Some(person),
                (_, Some(login)) => {
                    let must = "be the username or email of somebody who has an account here";
                    fields.refuse("login", login, Rule::new("unknown_value", must))
                }
                (_, None) => None,
            };
            let person = fields.finish(person)?;
            let user = user_link(tx, doer, one(ids)?, Some(person.id))?;
            Ok(Done::sentence(format!("{} is {} now.", person.username, user.user_id.as_str()), user.id))
        }),
    }
}

pub(super) fn unlink() -> Action {
    Action {
        name: "unlink",
        title: "Unlink the person",
        command: &commands::USER_UNLINK,
        target: Target::One,
        harms: true,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|tx, _, ids| {
            let user = user_get(tx, one(ids)?)?;
            let Some(person) = user.person else {
                let obstacle = Some("Nobody with an account here is this user.".to_owned());
                return Ok(Preview { obstacle, ..Preview::default() });
            };
            let (person, name) = (person_get(tx, person)?.username, user.user_id.as_str());
            Ok(Preview::sentence(format!("{person} can no longer see or withdraw the coins of {name}.")))
        }),
        run: Box::new(|tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let user = user_link(tx, doer, one(ids)?, None)?;
            Ok(Done::sentence(format!("Nobody with an account here is {} now.", user.user_id.as_str()), user.id))
        }),
    }
}
