//! What an app is, and everything it is written with.
//!
//! An [`App`] is a plain struct: its name, tables, routes, jobs, schedules and permissions. It is built from an
//! [`AppContext`], the house it lives in: the store, the clock, fresh ids, the outbox.
//!
//! At the HTTP edge an app reads its input with [`Fields`] (every mistake at once, by name), learns who asks from the
//! [`Principal`], and answers with JSON or with a [`Problem`], the one error there is.

mod app;
mod body;
pub mod code;
mod command;
pub mod console;
mod context;
mod day;
mod fields;
mod fixed_setting;
mod idempotency;
mod ids;
mod json;
mod list;
pub mod portal;
mod principal;
mod problem;
mod read_only;
mod reference;
mod refusals;
mod refused_calls;
mod rights;
mod routes;
pub mod spreadsheet;
mod upload;

pub use app::{App, DemoFuture, Scope};
pub use body::{BodyTooSlow, JsonBody, OptionalBody, PathId, PathText, QueryPairs, body_bytes};
pub use code::Code;
pub use command::{
    AnyCommand, AppState, ApplyFn, AuditSnapshot, BatchApplyFn, BatchCommand, BatchPlanFn, CheckFn, ChoicesFn, Command,
    CommandCounts, CommandLabels, CommandRequest, CommandSpec, Commands, DefaultsFn, DescribeFn, Effect, FieldSet,
    Form, FormField, Hooks, ItemResults, LockFn, MissingAuth, Noun, PlanFn, REAUTH_AT_MOST, REAUTH_LASTS, RecordsFn,
    RequestContext, TypedCommand, changes, command, invoke, missing_auth, missing_reauth, reauth_extend,
};
pub use context::{AppContext, Services};
pub use day::Day;
pub use fields::{Fields, Rule, parse_email, parse_line};
pub use fixed_setting::{FixedSetting, StoredSettingFn};
pub use idempotency::{IdempotencyKey, IdempotentRequest, IdempotentResponse, fingerprint};
pub use ids::Ids;
pub use json::{Decimal, Time, json, json_text};
pub use list::{PageQuery, list_response, next_link, paged};
pub use principal::{
    ClientAddress, KeyCache, Principal, actor_name, authenticate, cookie, session_cookie, session_presented,
};
pub use problem::{FieldError, Problem};
pub use read_only::ReadOnly;
pub use reference::{NumberFormat, parse_reference, reference_as_number, reference_form, reference_form_labeled};
pub use refusals::{PROBLEM_SCHEMA, Refusals, RowLimit, RowLimitFromOne, problem_schema};
pub use refused_calls::RefusedCalls;
pub use rights::{GrantedScopes, Rights};
pub use routes::{Access, RouteInfo, Routes};
pub use upload::{Upload, file_problem, file_response, upload_receive};

/// The most bytes of a request's body, unless a route says otherwise: 64 KiB.
pub const BODY_LIMIT: usize = 65_536;
