//! Uploads: the file is checked whole and shown; a second step does what it says, whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use purser_kit::console::{Checked, CheckedState, Doer, Import, Progress};
use purser_kit::{Once, Problem, Repeatable, upload_receive};
use uuid::Uuid;

use super::act::repeatable;
use super::done::{DonePage, outcome};
use super::going::{self, Bar, GoingPage};
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
    visitor.needs(import.command.scope)?;
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
    visitor.needs(import.command.scope)?;
    Ok(file(&format!("{app}-{name}.csv"), import.template.to_owned()))
}

pub(super) async fn check(
    State(desk): State<Arc<Desk>>,
    Path(at): At,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Refusal> {
    let (_, import) = desk.import(&at.0, &at.1).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.command.scope)?;
    let bytes = match upload_receive(request, "file", import.limit).await.map(|upload| upload.file) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return upload_page(&desk, &visitor, &at, Some("Choose a file first.".to_owned())),
        Err(problem) => return upload_page(&desk, &visitor, &at, Some(problem.detail().to_owned())),
    };
    let (doer, working) = (visitor.caller.doer(&desk.house.context), Arc::clone(&desk));
    let (app, name) = at.clone();
    let checked = desk.house.context.store.write(move |tx| {
        let (_, import) = working.import(&app, &name)?;
        (import.check)(tx, &mut doer.clone(), &bytes)
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
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    // Whoever goes on with what was broken off sends the same form again.
    let once = query.iter().find(|(name, _)| name == "once").and_then(|(_, value)| Uuid::try_parse(value).ok());
    checked_page(&desk, &visitor, (app, name), &id, once, Entered::default()).await
}

/// What came of a form that was sent.
#[derive(Default)]
struct Entered {
    refused: Option<Problem>,
    proof: Option<Ask>,
}

async fn checked_page(
    desk: &Arc<Desk>,
    visitor: &Visitor,
    (app, name): (String, String),
    id: &str,
    once: Option<Uuid>,
    Entered { refused, proof }: Entered,
) -> Result<Response, Refusal> {
    let (shelf, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.command.scope)?;
    let unproved = proof.is_some();
    let proof = match proof {
        Some(proof) => proof,
        None => Ask::of(desk, visitor, import.command).await?,
    };
    let id = Uuid::try_parse(id).map_err(|_| Refusal::nothing())?;
    let (reading, looker) = (Arc::clone(desk), visitor.looker());
    let found = desk.house.context.store.read(move |tx| (reading.import(&app, &name)?.1.show)(tx, &looker, id));
    let checked = found.await?.ok_or_else(Refusal::nothing)?;
    let status = refused.as_ref().map_or(if unproved { 403 } else { 200 }, |problem| problem.code().status);
    let page = CheckedPage {
        shell: frame::shell(desk, visitor, import.title),
        base: format!("/admin/{}/import/{}/", shelf.name, import.name),
        back: format!("/admin/{}/{}/", shelf.name, import.resource),
        import,
        id,
        checked,
        once: once.unwrap_or_else(|| desk.house.context.stamp().1),
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
    visitor.needs(import.command.scope)?;
    let mut proof = Ask::of(&desk, &visitor, import.command).await?;
    let once = pairs.iter().find(|(name, _)| name == "once").and_then(|(_, value)| Uuid::try_parse(value).ok());
    if !proof.given(&desk, &visitor, &mut pairs).await? {
        let entered = Entered { refused: None, proof: Some(proof) };
        return checked_page(&desk, &visitor, (app, name), &id, once, entered).await;
    }
    let upload = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    let again = pairs.iter().any(|(name, value)| name == "again" && value == "yes");
    let (now, seed) = desk.house.context.stamp();
    let once = once.unwrap_or(seed);
    let repeat = repeatable(&visitor, once, &format!("{app}/import/{name}"), &[upload], &[]);
    let (at, working) = ((app.clone(), name.clone()), Arc::clone(&desk));
    let order = Order { desk: working, app: at.0, name: at.1, upload, again, once: repeat.clone() };
    let doer = visitor.caller.doer_at(now, seed);
    let work = desk.works.begin(&repeat, |progress| order.run(doer, progress));
    match work.ended(desk.house.options.patience).await {
        Some(end) => over(&desk, &visitor, (app, name), &id, once, end).await,
        None => Ok(Redirect::to(&format!("/admin/{app}/import/{name}/{id}/going/{once}/")).into_response()),
    }
}

/// A file that is to be saved.
struct Order {
    desk: Arc<Desk>,
    app: String,
    name: String,
    upload: Uuid,
    /// Whether the second yes was given.
    again: bool,
    once: Repeatable,
}

impl Order {
    /// Saves it, in one transaction.
    async fn run(self, doer: Doer, progress: Progress) -> Result<(), Problem> {
        let desk = Arc::clone(&self.desk);
        let done = desk.house.context.store.write(move |tx| {
            let mut doer = doer.clone();
            Once::run(tx, doer.now, Some(&self.once), |tx| {
                let (_, import) = self.desk.import(&self.app, &self.name)?;
                if let Some(insist) = import.insist.as_ref().filter(|_| self.again) {
                    insist(tx, &mut doer, self.upload)?;
                }
                let done = (import.commit)(tx, &mut doer, self.upload, &progress)?;
                serde_json::to_string(&done).map_err(Problem::internal)
            })
        });
        done.await?;
        desk.house.context.outbox.wake();
        Ok(())
    }
}

/// Where it has ended: the page that tells what was done, or why it was not.
async fn over(
    desk: &Arc<Desk>,
    visitor: &Visitor,
    (app, name): (String, String),
    id: &str,
    once: Uuid,
    end: Result<(), Problem>,
) -> Result<Response, Refusal> {
    match end {
        Ok(()) => Ok(Redirect::to(&format!("/admin/{app}/import/{name}/done/{once}/")).into_response()),
        Err(problem) if problem.code().status < 500 => {
            // A refusal changed nothing; the same form may be sent again.
            let entered = Entered { refused: Some(problem), proof: None };
            checked_page(desk, visitor, (app, name), id, None, entered).await
        }
        Err(problem) => Err(problem.into()),
    }
}

/// How far it is; and then where it leads.
pub(super) async fn going(
    State(desk): State<Arc<Desk>>,
    Path((app, name, id, once)): Path<(String, String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (shelf, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.command.scope)?;
    let (id, once) = match (Uuid::try_parse(&id), Uuid::try_parse(&once)) {
        (Ok(id), Ok(once)) => (id.to_string(), once),
        _ => return Err(Refusal::nothing()),
    };
    let work = desk.works.find(&visitor.actor(), &format!("console:{once}"));
    let base = format!("/admin/{}/import/{}/", shelf.name, import.name);
    let mut page = GoingPage {
        shell: frame::shell(&desk, &visitor, import.title),
        title: import.title,
        back: (format!("/admin/{}/{}/", shelf.name, import.resource), "Back to the list"),
        bar: None,
        about: "You may leave this page: it goes on without you.".to_owned(),
        go_on: None,
    };
    match work {
        Some(work) => {
            page.bar = Some(Bar::of(&work.seen()));
            if let Some(end) = work.ended(Duration::ZERO).await {
                return over(&desk, &visitor, (app, name), &id, once, end).await;
            }
        }
        // Another copy of the program may have done it.
        None if outcome(&desk, &visitor, &once.to_string()).await.is_ok() => {
            return over(&desk, &visitor, (app, name), &id, once, Ok(())).await;
        }
        None => {
            page.about = "Purser was started anew before this file was saved, or another copy of it is still at work \
                          on it. Either way nothing is half done: a file is saved whole or not at all, and once. Going \
                          on does no harm."
                .to_owned();
            page.go_on = Some(format!("{base}{id}/?once={once}"));
        }
    }
    Ok(going::going(&page))
}

pub(super) async fn done(
    State(desk): State<Arc<Desk>>,
    Path((app, name, once)): Path<(String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (shelf, import) = desk.import(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(import.command.scope)?;
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
    visitor.needs(import.command.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    let (reading, filename) = (Arc::clone(&desk), format!("{app}-{name}-errors.csv"));
    let looker = visitor.looker();
    let found = desk.house.context.store.read(move |tx| (reading.import(&app, &name)?.1.report)(tx, &looker, id));
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
