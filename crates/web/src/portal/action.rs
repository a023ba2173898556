//! Portal actions: a form, a page that says what will happen, and the doing, once.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_kit::console::{Field, Preview};
use purser_kit::portal::{Invocation, Portal, PortalAction, PortalContext, PortalOutcome};
use purser_kit::{Fields, IdempotentRequest, Problem, fingerprint};
use uuid::Uuid;

use super::portal_user::PortalUser;
use super::{name_of, portal, shell};
use crate::console::field::FieldView;
use crate::console::reauth::ReauthPrompt;
use crate::console::{ConsoleState, ErrorPage, entropy, escaped};
use crate::pages::{self, Shell};

/// App, object and portal action.
type ActionPath = (String, String, String);

#[derive(Template)]
#[template(path = "portal/deed.html")]
struct ActionPage<'a> {
    shell: Shell,
    name: String,
    portal_action: &'a PortalAction,
    action: String,
    back: String,
    target: Option<Uuid>,
    once: Uuid,
    error: Option<String>,
    fields: Vec<FieldView>,
    /// What will happen, once what was entered has been read: then this is asked, and nothing more is entered.
    preview: Option<Preview>,
    entered: Vec<(String, String)>,
    reauth: ReauthPrompt,
    reauth_next: String,
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
struct PortalForm {
    target: Option<Uuid>,
    once: Option<Uuid>,
    is_sure: bool,
    entered: Vec<(String, String)>,
}

impl PortalForm {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, ErrorPage> {
        let mut sent = PortalForm::default();
        let id = |value: &str| Uuid::try_parse(value).map_err(|_| ErrorPage::nothing());
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

fn find<'d>(console: &'d ConsoleState, at: &ActionPath) -> Result<(&'d Portal, &'d PortalAction), Problem> {
    let (_, portal) = portal(console, &at.0)?;
    let action = portal.actions.iter().find(|action| action.name == at.2);
    action.map(|action| (portal, action)).ok_or_else(|| Problem::not_found("page"))
}

/// The form, or, where nothing is to be entered, the question at once.
pub(super) async fn form(
    State(console): State<Arc<ConsoleState>>,
    Path(at): Path<ActionPath>,
    Query(query): Query<Vec<(String, String)>>,
    portal_user: PortalUser,
) -> Result<Response, ErrorPage> {
    let sent = PortalForm::read(query)?;
    render(&console, &portal_user, &at, sent, None, ReauthPrompt::default()).await
}

/// What a form and its question need to know.
struct ActionForm {
    name: String,
    fields: Vec<Field>,
    preview: Result<Preview, Problem>,
}

async fn read(
    console: &Arc<ConsoleState>,
    at: &ActionPath,
    portal_cx: &PortalContext,
    sent: &PortalForm,
) -> Result<ActionForm, ErrorPage> {
    find(console, at).map_err(|_| ErrorPage::nothing())?;
    let (reading, at, portal_cx) = (Arc::clone(console), at.clone(), portal_cx.clone());
    let (target, entered) = (sent.target, sent.entered.clone());
    let found = console.site.context.store.read(move |tx| {
        let (portal, action) = find(&reading, &at)?;
        let Some(name) = name_of(tx, portal, &portal_cx)? else { return Ok(None) };
        let fields = (action.fields)(tx, &portal_cx, target)?;
        let preview = (action.preview)(tx, &portal_cx, target, Fields::from_form(entered.clone()));
        Ok::<_, Problem>(Some(ActionForm { name, fields, preview }))
    });
    found.await?.ok_or_else(ErrorPage::nothing)
}

/// The form with what was entered and what is wrong with it; or the question, where all is well.
async fn render(
    console: &Arc<ConsoleState>,
    portal_user: &PortalUser,
    at: &ActionPath,
    sent: PortalForm,
    refused: Option<Problem>,
    reauth: ReauthPrompt,
) -> Result<Response, ErrorPage> {
    let portal_cx = portal_user.portal_context(&at.0, &at.1)?;
    let ActionForm { name, fields, preview } = read(console, at, &portal_cx, &sent).await?;
    let (_, action) = find(console, at).map_err(|_| ErrorPage::nothing())?;
    let is_begun = !sent.entered.is_empty() || fields.is_empty();
    let (preview, refused) = match (preview, refused) {
        (_, Some(refused)) => (None, Some(refused)),
        (Ok(preview), None) if is_begun => (Some(preview), None),
        (Err(problem), None) if is_begun && problem.code().status == 404 => return Err(ErrorPage::nothing()),
        (Err(problem), None) if is_begun => (None, Some(problem)),
        _ => (None, None),
    };
    let fields = FieldView::all(fields, &sent.entered, refused.as_ref());
    let untold = |problem: &&Problem| fields.iter().all(|field| field.errors.is_empty()) || problem.errors().is_empty();
    let error = refused.as_ref().filter(untold).map(|problem| problem.detail().to_owned());
    let mut status = refused.as_ref().map_or(200, |problem| problem.code().status);
    if reauth.is_refused() || reauth.enroll {
        status = 403;
    }
    let reauth = if preview.is_some() && !reauth.is_refused() {
        ReauthPrompt::of(console, portal_user, action.command).await?
    } else {
        reauth
    };
    let of = sent.target.map_or_else(String::new, |target| format!("?id={target}"));
    let proof_next = escaped(&format!("{}do/{}/{of}", portal_cx.base, action.name));
    let page = ActionPage {
        shell: shell(console, portal_user, &at.0, &portal_cx, action.title)?,
        name,
        portal_action: action,
        action: format!("{}do/{}/", portal_cx.base, action.name),
        back: portal_cx.base,
        target: sent.target,
        once: sent.once.unwrap_or_else(|| console.site.context.stamp().1),
        error,
        fields,
        preview,
        entered: sent.entered,
        reauth,
        reauth_next: proof_next,
    };
    Ok(pages::page(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), &page))
}

pub(super) async fn submit(
    State(console): State<Arc<ConsoleState>>,
    Path(at): Path<ActionPath>,
    portal_user: PortalUser,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let mut sent = PortalForm::read(pairs)?;
    let Some(once) = sent.once.filter(|_| sent.is_sure) else {
        return render(&console, &portal_user, &at, sent, None, ReauthPrompt::default()).await;
    };
    let portal_cx = portal_user.portal_context(&at.0, &at.1)?;
    let (_, action) = find(&console, &at).map_err(|_| ErrorPage::nothing())?;
    let mut reauth = ReauthPrompt::of(&console, &portal_user, action.command).await?;
    if !reauth.given(&console, &portal_user, &mut sent.entered).await? {
        return render(&console, &portal_user, &at, sent, None, reauth).await;
    }
    // Whether the person acts for the object, before anything is done.
    read(&console, &at, &portal_cx, &sent).await?;
    let body = format!("{:?}{:?}", sent.target, sent.entered);
    let repeat = IdempotentRequest {
        owner: portal_user.actor(),
        key: format!("portal:{once}"),
        fingerprint: fingerprint("portal", &format!("{}{}", portal_cx.base, action.name), body.as_bytes()),
    };
    let id = console.site.context.stamp().1;
    let invocation = Invocation {
        portal: portal_cx,
        target: sent.target,
        entered: sent.entered.clone(),
        idempotency: repeat,
        id,
        entropy: entropy(&console),
    };
    match (action.run)(invocation).await {
        Ok(PortalOutcome::Redirect(path)) => {
            console.site.context.outbox.wake();
            Ok(Redirect::to(&path).into_response())
        }
        Ok(PortalOutcome::Secret { sentence, secret, go }) => {
            let portal_cx = portal_user.portal_context(&at.0, &at.1)?;
            let shell = shell(&console, &portal_user, &at.0, &portal_cx, action.title)?;
            Ok(pages::page(StatusCode::OK, &SecretPage { shell, sentence, secret, go }))
        }
        Err(problem) if problem.code().status == 404 => Err(ErrorPage::nothing()),
        Err(problem) if problem.code().status < 500 => {
            // A refusal changed nothing; the same form, corrected, may be sent again.
            render(&console, &portal_user, &at, sent, Some(problem), ReauthPrompt::default()).await
        }
        Err(problem) => Err(problem.into()),
    }
}
