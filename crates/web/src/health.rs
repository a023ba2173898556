//! Is everything well? For load balancers, monitors, and the first page.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{Needs, Routes, json};
use purser_store::{Error as StoreError, Tx};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::site::House;

/// Asks one part how it is: `Ok` with a word on it, or what is wrong.
pub type Part = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync>;

/// How long a look is believed, so that monitors cannot wear the database out.
const FRESH: Duration = Duration::from_secs(1);

/// A part that takes longer than this to say how it is, is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Parts without which the house goes on: what they were to carry waits. They are told, and do not make it unready.
const BESIDE: [&str; 2] = ["mail", "telegram"];

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
    pub(crate) detail: String,
}

pub(crate) fn routes(house: &Arc<House>) -> Routes {
    Routes::new(&house.context).add(Needs::Nothing, routes!(health)).with_state(Arc::clone(house))
}

/// How each part is. 503 where one that nothing works without is not well.
#[utoipa::path(get, path = "/api/v1/health/", tag = "platform", responses(
    (status = 200, body = HealthJson),
    (status = 503, description = "A part is failing.", body = HealthJson),
))]
async fn health(State(house): State<Arc<House>>) -> Response {
    let health = look(&house).await;
    let status = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &health)
}

/// A look at everything, at most a second old. Whoever comes meanwhile waits for the same one.
pub(crate) async fn look(house: &House) -> HealthJson {
    let mut last = house.pulse.0.lock().await;
    if let Some((at, health)) = &*last
        && at.elapsed() < FRESH
    {
        return health.clone();
    }
    let mut parts = vec![asked("database", database(house)).await, asked("writer_queue", queue(house)).await];
    for (name, part) in &house.options.parts {
        parts.push(asked(name, part()).await);
    }
    let is_vital = |part: &&PartJson| !BESIDE.contains(&part.name);
    let status = if parts.iter().filter(is_vital).all(|part| part.status == "ok") { "ok" } else { "failing" };
    let health = HealthJson { status, parts };
    *last = Some((Instant::now(), health.clone()));
    health
}

async fn asked(name: &'static str, part: impl Future<Output = Result<String, String>>) -> PartJson {
    let began = Instant::now();
    let said = tokio::time::timeout(PATIENCE, part).await;
    let said = said.unwrap_or_else(|_| Err(format!("no answer in {} seconds", PATIENCE.as_secs())));
    let (status, detail) = match said {
        Ok(detail) => ("ok", detail),
        Err(detail) => ("failing", detail),
    };
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    PartJson { name, status, latency_ms, detail }
}

async fn database(house: &House) -> Result<String, String> {
    let store = &house.context.store;
    let answered = |tx: &mut Tx<'_>| tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0));
    let read: Result<i64, StoreError> = store.read(answered).await;
    read.map_err(|error| error.to_string())?;
    Ok(store.engine().name().to_owned())
}

/// The whole way of a command, short of a change: through the queue, into a transaction and out.
async fn queue(house: &House) -> Result<String, String> {
    let store = &house.context.store;
    let answered = |tx: &mut Tx<'_>| tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0));
    let written: Result<i64, StoreError> = store.write(answered).await;
    written.map_err(|error| error.to_string())?;
    let health = store.health();
    Ok(format!("{} of {} places taken", health.writes_waiting, health.queue_limit))
}
