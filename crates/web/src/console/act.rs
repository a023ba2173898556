//! Actions: a page that says what will happen, then the doing, then what happened.
//!
//! The page carries an id of its own. What is done under it is kept with it, in the same transaction, so a form that is
//! sent twice is done once, and the page that tells the outcome can be loaded again.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_identity::{AuditEvent, audit};
use purser_kit::console::{Action, Doer, Done, Field, Input, Preview, Resource, Target};
use purser_kit::{Fields, Once, Problem, Repeatable, fingerprint};
use purser_ledger::idempotency_find_many;
use purser_store::Tx;
use uuid::Uuid;

use super::object::subject;
use super::proof::Ask;
use super::{Desk, Refusal, Visitor, escaped, frame};
use crate::pages::{self, Shell};

/// Objects that one action takes, at most.
const MOST: usize = 1_000;

/// Objects of one action of which it is recorded what changed, at most.
const RECORDED: usize = 50;

#[derive(Template)]
#[template(path = "console/act.html")]
struct ActPage<'a> {
    shell: Shell,
    resource: &'a Resource,
    action: &'a Action,
    base: String,
    ids: Vec<Uuid>,
    once: Uuid,
    preview: Preview,
    fields: Vec<FieldShown>,
    error: Option<String>,
    proof: Ask,
    /// Where to come back to from setting a second factor up.
    proof_next: String,
}

struct FieldShown {
    field: Field,
    errors: Vec<String>,
}

impl FieldShown {
    /// The choices of a field that has them.
    fn choices(&self) -> &[(String, String)] {
        match &self.field.input {
            Input::Choice(choices) => choices,
            _ => &[],
        }
    }

    /// What can be ticked.
    fn ticks(&self) -> &[(String, String)] {
        match &self.field.input {
            Input::Ticks(ticks) => ticks,
            _ => &[],
        }
    }

    fn is_ticked(&self, value: &str) -> bool {
        self.field.value.split_whitespace().any(|ticked| ticked == value)
    }

    /// Whether it is a box of several lines.
    fn is_area(&self) -> bool {
        self.field.input == Input::Area
    }

    /// The input's type.
    fn kind(&self) -> &'static str {
        if self.field.input == Input::Email { "email" } else { "text" }
    }

    /// Which keyboard a phone shows.
    fn keyboard(&self) -> &'static str {
        match self.field.input {
            Input::Amount => "decimal",
            Input::Number => "numeric",
            _ => "text",
        }
    }

    /// What describes the input, for whoever hears the page.
    fn described(&self) -> String {
        let name = self.field.name;
        if self.errors.is_empty() { format!("{name}-help") } else { format!("{name}-error {name}-help") }
    }
}

/// The parts of an address or a form that are the console's own.
struct Sent {
    action: String,
    ids: Vec<Uuid>,
    once: Option<Uuid>,
    fields: Vec<(String, String)>,
}

impl Sent {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut sent = Sent { action: String::new(), ids: Vec::new(), once: None, fields: Vec::new() };
        for (name, value) in pairs {
            match name.as_str() {
                "action" => sent.action = value,
                "id" => sent.ids.push(Uuid::try_parse(&value).map_err(|_| Refusal::nothing())?),
                "once" => sent.once = Some(Uuid::try_parse(&value).map_err(|_| Refusal::nothing())?),
                _ => match name.strip_suffix("[]") {
                    Some(name) => sent.tick(name, &value),
                    None => sent.fields.push((name, value)),
                },
            }
        }
        sent.ids.sort_unstable();
        sent.ids.dedup();
        Ok(sent)
    }

    /// Ticked values of one name are one field.
    fn tick(&mut self, name: &str, value: &str) {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => {
                values.push(' ');
                values.push_str(value);
            }
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
    }
}

pub(super) async fn form(
    State(desk): State<Arc<Desk>>,
    Path(at): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let sent = Sent::read(query)?;
    show(&desk, at, sent, None, &visitor, StatusCode::OK, None).await
}

/// The action's page: what will happen, and the fields; with what was entered and what is wrong with it.
async fn show(
    desk: &Arc<Desk>,
    at: (String, String),
    sent: Sent,
    refused: Option<Problem>,
    visitor: &Visitor,
    status: StatusCode,
    proof: Option<Ask>,
) -> Result<Response, Refusal> {
    let (app, name) = at;
    let (shelf, resource, action) = desk.action(&app, &name, &sent.action).map_err(|_| Refusal::nothing())?;
    visitor.needs(action.scope)?;
    let base = format!("/admin/{}/{}/", shelf.name, resource.name);
    if let Some(text) = unfit(action, resource, &sent.ids) {
        return Err(Refusal::page(pages::message(StatusCode::BAD_REQUEST, "Nothing to do", &text)));
    }
    let proof = match proof {
        Some(proof) => proof,
        None => Ask::of(desk, visitor, action.moves_money).await?,
    };
    let proof_next = escaped(&address(&base, action, &sent.ids));
    let (reading, ids, wanted) = (Arc::clone(desk), sent.ids.clone(), sent.action.clone());
    let read = desk.house.context.store.read(move |tx| {
        let (.., action) = reading.action(&app, &name, &wanted)?;
        Ok::<_, Problem>(((action.fields)(tx, &ids)?, (action.preview)(tx, &ids)?))
    });
    let (fields, preview) = match read.await {
        Ok(read) => read,
        Err(problem) => return Err(problem.into()),
    };
    let shown = |field: Field| {
        let errors = refused.iter().flat_map(Problem::errors).filter(|error| error.field == field.name);
        let errors = errors.map(|error| error.message.clone()).collect();
        let entered = sent.fields.iter().find(|(name, _)| name == field.name).map(|(_, value)| value.clone());
        FieldShown { field: Field { value: entered.unwrap_or(field.value.clone()), ..field }, errors }
    };
    let fields: Vec<FieldShown> = fields.into_iter().map(shown).collect();
    let untold = |problem: &&Problem| fields.iter().all(|field| field.errors.is_empty()) || problem.errors().is_empty();
    let error = refused.as_ref().filter(untold).map(|problem| problem.detail().to_owned());
    let page = ActPage {
        shell: frame::shell(desk, visitor, action.title),
        resource,
        action,
        base,
        ids: sent.ids,
        once: sent.once.unwrap_or_else(|| desk.house.context.stamp().1),
        preview,
        fields,
        error,
        proof,
        proof_next,
    };
    Ok(pages::page(status, &page))
}

/// Where the action's page is, as far as an address may be long.
fn address(base: &str, action: &Action, ids: &[Uuid]) -> String {
    let ids: String = ids.iter().take(10).map(|id| format!("&id={id}")).collect();
    format!("{base}do/?action={}{ids}", action.name)
}

/// Why the action does not fit what was chosen, where it does not.
fn unfit(action: &Action, resource: &Resource, ids: &[Uuid]) -> Option<String> {
    match (action.target, ids.len()) {
        (Target::Nothing, 0) | (Target::One, 1) | (Target::Many, 1..=MOST) => None,
        (Target::Nothing, _) => Some("This makes something new, and takes nothing that is there.".to_owned()),
        (Target::Many, 0) | (Target::One, 0) => {
            Some(format!("Choose at least one {} in the list first: tick the boxes on the left.", resource.one))
        }
        (Target::One, _) => Some(format!("This takes one {} at a time.", resource.one)),
        (Target::Many, count) => Some(format!("This takes at most {MOST} at a time, not {count}.")),
    }
}

pub(super) async fn submit(
    State(desk): State<Arc<Desk>>,
    Path((app, name)): Path<(String, String)>,
    visitor: Visitor,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let mut sent = Sent::read(pairs)?;
    let (_, resource, action) = desk.action(&app, &name, &sent.action).map_err(|_| Refusal::nothing())?;
    visitor.needs(action.scope)?;
    if let Some(text) = unfit(action, resource, &sent.ids) {
        return Err(Refusal::page(pages::message(StatusCode::BAD_REQUEST, "Nothing to do", &text)));
    }
    let mut proof = Ask::of(&desk, &visitor, action.moves_money).await?;
    if !proof.given(&desk, &visitor, &mut sent.fields).await? {
        let status = StatusCode::FORBIDDEN;
        return show(&desk, (app, name), sent, None, &visitor, status, Some(proof)).await;
    }
    let once = *sent.once.get_or_insert_with(|| desk.house.context.stamp().1);
    let order = Order {
        desk: Arc::clone(&desk),
        app: app.clone(),
        resource: name.clone(),
        action: sent.action.clone(),
        ids: sent.ids.clone(),
        fields: sent.fields.clone(),
        once: repeatable(&visitor, once, &format!("{app}/{name}/{}", sent.action), &sent.ids, &sent.fields),
    };
    let (now, seed) = desk.house.context.stamp();
    let (user, actor, address) = (visitor.session.user.id, visitor.actor(), visitor.address.clone());
    let chance = chance(&desk);
    let done = desk.house.context.store.write(move |tx| {
        let mut doer = Doer::new(now, actor.clone(), user, seed).with_chance(chance);
        Once::run(tx, now, Some(&order.once), |tx| order.run(tx, &mut doer, &address))
    });
    match done.await {
        Ok(_) => {
            desk.house.context.outbox.wake();
            Ok(Redirect::to(&format!("/admin/{app}/{name}/done/{once}/")).into_response())
        }
        Err(problem) => {
            // A refusal changed nothing; the same page, corrected, may be sent again.
            let status = StatusCode::from_u16(problem.code().status).unwrap_or(StatusCode::BAD_REQUEST);
            show(&desk, (app, name), sent, Some(problem), &visitor, status, None).await
        }
    }
}

/// For the secrets that an action makes.
fn chance(desk: &Desk) -> [u8; 32] {
    let mut random = [0; 32];
    (desk.house.options.random)(&mut random);
    random
}

/// What one page of one person may do once.
pub(super) fn repeatable(
    visitor: &Visitor,
    once: Uuid,
    what: &str,
    ids: &[Uuid],
    fields: &[(String, String)],
) -> Repeatable {
    let body = format!("{ids:?}{fields:?}");
    Repeatable {
        owner: visitor.actor(),
        key: format!("console:{once}"),
        fingerprint: fingerprint("console", what, body.as_bytes()),
    }
}

/// An action that was asked for.
struct Order {
    desk: Arc<Desk>,
    app: String,
    resource: String,
    action: String,
    ids: Vec<Uuid>,
    fields: Vec<(String, String)>,
    once: Repeatable,
}

impl Order {
    /// Does it, and puts it on record for each object.
    fn run(&self, tx: &mut Tx<'_>, doer: &mut Doer, address: &str) -> Result<String, Problem> {
        let (_, resource, action) = self.desk.action(&self.app, &self.resource, &self.action)?;
        let before = self.facts(tx, resource, &self.ids)?;
        let done = (action.run)(tx, doer, &self.ids, Fields::from_form(self.fields.clone()))?;
        let entered: serde_json::Map<String, serde_json::Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), clipped(value).into())).collect();
        let name = format!("{}.{}.{}", self.app, self.resource, self.action);
        let touched = if self.ids.is_empty() { done.go.as_slice() } else { &self.ids };
        let after = self.facts(tx, resource, touched)?;
        for (index, id) in touched.iter().enumerate() {
            let changed = changes(before.get(index), after.get(index));
            let detail = serde_json::json!({ "entered": entered, "changed": changed }).to_string();
            let event = AuditEvent {
                actor: &doer.actor.clone(),
                action: &name,
                subject: &subject(&self.app, &self.resource, *id),
                address: Some(address).filter(|address| !address.is_empty()),
                detail: &detail,
            };
            audit(tx, doer.now, doer.fresh_id(), &event).map_err(crate::sign_in::problem)?;
        }
        serde_json::to_string(&done).map_err(Problem::internal)
    }
}

type Facts = Vec<(&'static str, String)>;

impl Order {
    /// What is known of each object, for the record of what an action changed. Of many, nothing: what was done to them
    /// is the same for all.
    fn facts(&self, tx: &mut Tx<'_>, resource: &Resource, ids: &[Uuid]) -> Result<Vec<Facts>, Problem> {
        if ids.len() > RECORDED {
            return Ok(Vec::new());
        }
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let facts = (resource.detail)(tx, *id)?.map(|detail| detail.facts).unwrap_or_default();
            all.push(facts.into_iter().map(|(name, cell)| (name, clipped(&cell.plain()))).collect());
        }
        Ok(all)
    }
}

/// Each fact that is another one now.
fn changes(before: Option<&Facts>, after: Option<&Facts>) -> serde_json::Value {
    let (Some(before), Some(after)) = (before, after) else { return serde_json::json!({}) };
    let was = |name: &str| before.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let changed = after.iter().filter(|(name, value)| was(name) != Some(value));
    let changed = changed.map(|(name, value)| {
        let both = serde_json::json!({ "before": was(name).unwrap_or_default(), "after": value });
        ((*name).to_owned(), both)
    });
    serde_json::Value::Object(changed.collect())
}

/// As much of what was entered as the audit log has room for.
fn clipped(value: &str) -> String {
    value.chars().take(500).collect()
}

#[derive(Template)]
#[template(path = "console/done.html")]
struct DonePage {
    shell: Shell,
    /// The list to go back to, and its name.
    back: (String, &'static str),
    go: Option<(String, &'static str)>,
    done: Done,
}

pub(super) async fn done(
    State(desk): State<Arc<Desk>>,
    Path((app, name, once)): Path<(String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (shelf, resource) = desk.resource(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(resource.view)?;
    let done = outcome(&desk, &visitor, &once).await?;
    let base = format!("/admin/{}/{}/", shelf.name, resource.name);
    let page = DonePage {
        shell: frame::shell(&desk, &visitor, "Done"),
        go: done.go.map(|id| (format!("{base}{id}/"), resource.one)),
        back: (base, resource.title),
        done,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// What this visitor did under this id.
pub(super) async fn outcome(desk: &Desk, visitor: &Visitor, once: &str) -> Result<Done, Refusal> {
    let (owner, key) = (visitor.actor(), format!("console:{once}"));
    let found = desk.house.context.store.read(move |tx| {
        let mut found = idempotency_find_many(tx, &[(owner.as_str(), key.as_str())])?;
        Ok::<_, Problem>(found.pop())
    });
    let recorded = found.await?.ok_or_else(Refusal::nothing)?;
    serde_json::from_str(&recorded.answer).map_err(|error| Problem::internal(error).into())
}
