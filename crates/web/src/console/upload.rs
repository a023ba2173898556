//! Uploads: the file is checked whole and shown; a second step does what it says, whole or not at all.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use purser_kit::console::{Checked, CheckedState, Doer, Import};
use purser_kit::{Once, Problem, upload_receive};
use uuid::Uuid;

use super::act::repeatable;
use super::done::{DonePage, outcome};
use super::proof::Ask;
use super::{At, Desk, Refusal, Visitor, escaped, frame};
use crate::pages::{self, Shell};

#[derive(Template)]
#[template(path = "console/upload.html")]
struct UploadPage<'a> {
    shell: Shell,
    import: &'a Import,
    base: String,
    back: String,
    megabytes: usize,
    error: Option<String>,
}

fn upload_page(
    desk: &Desk,
    visitor: &Visitor,
    at: &(String, String),
    error: Option<String>,
) -> Result<Response, Refusal> {
    let (shelf, import) = desk.import(&at.0, &at.1).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    let page = UploadPage {
        shell: frame::shell(desk, visitor, import.title),
        base: format!("/admin/{}/import/{}/", shelf.name, import.name),
        back: format!("/admin/{}/{}/", shelf.name, import.resource),
        megabytes: import.limit / 1_048_576,
        import,
        error,
    };
    let status = if page.error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(pages::page(status, &page))
}

pub(super) async fn form(State(desk): State<Arc<Desk>>, Path(at): At, visitor: Visitor) -> Result<Response, Refusal> {
    upload_page(&desk, &visitor, &at, None)
}

pub(super) async fn template(
    State(desk): State<Arc<Desk>>,
    Path((app, name)): At,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (_, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    Ok(file(&format!("{app}-{name}.csv"), import.template.to_owned()))
}

pub(super) async fn check(
    State(desk): State<Arc<Desk>>,
    Path(at): At,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Refusal> {
    let (_, import) = desk.import(&at.0, &at.1).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    let bytes = match upload_receive(request, "file", import.limit).await.map(|upload| upload.file) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return upload_page(&desk, &visitor, &at, Some("Choose a file first.".to_owned())),
        Err(problem) => return upload_page(&desk, &visitor, &at, Some(problem.detail().to_owned())),
    };
    let (now, seed) = desk.house.context.stamp();
    let (user, actor, working) = (visitor.session.user.id, visitor.actor(), Arc::clone(&desk));
    let (app, name) = at.clone();
    let checked = desk.house.context.store.write(move |tx| {
        let mut doer = Doer::new(now, actor.clone(), user, seed);
        let (_, import) = working.import(&app, &name)?;
        (import.check)(tx, &mut doer, &bytes)
    });
    match checked.await {
        Ok(id) => Ok(Redirect::to(&format!("/admin/{}/import/{}/{id}/", at.0, at.1)).into_response()),
        Err(problem) if problem.code().status < 500 => {
            upload_page(&desk, &visitor, &at, Some(problem.detail().to_owned()))
        }
        Err(problem) => Err(problem.into()),
    }
}

#[derive(Template)]
#[template(path = "console/checked.html")]
struct CheckedPage<'a> {
    shell: Shell,
    import: &'a Import,
    base: String,
    back: String,
    id: Uuid,
    checked: Checked,
    once: Uuid,
    error: Option<String>,
    proof: Ask,
    proof_next: String,
}

impl CheckedPage<'_> {
    fn is_ready(&self) -> bool {
        self.checked.state == CheckedState::Ready
    }

    fn is_invalid(&self) -> bool {
        self.checked.state == CheckedState::Invalid
    }
}

pub(super) async fn shown(
    State(desk): State<Arc<Desk>>,
    Path((app, name, id)): Path<(String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    checked_page(&desk, &visitor, (app, name), &id, None, None).await
}

async fn checked_page(
    desk: &Arc<Desk>,
    visitor: &Visitor,
    (app, name): (String, String),
    id: &str,
    refused: Option<Problem>,
    proof: Option<Ask>,
) -> Result<Response, Refusal> {
    let (shelf, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    let unproved = proof.is_some();
    let proof = match proof {
        Some(proof) => proof,
        None => Ask::of(desk, visitor, import.moves_money).await?,
    };
    let id = Uuid::try_parse(id).map_err(|_| Refusal::nothing())?;
    let reading = Arc::clone(desk);
    let found = desk.house.context.store.read(move |tx| (reading.import(&app, &name)?.1.show)(tx, id));
    let checked = found.await?.ok_or_else(Refusal::nothing)?;
    let status = refused.as_ref().map_or(if unproved { 403 } else { 200 }, |problem| problem.code().status);
    let page = CheckedPage {
        shell: frame::shell(desk, visitor, import.title),
        base: format!("/admin/{}/import/{}/", shelf.name, import.name),
        back: format!("/admin/{}/{}/", shelf.name, import.resource),
        import,
        id,
        checked,
        once: desk.house.context.stamp().1,
        error: refused.map(|problem| problem.detail().to_owned()),
        proof,
        proof_next: escaped(&format!("/admin/{}/import/{}/{id}/", shelf.name, import.name)),
    };
    Ok(pages::page(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), &page))
}

pub(super) async fn commit(
    State(desk): State<Arc<Desk>>,
    Path((app, name, id)): Path<(String, String, String)>,
    visitor: Visitor,
    axum::Form(mut pairs): axum::Form<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let (_, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    let mut proof = Ask::of(&desk, &visitor, import.moves_money).await?;
    if !proof.given(&desk, &visitor, &mut pairs).await? {
        return checked_page(&desk, &visitor, (app, name), &id, None, Some(proof)).await;
    }
    let upload = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    let once = pairs.iter().find(|(name, _)| name == "once").and_then(|(_, value)| Uuid::try_parse(value).ok());
    let (now, seed) = desk.house.context.stamp();
    let once = once.unwrap_or(seed);
    let repeat = repeatable(&visitor, once, &format!("{app}/import/{name}"), &[upload], &[]);
    let (user, actor, working) = (visitor.session.user.id, visitor.actor(), Arc::clone(&desk));
    let at = (app.clone(), name.clone());
    let (working_app, working_name) = at.clone();
    let done = desk.house.context.store.write(move |tx| {
        let mut doer = Doer::new(now, actor.clone(), user, seed);
        Once::run(tx, now, Some(&repeat), |tx| {
            let (_, import) = working.import(&working_app, &working_name)?;
            let done = (import.commit)(tx, &mut doer, upload)?;
            serde_json::to_string(&done).map_err(Problem::internal)
        })
    });
    match done.await {
        Ok(_) => {
            desk.house.context.outbox.wake();
            Ok(Redirect::to(&format!("/admin/{app}/import/{name}/done/{once}/")).into_response())
        }
        Err(problem) if problem.code().status < 500 => {
            checked_page(&desk, &visitor, at, &id, Some(problem), None).await
        }
        Err(problem) => Err(problem.into()),
    }
}

pub(super) async fn done(
    State(desk): State<Arc<Desk>>,
    Path((app, name, once)): Path<(String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (shelf, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    let done = outcome(&desk, &visitor, &once).await?;
    let (shelf, resource) = desk.resource(shelf.name, import.resource).map_err(|_| Refusal::nothing())?;
    let back = (format!("/admin/{}/{}/", shelf.name, resource.name), resource.title);
    let shell = frame::shell(&desk, &visitor, "Done");
    let page = DonePage { shell, back, next: None, go: None, refused: Vec::new(), download: None, done };
    Ok(pages::page(StatusCode::OK, &page))
}

pub(super) async fn report(
    State(desk): State<Arc<Desk>>,
    Path((app, name, id)): Path<(String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (_, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    let (reading, filename) = (Arc::clone(&desk), format!("{app}-{name}-errors.csv"));
    let found = desk.house.context.store.read(move |tx| (reading.import(&app, &name)?.1.report)(tx, id));
    let text = found.await?.ok_or_else(Refusal::nothing)?;
    Ok(file(&filename, text))
}

/// Text as a CSV file to keep.
pub(crate) fn file(name: &str, text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
