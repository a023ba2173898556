//! The HTTP server: middleware, sign-in, the first page, the API's documentation, health, metrics.
//!
//! Apps bring their routes ([`Face`]); the house puts them behind one middleware, beside its own pages. Pages are
//! rendered on the server and work without JavaScript; nothing is fetched from anywhere else.

mod account;
mod address;
mod assets;
mod console;
mod cookies;
mod docs;
mod door;
mod edge;
mod hashing;
mod health;
mod linger;
mod measure;
mod noop;
mod pages;
mod portal;
mod server;
mod setup;
mod sign_in;
mod site;
mod tls;
mod warning;

pub use account::HOUSE_NOTICES;
pub use address::{Network, NotNetwork};
pub use axum::Router;
pub use console::{Backup, BackupsFn, HOUSE_SCOPES};
pub use docs::openapi_json;
pub use door::Door;
pub use health::{Finding, Part, Trouble};
pub use server::{ClearListener, Limits, Listener, Peer, bind, serve};
pub use site::{Face, Site, SiteOptions, site};
pub use tls::{Authority, Certificate, TlsError, TlsListener};
pub use warning::house_jobs;
