//! How everything is, with what to do about each thing that is wrong.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Desk, Refusal, Visitor, frame};
use crate::health::{self, HealthJson};
use crate::pages::{self, Shell};

/// The scope that shows it.
pub(super) const SCOPE: &str = health::SCOPE;

/// Where it is.
pub(super) const BASE: &str = "/admin/house/health/";

#[derive(Template)]
#[template(path = "console/health.html")]
struct HealthPage {
    shell: Shell,
    health: HealthJson,
    version: &'static str,
    engine: &'static str,
}

pub(super) async fn page(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Result<Response, Refusal> {
    visitor.needs(SCOPE)?;
    let page = HealthPage {
        health: health::look(&desk.house).await,
        version: desk.house.options.version,
        engine: desk.house.context.store.engine().name(),
        shell: frame::shell(&desk, &visitor, "Health"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// Something that is wrong, as the first page tells it.
pub(super) struct Wrong {
    pub(super) title: String,
    pub(super) told: String,
    pub(super) href: String,
}

/// What is wrong, for whoever may know.
pub(super) async fn wrong(desk: &Desk, visitor: &Visitor) -> Vec<Wrong> {
    if !visitor.caller.has(SCOPE) {
        return Vec::new();
    }
    let health = health::look(&desk.house).await;
    let wrong = health.failing().map(|part| Wrong {
        title: part.title(),
        told: part.detail.clone().unwrap_or_default(),
        href: format!("{BASE}#{}", part.name),
    });
    wrong.collect()
}
