//! The HTTP server: middleware, sign-in, the first page, the API's documentation, health, metrics.
//!
//! Apps bring their routes ([`AppSite`]); the house puts them behind one middleware, beside its own pages. Pages are
//! rendered on the server and work without JavaScript; nothing is fetched from anywhere else.

mod account;
mod address;
mod assets;
mod console;
mod cookies;
mod docs;
mod drain;
mod form_route;
mod hashing;
mod health;
mod metrics;
mod noop;
mod pages;
mod portal;
mod request_middleware;
mod server;
mod setup;
mod sign_in;
mod site;
mod tls;
mod warning;

pub use account::SYSTEM_NOTICES;
pub use address::{Network, NotNetwork};
pub use axum::Router;
pub use console::{BackupEntry, BackupsFn, SYSTEM_SCOPES};
pub use docs::openapi_json;
pub use form_route::FormRoute;
pub use health::{HealthCheck, HealthFinding, HealthProblem};
pub use server::{ClearListener, ConnectionLimits, Listener, Peer, bind, serve};
pub use site::{AppSite, Site, SiteOptions, site};
pub use tls::{Authority, Certificate, TlsError, TlsListener};
pub use warning::system_jobs;
