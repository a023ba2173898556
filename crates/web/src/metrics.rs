//! Figures for Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use purser_kit::AppContext;

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    class: &'static str,
}

/// What is counted.
pub(crate) struct Metrics {
    context: AppContext,
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    writes_waiting: Gauge,
    reads_waiting: Gauge,
}

impl Metrics {
    pub(crate) fn new(context: &AppContext) -> Arc<Self> {
        let mut registry = Registry::with_prefix("purser");
        let requests = Family::default();
        let durations = Histogram::new(BUCKETS);
        let (writes_waiting, reads_waiting) = (Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_seconds", "How long answers took", durations.clone());
        registry.register("commands", "Commands that ran, by outcome", context.commands.family());
        registry.register("writes_waiting", "Commands that wait for the writer", writes_waiting.clone());
        registry.register("reads_waiting", "Queries that wait for a reader", reads_waiting.clone());
        Arc::new(Metrics { context: context.clone(), registry, requests, durations, writes_waiting, reads_waiting })
    }

    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let labels = RequestLabels { method: known(method), route: route.to_owned(), class: class(status) };
        self.requests.get_or_create(&labels).inc();
        self.durations.observe(took.as_secs_f64());
    }

    fn text(&self) -> String {
        let health = self.context.store.health();
        self.writes_waiting.set(i64::try_from(health.writes_waiting).unwrap_or(i64::MAX));
        self.reads_waiting.set(i64::try_from(health.reads_waiting).unwrap_or(i64::MAX));
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            text.clear();
            let _ = writeln!(text, "# EOF");
        }
        text
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let measures = Arc::clone(self);
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        let answer = move || async move { ([(header::CONTENT_TYPE, kind)], measures.text()) };
        Router::new().route("/metrics", get(answer))
    }
}

/// A method as a label: whatever else clients make up is one label, not one each.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
