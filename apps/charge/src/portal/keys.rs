//! A seller's API keys: each is bound to it, may read and sell, and is shown once.

use std::sync::Arc;

use purser_identity::{
    ApiKey, Error as IdentityError, NewApiKey, ResourceBinding, Scopes, Secret, api_key_create, api_key_revoke,
    api_keys_of,
};
use purser_kit::console::{Cell, DetailTable, Field, Preview, ReportContent, Tone};
use purser_kit::portal::{Invocation, PortalAction, PortalContent, PortalContext, PortalOutcome};
use purser_kit::{Fields, IdempotentResponse, Problem, code};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::commands;
use crate::service::seller_active;
use crate::{Charge, SELLER_BINDING};

/// What a seller's own keys may do.
const SCOPES: &str = "charge.read charge.sell";

fn binding(portal_cx: &PortalContext) -> ResourceBinding {
    ResourceBinding { kind: SELLER_BINDING.to_owned(), id: portal_cx.object }
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
    portal_cx: &PortalContext,
    _: &[(String, String)],
) -> Result<Option<PortalContent>, Problem> {
    let keys = api_keys_of(tx, &binding(portal_cx)).map_err(problem)?;
    let rows = keys.into_iter().map(|key| {
        let revoke = Cell::Link("Revoke".to_owned(), format!("{}do/revoke-key/?id={}", portal_cx.base, key.id));
        let (state, more) = if key.is_live(portal_cx.now) {
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
    let content = ReportContent { title: "API keys".to_owned(), facts: Vec::new(), tables: vec![table] };
    Ok(Some(PortalContent { content, actions: vec![("make-key", None)], ..PortalContent::default() }))
}

fn label(mut fields: Fields<'_>) -> Result<String, Problem> {
    let label = fields.line("label", 1, 100);
    let label = fields.required("label", label);
    fields.finish(label)
}

pub(super) fn make(charge: &Arc<Charge>) -> PortalAction {
    let making = Arc::clone(charge);
    PortalAction {
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
        run: Box::new(move |invocation| Box::pin(make_run(Arc::clone(&making), invocation))),
    }
}

async fn make_run(charge: Arc<Charge>, invocation: Invocation) -> Result<PortalOutcome, Problem> {
    let label = label(invocation.fields())?;
    let scopes = Scopes::parse(SCOPES).map_err(Problem::internal)?;
    let secret = Secret::api_key(&invocation.entropy);
    let (hash, portal_cx, repeat) = (secret.hash(), invocation.portal, invocation.idempotency);
    let (now, event, go, settings) = (
        portal_cx.now,
        charge.context.ids.next(portal_cx.now),
        format!("{}keys/", portal_cx.base),
        Arc::clone(&charge.settings),
    );
    let (binding, created_by) = (Some(binding(&portal_cx)), portal_cx.actor.clone());
    let new = NewApiKey { id: invocation.id, label: label.clone(), scopes, binding, expires_at: None, created_by };
    let made = charge.context.store.write(move |tx| {
        IdempotentResponse::run(tx, now, Some(&repeat), |tx| {
            seller_active(tx, &settings, portal_cx.object)?;
            api_key_create(tx, now, &new, hash).map_err(problem)?;
            note(tx, &portal_cx, event, "charge.key.create", new.id, &new.label)?;
            Ok::<_, Problem>(new.id.to_string())
        })
    });
    if made.await?.replayed {
        // The secret of the first time was shown then, and is kept nowhere.
        return Ok(PortalOutcome::Redirect(go));
    }
    let sentence = format!("The key '{label}' is made. Copy it now: it is shown this once, and kept nowhere.");
    Ok(PortalOutcome::Secret { sentence, secret: secret.expose().to_owned(), go })
}

fn note(
    tx: &mut WriteTx<'_>,
    portal_cx: &PortalContext,
    event: Uuid,
    action: &str,
    key: Uuid,
    label: &str,
) -> Result<(), Problem> {
    let subject = format!("charge:sellers:{}", portal_cx.object);
    let detail = serde_json::json!({ "entered": { "key": key, "label": label } });
    Ok(portal_cx.request_context(event).record(tx, action, &subject, &detail)?)
}

/// A key of this seller; another's is not there.
fn own_key(tx: &mut ReadTx<'_>, portal_cx: &PortalContext, id: Option<Uuid>) -> Result<ApiKey, Problem> {
    let keys = api_keys_of(tx, &binding(portal_cx)).map_err(problem)?;
    keys.into_iter().find(|key| Some(key.id) == id).ok_or_else(|| Problem::not_found("key"))
}

pub(super) fn revoke(charge: &Arc<Charge>) -> PortalAction {
    let revoking = Arc::clone(charge);
    PortalAction {
        name: "revoke-key",
        title: "Revoke",
        harms: true,
        command: &commands::KEY_REVOKE,
        fields: Box::new(|_, _, _| Ok(Vec::new())),
        preview: Box::new(|tx, portal_cx, target, fields| {
            fields.finish(Some(()))?;
            let key = own_key(tx, portal_cx, target)?;
            Ok(Preview::sentence(format!("The key '{}' opens nothing any more, for good.", key.label)))
        }),
        run: Box::new(move |invocation| {
            let charge = Arc::clone(&revoking);
            Box::pin(async move {
                let Invocation { portal: portal_cx, target, idempotency: repeat, .. } = invocation;
                let (now, event, go) =
                    (portal_cx.now, charge.context.ids.next(portal_cx.now), format!("{}keys/", portal_cx.base));
                let revoked = charge.context.store.write(move |tx| {
                    IdempotentResponse::run(tx, now, Some(&repeat), |tx| {
                        let key = own_key(tx, &portal_cx, target)?;
                        api_key_revoke(tx, now, key.id, &portal_cx.actor).map_err(problem)?;
                        note(tx, &portal_cx, event, "charge.key.revoke", key.id, &key.label)?;
                        Ok::<_, Problem>(key.id.to_string())
                    })
                });
                revoked.await?;
                charge.context.keys.clear();
                Ok(PortalOutcome::Redirect(go))
            })
        }),
    }
}
