//! One's picture.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use purser_files::{Error as FilesError, NewFile, StoredFile, UploadPolicy, file_create, file_remove, files_of};
use purser_identity::{Error as IdentityError, PHOTO_BY_PERSON, RateDecision, rates_hit};
use purser_kit::{Problem, code, file_problem, file_response, upload_receive};
use purser_store::WriteTx;
use uuid::Uuid;

use super::SignedInUser;
use super::reauth::limited;
use crate::pages::{self, Shell};
use crate::sign_in::note;
use crate::site::SiteState;

/// What a picture belongs to.
const OWNER: &str = "identity.user";

/// When to come back where others' pictures are being looked at.
const BUSY_SECONDS: u32 = 20;

#[derive(Template)]
#[template(path = "account/photo.html")]
struct PhotoPage {
    shell: Shell,
    /// Changes with the picture, so that no browser shows an old one.
    picture: Option<Uuid>,
    error: Option<String>,
}

fn render(person: &SignedInUser, picture: Option<Uuid>, error: Option<String>) -> Response {
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    pages::page(status, &PhotoPage { shell: person.shell("Your picture"), picture, error })
}

async fn current(site: &SiteState, person: &SignedInUser) -> Result<Option<StoredFile>, Problem> {
    let id = person.session.user.id;
    let found = site.context.store.read(move |tx| files_of(tx, OWNER, id)).await;
    Ok(found.map_err(|error| file_problem("photo", error))?.pop())
}

pub(super) async fn form(State(site): State<Arc<SiteState>>, person: SignedInUser) -> Result<Response, Problem> {
    let picture = current(&site, &person).await?;
    Ok(render(&person, picture.map(|file| file.id), None))
}

/// The picture itself, for its owner alone.
pub(super) async fn picture(State(site): State<Arc<SiteState>>, person: SignedInUser) -> Result<Response, Problem> {
    let Some(file) = current(&site, &person).await? else { return Err(Problem::not_found("picture")) };
    let bytes = site.context.files.read(&file).await.map_err(|error| file_problem("photo", error))?;
    Ok(file_response(&file, bytes))
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    request: Request,
) -> Result<Response, Problem> {
    let refused = async |problem: Problem| {
        let is_busy = *problem.code() == code::BUSY;
        if problem.code().status >= 500 && !is_busy {
            return Err(problem);
        }
        let picture = current(&site, &person).await?;
        let mut response = render(&person, picture.map(|file| file.id), Some(problem.detail().to_owned()));
        if is_busy {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(BUSY_SECONDS));
        }
        Ok(response)
    };
    // Counted before anything is read: reading and decoding are what it costs.
    let (now, by_person) = (person.now, person.session.user.id.to_string());
    let counted = site.context.store.write(move |tx| rates_hit(tx, now, &[(PHOTO_BY_PERSON, &by_person)])).await?;
    if let RateDecision::Limited { retry_after_seconds } = counted {
        let picture = current(&site, &person).await?.map(|file| file.id);
        let mut response = render(&person, picture, Some(limited(retry_after_seconds)));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
        return Ok(response);
    }
    let upload = match upload_receive(request, "photo", UploadPolicy::PORTRAIT.bytes).await {
        Ok(upload) => upload.file.unwrap_or_default(),
        Err(problem) => return refused(problem).await,
    };
    let (now, id) = site.context.stamp();
    let checked = match site.context.files.check(upload, UploadPolicy::PORTRAIT).await {
        Ok(checked) => checked,
        Err(error) => return refused(file_problem("photo", error)).await,
    };
    site.context.files.save(id, &checked).await.map_err(|error| file_problem("photo", error))?;
    let new = NewFile::new(id, &checked, (OWNER, person.session.user.id), &person.actor());
    let event = site.context.ids.next(now);
    let (actor, origin, owner) = (person.actor(), person.origin.clone(), person.session.user.id);
    let replaced = site.context.store.write(move |tx| {
        let old = removed(tx, owner)?;
        file_create(tx, now, &new)?;
        note(tx, now, event, &actor, "photo.change", &origin).map_err(noted)?;
        Ok::<_, FilesError>(old)
    });
    discard(&site, replaced.await.map_err(|error| file_problem("photo", error))?).await;
    Ok(Redirect::to("/accounts/photo/").into_response())
}

pub(super) async fn remove(State(site): State<Arc<SiteState>>, person: SignedInUser) -> Result<Response, Problem> {
    let (now, event) = site.context.stamp();
    let (actor, origin, owner) = (person.actor(), person.origin.clone(), person.session.user.id);
    let removed = site.context.store.write(move |tx| {
        let old = removed(tx, owner)?;
        note(tx, now, event, &actor, "photo.remove", &origin).map_err(noted)?;
        Ok::<_, FilesError>(old)
    });
    discard(&site, removed.await.map_err(|error| file_problem("photo", error))?).await;
    Ok(Redirect::to("/accounts/photo/").into_response())
}

fn removed(tx: &mut WriteTx<'_>, owner: Uuid) -> Result<Vec<StoredFile>, FilesError> {
    files_of(tx, OWNER, owner)?.into_iter().map(|file| file_remove(tx, file.id)).collect()
}

/// A line of the audit log fails only as the store does.
fn noted(error: IdentityError) -> FilesError {
    match error {
        IdentityError::Store(error) => FilesError::Store(error),
        other => FilesError::Store(purser_store::Error::Engine(other.to_string())),
    }
}

/// Nobody can ask for these any more; one that stays on the disk takes room and nothing else.
async fn discard(site: &SiteState, files: Vec<StoredFile>) {
    for file in files {
        if let Err(error) = site.context.files.remove(file.id, file.kind).await {
            tracing::warn!(file = %file.id, %error, "a file that nobody needs could not be removed");
        }
    }
}
