//! Uploads: the file is checked whole and shown; a second step does what it says, whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use purser_kit::console::{Import, ImportCheck, ImportCheckState, Progress, RequestContext};
use purser_kit::{IdempotentRequest, IdempotentResponse, Problem, upload_receive};
use uuid::Uuid;

use super::act::repeatable;
use super::done::{DonePage, outcome};
use super::reauth::ReauthPrompt;
use super::task_progress::{self, ProgressBar, TaskPage};
use super::{ConsoleState, ErrorPage, ResourcePath, StaffUser, escaped, frame};
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
    console: &ConsoleState,
    staff: &StaffUser,
    at: &(String, String),
    error: Option<String>,
) -> Result<Response, ErrorPage> {
    let (section, import) = console.import(&at.0, &at.1).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let page = UploadPage {
        shell: frame::shell(console, staff, import.title),
        base: format!("/admin/{}/import/{}/", section.name, import.name),
        back: format!("/admin/{}/{}/", section.name, import.resource),
        megabytes: import.limit / 1_048_576,
        import,
        error,
    };
    let status = if page.error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(pages::page(status, &page))
}

pub(super) async fn form(
    State(console): State<Arc<ConsoleState>>,
    Path(at): ResourcePath,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    upload_page(&console, &staff, &at, None)
}

pub(super) async fn template(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name)): ResourcePath,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (_, import) = console.import(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    Ok(file(&format!("{app}-{name}.csv"), import.template.to_owned()))
}

pub(super) async fn check(
    State(console): State<Arc<ConsoleState>>,
    Path(at): ResourcePath,
    staff: StaffUser,
    request: Request,
) -> Result<Response, ErrorPage> {
    let (_, import) = console.import(&at.0, &at.1).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let bytes = match upload_receive(request, "file", import.limit).await.map(|upload| upload.file) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return upload_page(&console, &staff, &at, Some("Choose a file first.".to_owned())),
        Err(problem) => return upload_page(&console, &staff, &at, Some(problem.detail().to_owned())),
    };
    let (cx, working) = (staff.principal.request_context(&console.site.context), Arc::clone(&console));
    let (app, name) = at.clone();
    let checked = console.site.context.store.write(move |tx| {
        let (_, import) = working.import(&app, &name)?;
        (import.check)(tx, &mut cx.clone(), &bytes)
    });
    match checked.await {
        Ok(id) => Ok(Redirect::to(&format!("/admin/{}/import/{}/{id}/", at.0, at.1)).into_response()),
        Err(problem) if problem.code().status < 500 => {
            upload_page(&console, &staff, &at, Some(problem.detail().to_owned()))
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
    checked: ImportCheck,
    once: Uuid,
    error: Option<String>,
    reauth: ReauthPrompt,
    reauth_next: String,
}

impl CheckedPage<'_> {
    fn is_ready(&self) -> bool {
        self.checked.state == ImportCheckState::Ready
    }

    fn is_invalid(&self) -> bool {
        self.checked.state == ImportCheckState::Invalid
    }
}

pub(super) async fn render(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, id)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    // Whoever goes on with what was broken off sends the same form again.
    let once = query.iter().find(|(name, _)| name == "once").and_then(|(_, value)| Uuid::try_parse(value).ok());
    checked_page(&console, &staff, (app, name), &id, once, CommitAttempt::default()).await
}

/// What came of a form that was sent.
#[derive(Default)]
struct CommitAttempt {
    refused: Option<Problem>,
    reauth: Option<ReauthPrompt>,
}

async fn checked_page(
    console: &Arc<ConsoleState>,
    staff: &StaffUser,
    (app, name): (String, String),
    id: &str,
    once: Option<Uuid>,
    CommitAttempt { refused, reauth }: CommitAttempt,
) -> Result<Response, ErrorPage> {
    let (section, import) = console.import(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let unproved = reauth.is_some();
    let reauth = match reauth {
        Some(reauth) => reauth,
        None => ReauthPrompt::of(console, staff, import.command).await?,
    };
    let id = Uuid::try_parse(id).map_err(|_| ErrorPage::nothing())?;
    let (reading, looker) = (Arc::clone(console), staff.request_context());
    let found = console.site.context.store.read(move |tx| (reading.import(&app, &name)?.1.show)(tx, &looker, id));
    let checked = found.await?.ok_or_else(ErrorPage::nothing)?;
    let status = refused.as_ref().map_or(if unproved { 403 } else { 200 }, |problem| problem.code().status);
    let page = CheckedPage {
        shell: frame::shell(console, staff, import.title),
        base: format!("/admin/{}/import/{}/", section.name, import.name),
        back: format!("/admin/{}/{}/", section.name, import.resource),
        import,
        id,
        checked,
        once: once.unwrap_or_else(|| console.site.context.stamp().1),
        error: refused.map(|problem| problem.detail().to_owned()),
        reauth,
        reauth_next: escaped(&format!("/admin/{}/import/{}/{id}/", section.name, import.name)),
    };
    Ok(pages::page(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), &page))
}

pub(super) async fn commit(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, id)): Path<(String, String, String)>,
    staff: StaffUser,
    axum::Form(mut pairs): axum::Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let (_, import) = console.import(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let mut reauth = ReauthPrompt::of(&console, &staff, import.command).await?;
    let once = pairs.iter().find(|(name, _)| name == "once").and_then(|(_, value)| Uuid::try_parse(value).ok());
    if !reauth.given(&console, &staff, &mut pairs).await? {
        let entered = CommitAttempt { refused: None, reauth: Some(reauth) };
        return checked_page(&console, &staff, (app, name), &id, once, entered).await;
    }
    let upload = Uuid::try_parse(&id).map_err(|_| ErrorPage::nothing())?;
    let again = pairs.iter().any(|(name, value)| name == "again" && value == "yes");
    let (now, seed) = console.site.context.stamp();
    let once = once.unwrap_or(seed);
    let repeat = repeatable(&staff, once, &format!("{app}/import/{name}"), &[upload], &[]);
    let (at, working) = ((app.clone(), name.clone()), Arc::clone(&console));
    let order = ImportCommit { console: working, app: at.0, name: at.1, upload, again, idempotency: repeat.clone() };
    let cx = staff.principal.request_context_at(now, seed);
    let task = console.tasks.start(&repeat, |progress| order.run(cx, progress));
    match task.wait(console.site.options.patience).await {
        Some(end) => over(&console, &staff, (app, name), &id, once, end).await,
        None => Ok(Redirect::to(&format!("/admin/{app}/import/{name}/{id}/going/{once}/")).into_response()),
    }
}

/// A file that is to be saved.
struct ImportCommit {
    console: Arc<ConsoleState>,
    app: String,
    name: String,
    upload: Uuid,
    /// Whether the second yes was given.
    again: bool,
    idempotency: IdempotentRequest,
}

impl ImportCommit {
    /// Saves it, in one transaction.
    async fn run(self, cx: RequestContext, progress: Progress) -> Result<(), Problem> {
        let console = Arc::clone(&self.console);
        let done = console.site.context.store.write(move |tx| {
            let mut cx = cx.clone();
            IdempotentResponse::run(tx, cx.now, Some(&self.idempotency), |tx| {
                let (_, import) = self.console.import(&self.app, &self.name)?;
                if let Some(insist) = import.confirm.as_ref().filter(|_| self.again) {
                    insist(tx, &mut cx, self.upload)?;
                }
                let done = (import.commit)(tx, &mut cx, self.upload, &progress)?;
                serde_json::to_string(&done).map_err(Problem::internal)
            })
        });
        done.await?;
        console.site.context.outbox.wake();
        Ok(())
    }
}

/// Where it has ended: the page that tells what was done, or why it was not.
async fn over(
    console: &Arc<ConsoleState>,
    staff: &StaffUser,
    (app, name): (String, String),
    id: &str,
    once: Uuid,
    end: Result<(), Problem>,
) -> Result<Response, ErrorPage> {
    match end {
        Ok(()) => Ok(Redirect::to(&format!("/admin/{app}/import/{name}/done/{once}/")).into_response()),
        Err(problem) if problem.code().status < 500 => {
            // A refusal changed nothing; the same form may be sent again.
            let entered = CommitAttempt { refused: Some(problem), reauth: None };
            checked_page(console, staff, (app, name), id, None, entered).await
        }
        Err(problem) => Err(problem.into()),
    }
}

/// How far it is; and then where it leads.
pub(super) async fn progress(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, id, once)): Path<(String, String, String, String)>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (section, import) = console.import(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let (id, once) = match (Uuid::try_parse(&id), Uuid::try_parse(&once)) {
        (Ok(id), Ok(once)) => (id.to_string(), once),
        _ => return Err(ErrorPage::nothing()),
    };
    let task = console.tasks.find(&staff.actor(), &format!("console:{once}"));
    let base = format!("/admin/{}/import/{}/", section.name, import.name);
    let mut page = TaskPage {
        shell: frame::shell(&console, &staff, import.title),
        title: import.title,
        back: (format!("/admin/{}/{}/", section.name, import.resource), "Back to the list"),
        bar: None,
        about: "You may leave this page: it goes on without you.".to_owned(),
        go_on: None,
    };
    match task {
        Some(task) => {
            page.bar = Some(ProgressBar::of(&task.snapshot()));
            if let Some(end) = task.wait(Duration::ZERO).await {
                return over(&console, &staff, (app, name), &id, once, end).await;
            }
        }
        // Another copy of the program may have done it.
        None if outcome(&console, &staff, &once.to_string()).await.is_ok() => {
            return over(&console, &staff, (app, name), &id, once, Ok(())).await;
        }
        None => {
            page.about = "Purser was started anew before this file was saved, or another copy of it is still at work \
                          on it. Either way nothing is half done: a file is saved whole or not at all, and once. Going \
                          on does no harm."
                .to_owned();
            page.go_on = Some(format!("{base}{id}/?once={once}"));
        }
    }
    Ok(task_progress::task_page(&page))
}

pub(super) async fn done(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, once)): Path<(String, String, String)>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (section, import) = console.import(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let done = outcome(&console, &staff, &once).await?;
    let (section, resource) = console.resource(section.name, import.resource).map_err(|_| ErrorPage::nothing())?;
    let back = (format!("/admin/{}/{}/", section.name, resource.name), resource.title);
    let shell = frame::shell(&console, &staff, "Done");
    let page = DonePage { shell, back, next: None, go: None, refused: Vec::new(), download: None, done };
    Ok(pages::page(StatusCode::OK, &page))
}

pub(super) async fn report(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, id)): Path<(String, String, String)>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (_, import) = console.import(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(import.command.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| ErrorPage::nothing())?;
    let (reading, filename) = (Arc::clone(&console), format!("{app}-{name}-errors.csv"));
    let looker = staff.request_context();
    let found = console.site.context.store.read(move |tx| (reading.import(&app, &name)?.1.report)(tx, &looker, id));
    let text = found.await?.ok_or_else(ErrorPage::nothing)?;
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
