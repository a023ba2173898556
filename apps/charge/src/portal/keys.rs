//! A seller's API keys: each is tied to it, may read and sell, and is shown once.

use std::sync::Arc;

use purser_identity::{
    ApiKey, Error as IdentityError, NewApiKey, Scopes, Secret, Tie, api_key_create, api_key_revoke, api_keys_of,
};
use purser_kit::console::{Cell, DetailTable, Field, Preview, Sheet, Tone};
use purser_kit::portal::{Deed, Did, Doing, PortalSheet, Visit};
use purser_kit::{Fields, Once, Problem, code};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::commands;
use crate::service::seller_active;
use crate::{Charge, SELLER_TIE};

/// What a seller's own keys may do.
const SCOPES: &str = "charge.read charge.sell";

fn tie(visit: &Visit) -> Tie {
    Tie { kind: SELLER_TIE.to_owned(), id: visit.object }
}

fn problem(error: IdentityError) -> Problem {
    match error {
        IdentityError::KeyRevoked => Problem::new(&code::CONFLICT, "The key was revoked before."),
        IdentityError::NoKey => Problem::not_found("key"),
        other => other.into(),
    }
}

pub(super) fn page(
    tx: &mut ReadTx<'_>,
    _: &Charge,
    visit: &Visit,
    _: &[(String, String)],
) -> Result<Option<PortalSheet>, Problem> {
    let keys = api_keys_of(tx, &tie(visit)).map_err(problem)?;
    let rows = keys.into_iter().map(|key| {
        let revoke = Cell::Link("Revoke".to_owned(), format!("{}do/revoke-key/?id={}", visit.base, key.id));
        let (state, more) = if key.is_live(visit.now) {
            (Cell::Badge(Tone::Good, "live".to_owned()), revoke)
        } else {
            (Cell::Badge(Tone::Quiet, "ended".to_owned()), Cell::Nothing)
        };
        vec![Cell::Text(key.label), state, Cell::Time(key.created_at), Cell::time(key.last_used_at), more]
    });
    let table = DetailTable {
        title: "API keys",
        empty: "No key has been made yet. With one, a program of yours can sell.",
        columns: vec!["Label", "State", "Made", "Last used", "Still open"],
        rows: rows.collect(),
    };
    let sheet = Sheet { title: "API keys".to_owned(), facts: Vec::new(), tables: vec![table] };
    Ok(Some(PortalSheet { sheet, deeds: vec![("make-key", None)], ..PortalSheet::default() }))
}

fn label(mut fields: Fields<'_>) -> Result<String, Problem> {
    let label = fields.line("label", 1, 100);
    let label = fields.required("label", label);
    fields.finish(label)
}

pub(super) fn make(charge: &Arc<Charge>) -> Deed {
    let making = Arc::clone(charge);
    Deed {
        name: "make-key",
        title: "New key",
        harms: false,
        command: &commands::KEY_CREATE,
        fields: Box::new(|_, _, _| {
            Ok(vec![Field::line("label", "Label", "Which program uses it, 1 to 100 characters.")])
        }),
        preview: Box::new(|_, _, _, fields| {
            let label = label(fields)?;
            Ok(Preview::sentence(format!(
                "Whoever has the key '{label}' can see your sales and sell from your credit."
            )))
        }),
        run: Box::new(move |doing| Box::pin(make_run(Arc::clone(&making), doing))),
    }
}

async fn make_run(charge: Arc<Charge>, doing: Doing) -> Result<Did, Problem> {
    let label = label(doing.fields())?;
    let scopes = Scopes::parse(SCOPES).map_err(Problem::internal)?;
    let secret = Secret::api_key(&doing.chance);
    let (hash, visit, repeat) = (secret.hash(), doing.visit, doing.repeat);
    let (now, event, go, settings) =
        (visit.now, charge.context.ids.next(visit.now), format!("{}keys/", visit.base), Arc::clone(&charge.settings));
    let (tie, created_by) = (Some(tie(&visit)), visit.actor.clone());
    let new = NewApiKey { id: doing.id, label: label.clone(), scopes, tie, expires_at: None, created_by };
    let made = charge.context.store.write(move |tx| {
        Once::run(tx, now, Some(&repeat), |tx| {
            seller_active(tx, &settings, visit.object)?;
            api_key_create(tx, now, &new, hash).map_err(problem)?;
            note(tx, &visit, event, "charge.key.create", new.id, &new.label)?;
            Ok::<_, Problem>(new.id.to_string())
        })
    });
    if made.await?.replayed {
        // The secret of the first time was shown then, and is kept nowhere.
        return Ok(Did::Go(go));
    }
    let sentence = format!("The key '{label}' is made. Copy it now: it is shown this once, and kept nowhere.");
    Ok(Did::Secret { sentence, secret: secret.expose().to_owned(), go })
}

fn note(tx: &mut WriteTx<'_>, visit: &Visit, event: Uuid, action: &str, key: Uuid, label: &str) -> Result<(), Problem> {
    let subject = format!("charge:sellers:{}", visit.object);
    let detail = serde_json::json!({ "entered": { "key": key, "label": label } });
    Ok(visit.doer(event).record(tx, action, &subject, &detail)?)
}

/// A key of this seller; another's is not there.
fn own_key(tx: &mut ReadTx<'_>, visit: &Visit, id: Option<Uuid>) -> Result<ApiKey, Problem> {
    let keys = api_keys_of(tx, &tie(visit)).map_err(problem)?;
    keys.into_iter().find(|key| Some(key.id) == id).ok_or_else(|| Problem::not_found("key"))
}

pub(super) fn revoke(charge: &Arc<Charge>) -> Deed {
    let revoking = Arc::clone(charge);
    Deed {
        name: "revoke-key",
        title: "Revoke",
        harms: true,
        command: &commands::KEY_REVOKE,
        fields: Box::new(|_, _, _| Ok(Vec::new())),
        preview: Box::new(|tx, visit, target, fields| {
            fields.finish(Some(()))?;
            let key = own_key(tx, visit, target)?;
            Ok(Preview::sentence(format!("The key '{}' opens nothing any more, for good.", key.label)))
        }),
        run: Box::new(move |doing| {
            let charge = Arc::clone(&revoking);
            Box::pin(async move {
                let Doing { visit, target, repeat, .. } = doing;
                let (now, event, go) = (visit.now, charge.context.ids.next(visit.now), format!("{}keys/", visit.base));
                let revoked = charge.context.store.write(move |tx| {
                    Once::run(tx, now, Some(&repeat), |tx| {
                        let key = own_key(tx, &visit, target)?;
                        api_key_revoke(tx, now, key.id, &visit.actor).map_err(problem)?;
                        note(tx, &visit, event, "charge.key.revoke", key.id, &key.label)?;
                        Ok::<_, Problem>(key.id.to_string())
                    })
                });
                revoked.await?;
                charge.context.keys.forget();
                Ok(Did::Go(go))
            })
        }),
    }
}
