//! Who may act for a seller in the portal.

use std::sync::Arc;

use purser_identity::{Tie, api_keys_of, api_keys_revoke_of, user_by_login, user_get};
use purser_kit::Problem;
use purser_kit::console::{Action, Cell, DetailTable, Done, Field, Input, Preview, Target, counted, keys_table};
use purser_store::Tx;
use serde_json::json;
use uuid::Uuid;

use super::one;
use crate::commands;
use crate::service::seller_get;
use crate::store::person::{person_add, person_remove, persons_of};
use crate::{Charge, SELLER_TIE};

pub(super) fn table(tx: &mut Tx<'_>, seller: Uuid) -> Result<DetailTable, Problem> {
    let mut rows = Vec::new();
    for (person, since) in persons_of(tx, seller)? {
        let user = user_get(tx, person)?;
        rows.push(vec![Cell::Text(user.username.to_string()), Cell::Text(user.email.to_string()), Cell::Time(since)]);
    }
    Ok(DetailTable {
        title: "Who sells in the portal",
        empty: "Nobody yet: let somebody sell who has an account here.",
        columns: vec!["Username", "Email", "Since"],
        rows,
    })
}

/// The programs that act for a seller.
pub(super) fn keys(tx: &mut Tx<'_>, seller: Uuid) -> Result<DetailTable, Problem> {
    let empty = "No program acts for it yet. Whoever sells for it makes keys in the portal.";
    Ok(keys_table("API keys", empty, api_keys_of(tx, &tie(seller))?))
}

fn tie(seller: Uuid) -> Tie {
    Tie { kind: SELLER_TIE.to_owned(), id: seller }
}

pub(super) fn let_sell(charge: &Arc<Charge>) -> Action {
    let reading = Arc::clone(&charge.settings);
    Action {
        name: "let-sell",
        title: "Let somebody sell",
        command: &commands::PERSON_ADD,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| {
            Ok(vec![Field::line("login", "Username or email", "Of somebody who has signed up here.")])
        }),
        preview: Box::new(move |tx, _, ids| {
            let seller = seller_get(tx, &reading, one(ids)?)?;
            let (credit, name) = (seller.available().for_people(), seller.name);
            Ok(Preview::sentence(format!(
                "They can see everything of {name}, sell from its credit of {credit}, and make keys for it."
            )))
        }),
        run: Box::new(|tx, doer, ids, mut fields| {
            let login = fields.line("login", 1, 254);
            let login = fields.required("login", login);
            let user = match &login {
                Some(login) => user_by_login(tx, login)?.map(|(user, _)| user),
                None => None,
            };
            let user = match (user, &login) {
                (Some(user), _) if user.is_active => Some(user),
                (_, Some(login)) => {
                    let rule = purser_kit::Rule::new(
                        "unknown_value",
                        "be the username or email of somebody who has an account here",
                    );
                    fields.refuse("login", login, rule)
                }
                (_, None) => None,
            };
            let user = fields.finish(user)?;
            let seller = one(ids)?;
            let sentence = if person_add(tx, seller, user.id, &doer.actor, doer.now)? {
                format!("{} can sell now, at /portal/.", user.username)
            } else {
                format!("{} could sell before.", user.username)
            };
            Ok(Done::sentence(sentence, seller))
        }),
    }
}

pub(super) fn stop_selling() -> Action {
    Action {
        name: "stop-selling",
        title: "Stop somebody selling",
        command: &commands::PERSON_REMOVE,
        target: Target::One,
        harms: true,
        fields: Box::new(|tx, ids| {
            let mut people = Vec::new();
            for (person, _) in persons_of(tx, one(ids)?)? {
                people.push((person.to_string(), user_get(tx, person)?.username.to_string()));
            }
            Ok(vec![
                Field::line("person", "Who", "The seller's portal closes for them at once.")
                    .input(Input::Choice(people)),
            ])
        }),
        preview: Box::new(|tx, _, ids| {
            let nobody = persons_of(tx, one(ids)?)?.is_empty();
            let obstacle = nobody.then(|| "Nobody sells for it in the portal.".to_owned());
            let sentence = "API keys that they made for the seller end at once, for good.".to_owned();
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(|tx, doer, ids, mut fields| {
            let person = fields.id("person");
            let person = fields.required("person", person);
            let person = fields.finish(person)?;
            let seller = one(ids)?;
            let stopped = person_remove(tx, seller, person)?;
            let ended = api_keys_revoke_of(tx, doer.now, person, Some(&tie(seller)), &doer.actor)?;
            for key in &ended {
                let detail = json!({ "entered": { "key": key.id, "label": key.label } });
                doer.record(tx, "charge.key.revoke", &format!("charge:sellers:{seller}"), &detail)?;
            }
            let sentence = match (stopped, ended.len()) {
                (false, _) => "They could not sell before.".to_owned(),
                (true, 0) => "They can sell no more.".to_owned(),
                (true, keys) => format!("They can sell no more. {} ended.", counted(keys, "API key")),
            };
            Ok(Done::sentence(sentence, seller))
        }),
    }
}
