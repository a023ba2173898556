//! How everything is, with what to do about each thing that is wrong.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{ConsoleState, ErrorPage, StaffUser, frame};
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

pub(super) async fn page(State(console): State<Arc<ConsoleState>>, staff: StaffUser) -> Result<Response, ErrorPage> {
    staff.require_scope(SCOPE)?;
    let page = HealthPage {
        health: health::check(&console.site).await,
        version: console.site.options.version,
        engine: console.site.context.store.engine().name(),
        shell: frame::shell(&console, &staff, "Health"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// Something that is wrong, as the first page tells it.
pub(super) struct HealthAlert {
    pub(super) title: String,
    pub(super) told: String,
    pub(super) href: String,
}

/// What is wrong, for whoever may know.
pub(super) async fn wrong(console: &ConsoleState, staff: &StaffUser) -> Vec<HealthAlert> {
    if !staff.principal.has(SCOPE) {
        return Vec::new();
    }
    let health = health::check(&console.site).await;
    let wrong = health.failing().map(|part| HealthAlert {
        title: part.title(),
        told: part.detail.clone().unwrap_or_default(),
        href: format!("{BASE}#{}", part.name),
    });
    wrong.collect()
}
