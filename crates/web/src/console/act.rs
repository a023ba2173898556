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
use purser_kit::console::{Action, EntryPoint, Field, ListQuery, Preview, RequestContext, Resource, Target};
use purser_kit::{IdempotentRequest, Problem, fingerprint, invoke};
use purser_store::ReadTx;
use uuid::Uuid;

use super::action_request::ActionRequest;
use super::field::FieldView;
use super::names::{ActorNames, labels};
use super::origin::ListOrigin;
use super::reauth::ReauthPrompt;
use super::table::MOST;
use super::view::TimeFormat;
use super::{ConsoleState, ErrorPage, StaffUser, escaped, frame, list};
use crate::pages::{self, Shell};

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
    /// Chosen objects that will be passed over: what each is, where it is, and why.
    refused: Vec<RefusedItem>,
    /// More fit than one action takes.
    more: bool,
    origin: ListOrigin,
    back: String,
    fields: Vec<FieldView>,
    error: Option<String>,
    reauth: ReauthPrompt,
    /// Where to come back to from setting a second factor up.
    reauth_next: String,
}

impl ActPage<'_> {
    /// What the button says: of many, how many will be done.
    fn button(&self) -> String {
        let (all, title) = (self.ids.len(), self.action.title);
        match all - self.preview.refused.len().min(all) {
            _ if all < 2 => title.to_owned(),
            done if done == all => format!("{title}: all {all}"),
            done => format!("{title}: {done} of {all}"),
        }
    }

    /// Whether there is anything to do.
    fn can_be_done(&self) -> bool {
        let passed_over = !self.ids.is_empty() && self.preview.refused.len() >= self.ids.len();
        self.preview.obstacle.is_none() && !self.reauth.enroll && !passed_over
    }
}

/// An object that nothing is done to, and why.
pub(super) struct RefusedItem {
    pub(super) label: String,
    pub(super) href: String,
    pub(super) why: String,
}

/// The parts of an address or a form that are the console's own.
struct SubmittedForm {
    action: String,
    ids: Vec<Uuid>,
    /// All that the list holds, instead of ids.
    every: bool,
    /// What is chosen came as a form, because it is too much for an address: it is shown first, and not done yet.
    look: bool,
    origin: ListOrigin,
    once: Option<Uuid>,
    fields: Vec<(String, String)>,
}

impl SubmittedForm {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, ErrorPage> {
        let mut sent = SubmittedForm {
            action: String::new(),
            ids: Vec::new(),
            every: false,
            look: false,
            origin: ListOrigin::default(),
            once: None,
            fields: Vec::new(),
        };
        for (name, value) in pairs {
            if sent.origin.takes(&name, &value) {
                continue;
            }
            match name.as_str() {
                "action" => sent.action = value,
                "every" => sent.every = true,
                "look" => sent.look = true,
                "id" => sent.ids.push(Uuid::try_parse(&value).map_err(|_| ErrorPage::nothing())?),
                "once" => sent.once = Some(Uuid::try_parse(&value).map_err(|_| ErrorPage::nothing())?),
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
    State(console): State<Arc<ConsoleState>>,
    Path(at): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let sent = SubmittedForm::read(query)?;
    show(&console, at, sent, None, &staff, StatusCode::OK, None).await
}

/// The action's page: what will happen, and the fields; with what was entered and what is wrong with it.
async fn show(
    console: &Arc<ConsoleState>,
    at: (String, String),
    sent: SubmittedForm,
    refused: Option<Problem>,
    staff: &StaffUser,
    status: StatusCode,
    reauth: Option<ReauthPrompt>,
) -> Result<Response, ErrorPage> {
    let (app, name) = at;
    let (section, resource, action) = console.action(&app, &name, &sent.action).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(action.command.scope)?;
    let base = format!("/admin/{}/{}/", section.name, resource.name);
    if sent.every {
        staff.require_scope(resource.view)?;
    } else {
        fits(action, resource, &sent.ids)?;
    }
    let reauth = match reauth {
        Some(reauth) => reauth,
        None => ReauthPrompt::of(console, staff, action.command).await?,
    };
    let proof_next = escaped(&address(&base, action, &sent));
    let (reading, zone) = (Arc::clone(console), &console.site.context.zone);
    let looker = staff.request_context();
    let asked = ActionTarget {
        resource: name,
        app,
        action: sent.action.clone(),
        ids: sent.ids,
        every: sent.every.then(|| list::ask(&resource.listing, &sent.origin.list, MOST + 1, zone)),
    };
    let looked = console.site.context.store.read(move |tx| preview(&reading, tx, &looker, &asked)).await?;
    fits(action, resource, &looked.ids)?;
    let ActionPreview { ids, more, fields, preview, names } = looked;
    let passed_over = std::iter::zip(&preview.refused, names).map(|((id, why), label)| RefusedItem {
        label,
        href: format!("{base}{id}/{}", sent.origin.suffix()),
        why: why.clone(),
    });
    let passed_over = passed_over.collect();
    let fields = FieldView::all(fields, &sent.fields, refused.as_ref());
    let untold = |problem: &&Problem| fields.iter().all(|field| field.errors.is_empty()) || problem.errors().is_empty();
    let error = refused.as_ref().filter(untold).map(|problem| problem.detail().to_owned());
    let page_base = base.clone();
    let page = ActPage {
        shell: frame::shell(console, staff, action.title),
        resource,
        action,
        base,
        back: sent.origin.back(&page_base, resource.title).0,
        ids,
        refused: passed_over,
        more,
        origin: sent.origin,
        once: sent.once.unwrap_or_else(|| console.site.context.stamp().1),
        preview,
        fields,
        error,
        reauth,
        reauth_next: proof_next,
    };
    Ok(pages::page(status, &page))
}

/// What an action's page is asked about.
struct ActionTarget {
    app: String,
    resource: String,
    action: String,
    ids: Vec<Uuid>,
    /// What to choose by, instead of ids.
    every: Option<ListQuery>,
}

/// What an action's page is made of.
struct ActionPreview {
    ids: Vec<Uuid>,
    more: bool,
    fields: Vec<Field>,
    preview: Preview,
    /// What the refused objects are called.
    names: Vec<String>,
}

/// Chooses the objects, and asks the app about them.
fn preview(
    console: &ConsoleState,
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    asked: &ActionTarget,
) -> Result<ActionPreview, Problem> {
    let (_, resource, action) = console.action(&asked.app, &asked.resource, &asked.action)?;
    let mut ids = match &asked.every {
        Some(ask) => resource.listing.ids(tx, ask)?,
        None => asked.ids.clone(),
    };
    let more = asked.every.is_some() && ids.len() > MOST as usize;
    if more {
        ids.truncate(MOST as usize);
    }
    if ids.is_empty() && action.target != Target::Nothing {
        return Ok(ActionPreview { ids, more, fields: Vec::new(), preview: Preview::default(), names: Vec::new() });
    }
    let (fields, mut preview) = ((action.fields)(tx, &ids)?, (action.preview)(tx, cx, &ids)?);
    if preview.rows.is_empty() && preview.obstacle.is_none() {
        let time_format = TimeFormat { now: cx.now, zone: &console.site.context.zone };
        let chosen: Vec<Uuid> =
            ids.iter().filter(|id| preview.refused.iter().all(|(refused, _)| refused != *id)).copied().collect();
        let names = labels(tx, &mut ActorNames::default(), &resource.listing, &time_format, &chosen)?;
        preview.rows = names.into_iter().map(|name| (name, String::new())).collect();
    }
    let refused: Vec<Uuid> = preview.refused.iter().map(|(id, _)| *id).collect();
    let time_format = TimeFormat { now: cx.now, zone: &console.site.context.zone };
    let names = labels(tx, &mut ActorNames::default(), &resource.listing, &time_format, &refused)?;
    Ok(ActionPreview { ids, more, fields, preview, names })
}

/// Where the action's page is, as far as an address may be long.
fn address(base: &str, action: &Action, sent: &SubmittedForm) -> String {
    let ids: String = sent.ids.iter().take(10).map(|id| format!("&id={id}")).collect();
    let every = if sent.every { "&every=1" } else { "" };
    format!("{base}do/?action={}{ids}{every}{}", action.name, sent.origin.parameters())
}

/// Refuses a choice that the action does not take.
fn fits(action: &Action, resource: &Resource, ids: &[Uuid]) -> Result<(), ErrorPage> {
    let refused = |text: String| ErrorPage::page(pages::message(StatusCode::BAD_REQUEST, "Nothing to do", &text));
    unfit(action, resource, ids).map_or(Ok(()), |text| Err(refused(text)))
}

/// The same as [`MOST`], as counts of ids have it.
const FITTING: usize = MOST as usize;

/// Why the action does not fit what was chosen, where it does not.
fn unfit(action: &Action, resource: &Resource, ids: &[Uuid]) -> Option<String> {
    match (action.target, ids.len()) {
        (Target::Nothing, 0) | (Target::One, 1) | (Target::Many, 1..=FITTING) => None,
        (Target::Nothing, _) => Some("This makes something new, and takes nothing that is there.".to_owned()),
        (Target::Many, 0) | (Target::One, 0) => {
            Some(format!("Choose at least one {} in the list first: tick the boxes on the left.", resource.one))
        }
        (Target::One, _) => Some(format!("This takes one {} at a time.", resource.one)),
        (Target::Many, count) => Some(format!("This takes at most {MOST} at a time, not {count}.")),
    }
}

pub(super) async fn submit(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name)): Path<(String, String)>,
    staff: StaffUser,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let mut sent = SubmittedForm::read(pairs)?;
    let (_, resource, action) = console.action(&app, &name, &sent.action).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(action.command.scope)?;
    if sent.look {
        return show(&console, (app, name), sent, None, &staff, StatusCode::OK, None).await;
    }
    // What is done is what was shown: its ids, and not what the list holds by now.
    sent.every = false;
    fits(action, resource, &sent.ids)?;
    let command = action.command;
    let mut reauth = ReauthPrompt::of(&console, &staff, command).await?;
    if !reauth.given(&console, &staff, &mut sent.fields).await? {
        let status = StatusCode::FORBIDDEN;
        return show(&console, (app, name), sent, None, &staff, status, Some(reauth)).await;
    }
    let once = *sent.once.get_or_insert_with(|| console.site.context.stamp().1);
    let order = ActionRequest {
        console: Arc::clone(&console),
        app: app.clone(),
        resource: name.clone(),
        action: sent.action.clone(),
        ids: sent.ids.clone(),
        fields: sent.fields.clone(),
        idempotency: repeatable(&staff, once, &format!("{app}/{name}/{}", sent.action), &sent.ids, &sent.fields),
    };
    let cx = staff
        .principal
        .request_context(&console.site.context)
        .with_entropy(entropy(&console))
        .from_entry_point(EntryPoint::Console);
    let repeat = order.idempotency.clone();
    let done = invoke(&console.site.context, command, cx, Some(repeat), move |tx, cx| order.run(tx, cx));
    match done.await {
        Ok(_) => {
            let one = if let [only] = sent.ids.as_slice() { format!("&one={only}") } else { String::new() };
            let way = format!("{}{one}", sent.origin.parameters()).replacen('&', "?", 1);
            Ok(Redirect::to(&format!("/admin/{app}/{name}/done/{once}/{way}")).into_response())
        }
        Err(problem) => {
            // A refusal changed nothing; the same page, corrected, may be sent again.
            let status = StatusCode::from_u16(problem.code().status).unwrap_or(StatusCode::BAD_REQUEST);
            show(&console, (app, name), sent, Some(problem), &staff, status, None).await
        }
    }
}

/// For the secrets that an action makes.
pub(crate) fn entropy(console: &ConsoleState) -> [u8; 32] {
    let mut random = [0; 32];
    (console.site.options.random)(&mut random);
    random
}

/// What one page of one person may do once.
pub(super) fn repeatable(
    staff: &StaffUser,
    once: Uuid,
    what: &str,
    ids: &[Uuid],
    fields: &[(String, String)],
) -> IdempotentRequest {
    let body = format!("{ids:?}{fields:?}");
    IdempotentRequest {
        owner: staff.actor(),
        key: format!("console:{once}"),
        fingerprint: fingerprint("console", what, body.as_bytes()),
    }
}
