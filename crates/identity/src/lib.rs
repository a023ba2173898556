//! Who is asking: people, passwords, sessions, API keys, rate limits, and the audit log.
//!
//! - A **user** signs in with a password and gets a **session**. Staff and superusers are users with a flag.
//! - A program signs in with an **API key**, which has scopes and may be tied to the one object that it acts for.
//! - The first superuser comes by a one-time **setup** link; no default password exists.
//! - What a stranger may try is counted by **rate limits**, in the database, so that they hold across copies.
//! - The **audit log** says who did what and from where. Nobody edits it.
//!
//! Tokens ([`Secret`]) are seen once by their owner; the database knows their hashes. Chance, time and ids come in as
//! parameters. Hashing a password takes tens of milliseconds of CPU: never inside a transaction.

mod actor;
mod api_key;
mod audit;
mod error;
mod login;
mod password;
mod rate;
mod scopes;
mod secret;
mod session;
mod setup;
mod user;

use purser_store::Migration;

pub use actor::Actor;
pub use api_key::{
    ApiKey, NewApiKey, Tie, api_key_by_hash, api_key_create, api_key_list, api_key_revoke, api_key_used,
};
pub use audit::{AuditEvent, AuditRecord, audit, audit_list};
pub use error::Error;
pub use login::{Email, EmailError, Username, UsernameError};
pub use password::{HashCost, PasswordError, PasswordHash, password_check, password_hash, password_verify};
pub use rate::{
    LOGIN_BY_ADDRESS, LOGIN_FAILED_BY_ACCOUNT, LOGIN_FAILED_BY_ADDRESS, RateLimit, RateVerdict, rate_forgive, rate_hit,
    rates_forget,
};
pub use scopes::{ScopeError, Scopes};
pub use secret::{Secret, SecretHash};
pub use session::{
    Origin, Session, SessionRules, session_create, session_find, session_revoke, session_seen, sessions_revoke_all,
};
pub use setup::{setup_issue, setup_live, setup_redeem};
pub use user::{NewUser, User, password_set, superuser_exists, user_by_login, user_create, user_get};

/// Identity's tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    room: "identity",
    number: 1,
    name: "identity",
    sql: include_str!("../migrations/0001_identity.sql"),
}];
