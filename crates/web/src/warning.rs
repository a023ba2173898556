//! Telling the owner of an account that strangers try its password.

use jiff::Timestamp;
use purser_identity::{
    Email, RateDecision, SecretHash, Username, WARNING_BY_PERSON, login_key, rates_hit, user_by_login,
};
use purser_kit::{AppContext, Problem};
use purser_outbox::{Job, JobError, JobHandler, Language, job_enqueue};
use purser_store::WriteTx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::account::duration_text;
use crate::account::mail::{self, mail};

/// Find out whether a name is somebody's, and warn them.
#[derive(Debug, Serialize, Deserialize)]
struct WarnOwner {
    /// What was typed as a name.
    login: String,
    /// Where the last try came from, and when that was, in microseconds.
    address: String,
    at_us: i64,
    /// Where a new password is set.
    link: String,
}

impl Job for WarnOwner {
    const KIND: &'static str = "house.warn-owner";

    fn dedupe_key(&self) -> Option<String> {
        Some(SecretHash::of(&login_key(&self.login)).hex())
    }
}

/// Has the owner warned, where there is one; whether there is, is found out later. False where the text is nobody's name,
/// as anybody can see.
pub(crate) fn owner_warn(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    login: &str,
    address: &str,
    link: &str,
) -> Result<bool, Problem> {
    if Username::parse(login).is_err() && Email::parse(login).is_err() {
        return Ok(false);
    }
    let job = WarnOwner {
        login: login.to_owned(),
        address: address.to_owned(),
        at_us: now.as_microsecond(),
        link: link.to_owned(),
    };
    job_enqueue(tx, now, id, &job).map_err(Problem::internal)
}

/// What the house's own pages leave to be done after an answer.
#[must_use]
pub fn system_jobs(context: &AppContext) -> Vec<JobHandler> {
    let context = context.clone();
    vec![JobHandler::new(move |job: WarnOwner, _| warn(context.clone(), job))]
}

async fn warn(context: AppContext, job: WarnOwner) -> Result<(), JobError> {
    let (now, notice) = context.stamp();
    let when = duration_text(&context.zone, Timestamp::from_microsecond(job.at_us).unwrap_or(now));
    let warned = context.store.write(move |tx| {
        let Some((user, _)) = user_by_login(tx, &job.login)?.filter(|(user, _)| user.may_enter()) else {
            return Ok(false);
        };
        if rates_hit(tx, now, &[(WARNING_BY_PERSON, &user.id.to_string())])? != RateDecision::Allowed {
            return Ok(false);
        }
        let username = user.username.as_str();
        let values = json!({ "username": username, "when": &when, "address": &job.address, "link": &job.link });
        mail(tx, now, notice, &mail::STRANGERS_TRY, &user.email, Language::English, values)?;
        Ok::<_, Problem>(true)
    });
    let warned = warned.await.map_err(|problem| JobError::Retry(problem.detail().to_owned()))?;
    if warned {
        context.outbox.wake();
    }
    Ok(())
}
