//! Everything put together.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::middleware;
use axum::routing::{get, post};
use purser_identity::{HashCost, SessionRules};
use purser_kit::console::{Console, Progress};
use purser_kit::{AppContext, Code, RouteInfo, Routes, Scope};
use purser_notify::NoticeCatalog;
use purser_outbox::{Channel, Schedule};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use utoipa::openapi::OpenApi;

use crate::address::Network;
use crate::console::{AppSection, BackupsFn};
use crate::form_route::FormRoute;
use crate::hashing::PasswordHasher;
use crate::health::{HealthCache, HealthCheck};
use crate::metrics::Metrics;
use crate::{account, assets, console, docs, health, noop, pages, portal, request_middleware, setup, sign_in};

/// What the web shows of an app.
pub struct AppSite {
    /// Its name in paths and scopes.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Its permissions.
    pub scopes: &'static [Scope],
    /// Its error codes.
    pub codes: &'static [&'static Code],
    /// Its API.
    pub api: Routes,
    /// What it shows in the console.
    pub console: Console,
}

/// How the site is run.
pub struct SiteOptions {
    /// The program's version.
    pub version: &'static str,
    /// The address that people use, where there is one.
    pub app_url: Option<String>,
    /// Where mailed links lead, without a slash at the end: that address, or else the one that is listened on.
    pub base_url: String,
    /// Whether anybody may sign up.
    pub sign_up: bool,
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<Network>,
    /// What hashing a password costs.
    pub hash_cost: HashCost,
    /// How long people stay signed in.
    pub session_rules: SessionRules,
    /// Fills bytes from the operating system's randomness.
    pub random: fn(&mut [u8]),
    /// Mount POST /api/v1/noop/, the benchmark's ceiling.
    pub with_noop: bool,
    /// Finds the backups.
    pub backups: BackupsFn,
    /// How far the backup is that this process takes.
    pub backup_progress: Progress,
    /// How long somebody waits for a file to be saved before they are shown how far it is.
    pub patience: Duration,
    /// What /api/v1/health/ asks besides the database.
    pub parts: Vec<(&'static str, HealthCheck)>,
    /// What the house has to tell.
    pub texts: Arc<NoticeCatalog>,
    /// The channels that it can be told by.
    pub channels: Vec<Channel>,
    /// What the house does again and again.
    pub schedules: Vec<Schedule>,
}

/// The finished site.
pub struct Site {
    /// Serves people and programs.
    pub router: Router,
    /// Serves /metrics, for a port of its own.
    pub metrics: Router,
    /// Every API route, and who may use it.
    pub table: Vec<RouteInfo>,
    /// Every form of the account pages, the console and the portal, and what it does.
    pub doors: Vec<FormRoute>,
    /// The API's description.
    pub openapi: OpenApi,
    /// How often a password was hashed, to keep it or to compare it.
    pub hashed: Arc<AtomicU64>,
}

/// What the site's own pages share.
pub(crate) struct SiteState {
    pub(crate) context: AppContext,
    pub(crate) options: SiteOptions,
    pub(crate) apps: Vec<(&'static str, &'static str)>,
    pub(crate) pulse: HealthCache,
    pub(crate) hashing: PasswordHasher,
}

/// Puts the site together.
#[must_use]
pub fn site(context: &AppContext, faces: Vec<AppSite>, options: SiteOptions) -> Site {
    let codes: Vec<_> = faces.iter().map(|time_format| (time_format.title, time_format.codes)).collect();
    let errors = docs::errors_page(&codes, &options);
    let apps = faces.iter().map(|time_format| (time_format.title, time_format.summary)).collect();
    let mut routes = Routes::new(context).with_state(());
    let mut shelves = Vec::with_capacity(faces.len());
    for time_format in faces {
        routes = routes.merge(time_format.api);
        shelves.push(AppSection { name: time_format.name, title: time_format.title, console: time_format.console });
    }
    if options.with_noop {
        routes = routes.merge(noop::routes(context));
    }
    let site = Arc::new(SiteState {
        context: context.clone(),
        pulse: HealthCache::default(),
        apps,
        options,
        hashing: PasswordHasher::default(),
    });
    let hashed = site.hashing.counter();
    let routes = routes.merge(health::routes(&site));
    let (api, table) = routes.into_parts();
    let (api, described) = api.split_for_parts();
    let openapi = docs::openapi(described, &site.options);
    let measures = Metrics::new(context);
    let desk = console::console_state(&site, shelves);
    let ((account, forms), (console, doors)) = (account::routes(&site), console::routes(&desk));
    let doors = forms.into_iter().chain(doors).collect();
    let router = api
        .merge(own_pages(&site, &openapi, errors))
        .merge(account)
        .merge(console)
        .merge(portal::routes(&desk))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .layer(CsrfLayer::new().with_rejection_response(pages::cross_site))
        .layer(CatchPanicLayer::custom(pages::panicked))
        .layer(middleware::from_fn_with_state(
            request_middleware::MiddlewareState::new(&site, &measures),
            request_middleware::pass,
        ));
    Site { router, metrics: measures.router(), table, doors, openapi, hashed }
}

fn own_pages(site: &Arc<SiteState>, openapi: &OpenApi, errors: String) -> Router {
    let reference = Bytes::from(docs::reference_page(openapi, &site.options));
    let description = Bytes::from(docs::openapi_json(openapi));
    let errors = Bytes::from(errors);
    Router::new()
        .route("/", get(pages::home))
        .route("/accounts/login", get(sign_in::form).post(sign_in::submit))
        .route("/accounts/login/", get(sign_in::form).post(sign_in::submit))
        .route("/accounts/logout", post(sign_in::sign_out))
        .route("/accounts/logout/", post(sign_in::sign_out))
        .route("/setup/{token}", get(setup::form).post(setup::submit))
        .route("/setup/{token}/", get(setup::form).post(setup::submit))
        .with_state(Arc::clone(site))
        .route("/healthz/live", get(async || "ok\n"))
        .route("/api/docs", get(docs::page(&reference)))
        .route("/api/docs/", get(docs::page(&reference)))
        .route("/api/docs/errors", get(docs::page(&errors)))
        .route("/api/docs/errors/", get(docs::page(&errors)))
        .route("/api/openapi.json", get(docs::json(&description)))
        .merge(assets::router())
}
