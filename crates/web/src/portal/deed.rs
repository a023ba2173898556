//! Deeds: a form, a page that says what will happen, and the doing, once.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_kit::console::{Field, Preview};
use purser_kit::portal::{Deed, Did, Doing, Portal, Visit};
use purser_kit::{Fields, Problem, Repeatable, fingerprint};
use uuid::Uuid;

use super::visitor::Guest;
use super::{name_of, portal, shell};
use crate::console::field::FieldShown;
use crate::console::proof::Ask;
use crate::console::{Desk, Refusal, chance, escaped};
use crate::pages::{self, Shell};

/// App, object and deed.
type At = (String, String, String);

#[derive(Template)]
#[template(path = "portal/deed.html")]
struct DeedPage<'a> {
    shell: Shell,
    name: String,
    deed: &'a Deed,
    action: String,
    back: String,
    target: Option<Uuid>,
    once: Uuid,
    error: Option<String>,
    fields: Vec<FieldShown>,
    /// What will happen, once what was entered has been read: then this is asked, and nothing more is entered.
    preview: Option<Preview>,
    entered: Vec<(String, String)>,
    proof: Ask,
    proof_next: String,
}

#[derive(Template)]
#[template(path = "portal/secret.html")]
struct SecretPage {
    shell: Shell,
    sentence: String,
    secret: String,
    go: String,
}

/// What a form sends beside its fields.
#[derive(Default)]
struct Sent {
    target: Option<Uuid>,
    once: Option<Uuid>,
    is_sure: bool,
    entered: Vec<(String, String)>,
}

impl Sent {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut sent = Sent::default();
        let id = |value: &str| Uuid::try_parse(value).map_err(|_| Refusal::nothing());
        for (name, value) in pairs {
            match name.as_str() {
                "id" => sent.target = Some(id(&value)?),
                "once" => sent.once = Some(id(&value)?),
                "sure" => sent.is_sure = true,
                _ => sent.entered.push((name, value)),
            }
        }
        Ok(sent)
    }
}

fn find<'d>(desk: &'d Desk, at: &At) -> Result<(&'d Portal, &'d Deed), Problem> {
    let (_, portal) = portal(desk, &at.0)?;
    let deed = portal.deeds.iter().find(|deed| deed.name == at.2);
    deed.map(|deed| (portal, deed)).ok_or_else(|| Problem::not_found("page"))
}

/// The form, or, where nothing is to be entered, the question at once.
pub(super) async fn form(
    State(desk): State<Arc<Desk>>,
    Path(at): Path<At>,
    Query(query): Query<Vec<(String, String)>>,
    guest: Guest,
) -> Result<Response, Refusal> {
    let sent = Sent::read(query)?;
    shown(&desk, &guest, &at, sent, None, Ask::default()).await
}

/// What a form and its question need to know.
struct Read {
    name: String,
    fields: Vec<Field>,
    preview: Result<Preview, Problem>,
}

async fn read(desk: &Arc<Desk>, at: &At, visit: &Visit, sent: &Sent) -> Result<Read, Refusal> {
    find(desk, at).map_err(|_| Refusal::nothing())?;
    let (reading, at, visit) = (Arc::clone(desk), at.clone(), visit.clone());
    let (target, entered) = (sent.target, sent.entered.clone());
    let found = desk.house.context.store.read(move |tx| {
        let (portal, deed) = find(&reading, &at)?;
        let Some(name) = name_of(tx, portal, &visit)? else { return Ok(None) };
        let fields = (deed.fields)(tx, &visit, target)?;
        let preview = (deed.preview)(tx, &visit, target, Fields::from_form(entered.clone()));
        Ok::<_, Problem>(Some(Read { name, fields, preview }))
    });
    found.await?.ok_or_else(Refusal::nothing)
}

/// The form with what was entered and what is wrong with it; or the question, where all is well.
async fn shown(
    desk: &Arc<Desk>,
    guest: &Guest,
    at: &At,
    sent: Sent,
    refused: Option<Problem>,
    proof: Ask,
) -> Result<Response, Refusal> {
    let visit = guest.visit(&at.0, &at.1)?;
    let Read { name, fields, preview } = read(desk, at, &visit, &sent).await?;
    let (_, deed) = find(desk, at).map_err(|_| Refusal::nothing())?;
    let is_begun = !sent.entered.is_empty() || fields.is_empty();
    let (preview, refused) = match (preview, refused) {
        (_, Some(refused)) => (None, Some(refused)),
        (Ok(preview), None) if is_begun => (Some(preview), None),
        (Err(problem), None) if is_begun && problem.code().status == 404 => return Err(Refusal::nothing()),
        (Err(problem), None) if is_begun => (None, Some(problem)),
        _ => (None, None),
    };
    let fields = FieldShown::all(fields, &sent.entered, refused.as_ref());
    let untold = |problem: &&Problem| fields.iter().all(|field| field.errors.is_empty()) || problem.errors().is_empty();
    let error = refused.as_ref().filter(untold).map(|problem| problem.detail().to_owned());
    let mut status = refused.as_ref().map_or(200, |problem| problem.code().status);
    if proof.is_refused() || proof.enroll {
        status = 403;
    }
    let proof =
        if preview.is_some() && !proof.is_refused() { Ask::of(desk, guest, deed.command).await? } else { proof };
    let of = sent.target.map_or_else(String::new, |target| format!("?id={target}"));
    let proof_next = escaped(&format!("{}do/{}/{of}", visit.base, deed.name));
    let page = DeedPage {
        shell: shell(desk, guest, &at.0, &visit, deed.title)?,
        name,
        deed,
        action: format!("{}do/{}/", visit.base, deed.name),
        back: visit.base,
        target: sent.target,
        once: sent.once.unwrap_or_else(|| desk.house.context.stamp().1),
        error,
        fields,
        preview,
        entered: sent.entered,
        proof,
        proof_next,
    };
    Ok(pages::page(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), &page))
}

pub(super) async fn submit(
    State(desk): State<Arc<Desk>>,
    Path(at): Path<At>,
    guest: Guest,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let mut sent = Sent::read(pairs)?;
    let Some(once) = sent.once.filter(|_| sent.is_sure) else {
        return shown(&desk, &guest, &at, sent, None, Ask::default()).await;
    };
    let visit = guest.visit(&at.0, &at.1)?;
    let (_, deed) = find(&desk, &at).map_err(|_| Refusal::nothing())?;
    let mut proof = Ask::of(&desk, &guest, deed.command).await?;
    if !proof.given(&desk, &guest, &mut sent.entered).await? {
        return shown(&desk, &guest, &at, sent, None, proof).await;
    }
    // Whether the person acts for the object, before anything is done.
    read(&desk, &at, &visit, &sent).await?;
    let body = format!("{:?}{:?}", sent.target, sent.entered);
    let repeat = Repeatable {
        owner: guest.actor(),
        key: format!("portal:{once}"),
        fingerprint: fingerprint("portal", &format!("{}{}", visit.base, deed.name), body.as_bytes()),
    };
    let id = desk.house.context.stamp().1;
    let doing = Doing { visit, target: sent.target, entered: sent.entered.clone(), repeat, id, chance: chance(&desk) };
    match (deed.run)(doing).await {
        Ok(Did::Go(path)) => {
            desk.house.context.outbox.wake();
            Ok(Redirect::to(&path).into_response())
        }
        Ok(Did::Secret { sentence, secret, go }) => {
            let visit = guest.visit(&at.0, &at.1)?;
            let shell = shell(&desk, &guest, &at.0, &visit, deed.title)?;
            Ok(pages::page(StatusCode::OK, &SecretPage { shell, sentence, secret, go }))
        }
        Err(problem) if problem.code().status == 404 => Err(Refusal::nothing()),
        Err(problem) if problem.code().status < 500 => {
            // A refusal changed nothing; the same form, corrected, may be sent again.
            shown(&desk, &guest, &at, sent, Some(problem), Ask::default()).await
        }
        Err(problem) => Err(problem.into()),
    }
}
