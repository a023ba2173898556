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
use purser_kit::{AppContext, Needs, Routes, authenticate, json};
use purser_outbox::{Error as OutboxError, pulse};
use purser_store::{Error as StoreError, ReadTx};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::site::House;

/// What is wrong with a part, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub advice: &'static str,
}

/// How a part is: a word on it, or what is wrong.
pub type Finding = Result<String, Trouble>;

/// Asks one part how it is.
pub type Part = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Finding> + Send>> + Send + Sync>;

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
pub(crate) struct Pulse(Mutex<Option<(Instant, HealthJson)>>);

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

pub(crate) fn routes(house: &Arc<House>) -> Routes {
    Routes::new(&house.context).add(Needs::Nothing, routes!(health)).with_state(Arc::clone(house))
}

/// How each part is. 503 where one that nothing works without is not well. Details are for callers with `house.read`.
#[utoipa::path(get, path = "/api/v1/health/", tag = "platform", responses(
    (status = 200, body = HealthJson),
    (status = 503, description = "A part is failing.", body = HealthJson),
))]
async fn health(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    let (health, is_known) = tokio::join!(look(&house), is_known(&house, &headers));
    let health = if is_known { health } else { health.for_strangers() };
    if health.status == OK {
        return json(StatusCode::OK, &health);
    }
    let mut response = json(StatusCode::SERVICE_UNAVAILABLE, &health);
    response.headers_mut().insert(RETRY_AFTER_HEADER, HeaderValue::from(RETRY_AFTER));
    response
}

/// Whether the caller may know more. While the database does not answer, nobody is known.
async fn is_known(house: &House, headers: &HeaderMap) -> bool {
    let asked = tokio::time::timeout(PATIENCE, authenticate(&house.context, headers)).await;
    asked.is_ok_and(|caller| caller.is_ok_and(|caller| caller.has(SCOPE)))
}

/// A look at everything, at most a second old. Whoever comes meanwhile waits for the same one.
pub(crate) async fn look(house: &House) -> HealthJson {
    let mut last = house.pulse.0.lock().await;
    if let Some((at, health)) = &*last
        && at.elapsed() < FRESH
    {
        return health.clone();
    }
    let own: [(&'static str, Asking); 2] = [
        ("database", Box::pin(database(house.context.clone()))),
        ("writer_queue", Box::pin(queue(house.context.clone()))),
    ];
    let others = house.options.parts.iter().map(|(name, part)| (*name, part()));
    // All at once: one that does not answer keeps nobody waiting for the others.
    let parts = join_all(own.into_iter().chain(others).map(|(name, part)| asked(name, part))).await;
    let is_vital = |part: &&PartJson| VITAL.contains(&part.name);
    let status = if parts.iter().filter(is_vital).all(PartJson::is_well) { OK } else { FAILING };
    let health = HealthJson { status, parts };
    *last = Some((Instant::now(), health.clone()));
    health
}

type Asking = Pin<Box<dyn Future<Output = Finding> + Send>>;

async fn asked(name: &'static str, part: Asking) -> PartJson {
    let began = Instant::now();
    let said = tokio::time::timeout(PATIENCE, part).await;
    let said = said.unwrap_or_else(|_| {
        let wrong = format!("no answer in {} seconds", PATIENCE.as_secs());
        Err(Trouble { wrong, advice: "Look at the log, and run `purser doctor` on the machine." })
    });
    let (status, detail, advice) = match said {
        Ok(detail) => (OK, detail, None),
        Err(Trouble { wrong, advice }) => (FAILING, wrong, Some(advice)),
    };
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    PartJson { name, status, latency_ms, detail: Some(detail), advice }
}

async fn database(context: AppContext) -> Finding {
    let answered = |tx: &mut ReadTx<'_>| tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0));
    let read: Result<i64, StoreError> = context.store.read(answered).await;
    read.map_err(|error| trouble(&error))?;
    if let Some(damage) = context.store.damage() {
        return Err(trouble(&damage));
    }
    Ok(context.store.engine().name().to_owned())
}

/// The whole way of a command: through the queue, into a transaction, onto the disk and out.
async fn queue(context: AppContext) -> Finding {
    let now = context.now();
    let written = context.store.write(move |tx| pulse(tx, now)).await;
    written.map_err(|error| match error {
        OutboxError::Store(error) => trouble(&error),
        other => Trouble { wrong: other.to_string(), advice: ADVICE },
    })?;
    let health = context.store.health();
    Ok(format!("{} of {} places taken", health.writes_waiting, health.queue_limit))
}

const ADVICE: &str = "Run `purser doctor` on the machine, and look at the log.";

fn trouble(error: &StoreError) -> Trouble {
    let advice = match error {
        StoreError::Full => "Make room on the database's disk: until then every change is refused. Nothing is lost.",
        StoreError::Unavailable(_) => "See that the database server runs and lets this machine in: DATABASE_URL.",
        StoreError::Busy => "More comes in than can be written. See whether the disk is slow: `purser doctor`.",
        StoreError::Damaged(_) | StoreError::Engine(_) => {
            "The database may be damaged. Run `purser doctor`; restore the newest backup where it says so."
        }
        _ => ADVICE,
    };
    Trouble { wrong: error.to_string(), advice }
}
