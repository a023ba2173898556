//! Is everything well? For load balancers, monitors, and the first page.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::RETRY_AFTER as RETRY_AFTER_HEADER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::future::join_all;
use purser_kit::{Access, AppContext, Routes, authenticate, json};
use purser_outbox::{Error as OutboxError, pulse};
use purser_store::{Error as StoreError, ReadTx};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::site::SiteState;

/// What is wrong with a part, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthProblem {
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub advice: &'static str,
}

/// How a part is: a word on it, or what is wrong.
pub type HealthFinding = Result<String, HealthProblem>;

/// Asks one part how it is.
pub type HealthCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = HealthFinding> + Send>> + Send + Sync>;

/// How long a look is believed, so that monitors cannot wear the database out.
const FRESH: Duration = Duration::from_secs(1);

/// A part that takes longer than this to say how it is, is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Parts without which no request can be answered. The others are told, and do not make the instance unready: it goes on
/// selling while mail waits or a backup is old, and a load balancer that took it away would help nobody.
const VITAL: [&str; 2] = ["database", "writer_queue"];

/// Who is told what exactly is wrong. Everybody else hears which parts there are, and whether each is well.
pub(crate) const SCOPE: &str = "house.read";

/// When a client that was told 503 does well to ask again, in seconds.
const RETRY_AFTER: u32 = 5;

/// The last look at everything.
#[derive(Default)]
pub(crate) struct HealthCache(Mutex<Option<(Instant, HealthJson)>>);

/// How everything is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HealthJson {
    /// ok, or failing where a part is that nothing works without.
    pub(crate) status: &'static str,
    pub(crate) parts: Vec<PartJson>,
}

/// How one part is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PartJson {
    #[schema(example = "database")]
    pub(crate) name: &'static str,
    /// ok or failing.
    pub(crate) status: &'static str,
    /// How long it took to say so, in milliseconds.
    pub(crate) latency_ms: u64,
    /// A word on it, for callers with the scope `house.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// What to do where it is failing, for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<&'static str>,
}

impl HealthJson {
    /// What everybody may know: no names of hosts, no paths, no words of drivers.
    pub(crate) fn for_strangers(mut self) -> Self {
        for part in &mut self.parts {
            (part.detail, part.advice) = (None, None);
        }
        self
    }

    /// The parts that are not well.
    pub(crate) fn failing(&self) -> impl Iterator<Item = &PartJson> {
        self.parts.iter().filter(|part| !part.is_well())
    }
}

impl PartJson {
    pub(crate) fn is_well(&self) -> bool {
        self.status == OK
    }

    /// Its name for people.
    pub(crate) fn title(&self) -> String {
        self.name.replace('_', " ")
    }
}

const OK: &str = "ok";
const FAILING: &str = "failing";

pub(crate) fn routes(site: &Arc<SiteState>) -> Routes {
    Routes::new(&site.context).add(Access::Public, routes!(health)).with_state(Arc::clone(site))
}

/// How each part is. 503 where one that nothing works without is not well. Details are for callers with `house.read`.
#[utoipa::path(get, path = "/api/v1/health/", tag = "platform", responses(
    (status = 200, body = HealthJson),
    (status = 503, description = "A part is failing.", body = HealthJson),
))]
async fn health(State(site): State<Arc<SiteState>>, headers: HeaderMap) -> Response {
    let (health, is_known) = tokio::join!(check(&site), is_known(&site, &headers));
    let health = if is_known { health } else { health.for_strangers() };
    if health.status == OK {
        return json(StatusCode::OK, &health);
    }
    let mut response = json(StatusCode::SERVICE_UNAVAILABLE, &health);
    response.headers_mut().insert(RETRY_AFTER_HEADER, HeaderValue::from(RETRY_AFTER));
    response
}

/// Whether the caller may know more. While the database does not answer, nobody is known.
async fn is_known(site: &SiteState, headers: &HeaderMap) -> bool {
    let asked = tokio::time::timeout(PATIENCE, authenticate(&site.context, headers)).await;
    asked.is_ok_and(|principal| principal.is_ok_and(|principal| principal.has(SCOPE)))
}

/// A look at everything, at most a second old. Whoever comes meanwhile waits for the same one.
pub(crate) async fn check(site: &SiteState) -> HealthJson {
    let mut last = site.pulse.0.lock().await;
    if let Some((at, health)) = &*last
        && at.elapsed() < FRESH
    {
        return health.clone();
    }
    let own: [(&'static str, FindingFuture); 2] = [
        ("database", Box::pin(database(site.context.clone()))),
        ("writer_queue", Box::pin(queue(site.context.clone()))),
    ];
    let others = site.options.parts.iter().map(|(name, part)| (*name, part()));
    // All at once: one that does not answer keeps nobody waiting for the others.
    let parts = join_all(own.into_iter().chain(others).map(|(name, part)| run_check(name, part))).await;
    let is_vital = |part: &&PartJson| VITAL.contains(&part.name);
    let status = if parts.iter().filter(is_vital).all(PartJson::is_well) { OK } else { FAILING };
    let health = HealthJson { status, parts };
    *last = Some((Instant::now(), health.clone()));
    health
}

type FindingFuture = Pin<Box<dyn Future<Output = HealthFinding> + Send>>;

async fn run_check(name: &'static str, part: FindingFuture) -> PartJson {
    let began = Instant::now();
    let said = tokio::time::timeout(PATIENCE, part).await;
    let said = said.unwrap_or_else(|_| {
        let wrong = format!("no answer in {} seconds", PATIENCE.as_secs());
        Err(HealthProblem { wrong, advice: "Look at the log, and run `purser doctor` on the machine." })
    });
    let (status, detail, advice) = match said {
        Ok(detail) => (OK, detail, None),
        Err(HealthProblem { wrong, advice }) => (FAILING, wrong, Some(advice)),
    };
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    PartJson { name, status, latency_ms, detail: Some(detail), advice }
}

async fn database(context: AppContext) -> HealthFinding {
    let answered = |tx: &mut ReadTx<'_>| tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0));
    let read: Result<i64, StoreError> = context.store.read(answered).await;
    read.map_err(|error| trouble(&error))?;
    if let Some(damage) = context.store.damage() {
        return Err(trouble(&damage));
    }
    Ok(context.store.engine().name().to_owned())
}

/// The whole way of a command: through the queue, into a transaction, onto the disk and out.
async fn queue(context: AppContext) -> HealthFinding {
    let now = context.now();
    let written = context.store.write(move |tx| pulse(tx, now)).await;
    written.map_err(|error| match error {
        OutboxError::Store(error) => trouble(&error),
        other => HealthProblem { wrong: other.to_string(), advice: ADVICE },
    })?;
    let health = context.store.health();
    Ok(format!("{} of {} places taken", health.writes_waiting, health.queue_limit))
}

const ADVICE: &str = "Run `purser doctor` on the machine, and look at the log.";

fn trouble(error: &StoreError) -> HealthProblem {
    let advice = match error {
        StoreError::Full => "Make room on the database's disk: until then every change is refused. Nothing is lost.",
        StoreError::Unavailable(_) => "See that the database server runs and lets this machine in: DATABASE_URL.",
        StoreError::Busy => "More comes in than can be written. See whether the disk is slow: `purser doctor`.",
        StoreError::Damaged(_) | StoreError::Engine(_) => {
            "The database may be damaged. Run `purser doctor`; restore the newest backup where it says so."
        }
        _ => ADVICE,
    };
    HealthProblem { wrong: error.to_string(), advice }
}
