//! Who is asking: people, passwords, sessions, API keys, rate limits, and the audit log.
//!
//! - A **user** signs in with a password and gets a **session**. Staff and superusers are users with a flag.
//! - A program signs in with an **API key**, which has scopes and may be bound to the one object that it acts for.
//! - A **second factor** is asked for after the password, and again before money leaves.
//! - **Roles** say what staff may do, app by app.
//! - The first superuser comes by a one-time **setup** link; no default password exists.
//! - What a stranger may try is counted by **rate limits**, in the database, so that they hold across copies.
//! - The **audit log** says who did what and from where. Nobody edits it.
//!
//! Tokens ([`Secret`]) are seen once by their owner; the database knows their hashes. Chance, time and ids come in as
//! parameters. Hashing a password takes tens of milliseconds of CPU: never inside a transaction.

mod actor;
mod api_key;
mod audit;
mod device;
mod error;
mod link;
mod login;
mod password;
mod profile;
mod rate;
mod revocation;
mod roles;
mod scopes;
mod seal;
mod second_factor;
mod secret;
mod session;
mod setup;
mod sign_up;
mod totp;
mod user;

use purser_store::Migration;

pub use actor::Actor;
pub use api_key::{
    ApiKey, NewApiKey, ResourceBinding, api_key_by_hash, api_key_create, api_key_id, api_key_label, api_key_list,
    api_key_revoke, api_key_used, api_keys_made_by, api_keys_of, api_keys_revoke_of, person_behind, same_person,
};
pub use audit::{AuditEvent, AuditRecord, audit, audit_list, audit_of};
pub use device::{DEVICE_LASTS, device_is_known, device_remember, devices_purge};
pub use error::Error;
pub use link::{LinkPurpose, link_find, link_issue, link_redeem, links_void};
pub use login::{Email, EmailError, Username, UsernameError, login_key};
pub use password::{HashCost, PasswordError, PasswordHash, password_check, password_hash, password_verify};
pub use profile::{Profile, profile_get, profile_set};
pub use rate::{
    CODE_FAILED_BY_DEVICE, CODE_FAILED_BY_PERSON, CONFIRM_BY_EMAIL, EMAIL_BY_PERSON, INVITATION_TO, LOGIN_BY_ADDRESS,
    LOGIN_FAILED_BY_ACCOUNT, LOGIN_FAILED_BY_ADDRESS, LOGIN_FAILED_BY_DEVICE, NEW_ADDRESS_TO, NOBODY_BY_ADDRESS,
    PASSWORD_BY_PERSON, PHOTO_BY_PERSON, PROOF_CODE_FAILED_BY_PERSON, PROOF_FAILED_BY_PERSON, RESET_BY_ACCOUNT,
    RESET_BY_ADDRESS, RESET_TO, RateDecision, RateLimit, SIGN_UP_BY_ADDRESS, SIGN_UP_TO, WARNING_BY_PERSON, rate_clear,
    rate_forgive, rate_hit, rate_left, rates_hit, rates_purge,
};
pub use revocation::{RevocationCause, credentials_changed};
pub use roles::{AUDITOR, Right, RoleError, Roles};
pub use scopes::{ScopeError, Scopes};
pub use seal::Sealer;
pub use second_factor::{
    SecondFactor, recovery_code_spend, recovery_codes_set, second_factor_abandon, second_factor_begin,
    second_factor_confirm, second_factor_get, second_factor_is_on, second_factor_remove, totp_accept, totp_purpose,
};
pub use secret::{Secret, SecretHash, secrets_struck_out};
pub use session::{
    RequestOrigin, Session, SessionRules, session_create, session_create_pending, session_decided, session_find,
    session_find_pending, session_reauthenticated, session_revoke, session_revoke_of, session_seen, sessions_of,
    sessions_revoke_all, sessions_revoke_others,
};
pub use setup::{setup_issue, setup_live, setup_redeem};
pub use sign_up::{NewSignUp, SIGN_UP_LASTS, sign_up_begin, sign_up_confirm, sign_up_find, sign_ups_purge};
pub use totp::{RECOVERY_CODES, TotpSeed, recovery_codes, recovery_hash};
pub use user::{
    NewUser, Privileges, User, access_set, email_verify, password_change, password_recover, password_set,
    superuser_exists, user_by_login, user_create, user_get, user_with_password, username_free,
};

/// Identity's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration { room: "identity", number: 1, name: "identity", sql: include_str!("../migrations/0001_identity.sql") },
    Migration { room: "identity", number: 2, name: "people", sql: include_str!("../migrations/0002_people.sql") },
    Migration { room: "identity", number: 3, name: "rate", sql: include_str!("../migrations/0003_rate.sql") },
    Migration { room: "identity", number: 4, name: "ways_in", sql: include_str!("../migrations/0004_ways_in.sql") },
    Migration { room: "identity", number: 5, name: "maker", sql: include_str!("../migrations/0005_maker.sql") },
];
