//! What an app is, and everything it is written with.
//!
//! An [`App`] is a plain struct: its name, tables, routes, jobs, schedules and permissions. It is built from an
//! [`AppContext`], the house it lives in: the store, the clock, fresh ids, the outbox.
//!
//! At the HTTP edge an app reads its input with [`Fields`] (every mistake at once, by name), learns who asks from the
//! [`Caller`], and answers with JSON or with a [`Problem`], the one error there is.

mod app;
mod body;
mod caller;
pub mod code;
mod command;
pub mod console;
mod context;
mod day;
mod fields;
mod fixed;
mod ids;
mod json;
mod list;
mod once;
pub mod portal;
mod problem;
mod read_only;
mod reference;
mod refusals;
mod refused;
mod rights;
mod routes;
pub mod spreadsheet;
mod upload;

pub use app::{App, DemoFuture, Scope};
pub use body::{BodyTooSlow, JsonBody, OptionalBody, PathId, PathText, QueryPairs, body_bytes};
pub use caller::{Caller, ClientAddress, KeyRing, authenticate, called, cookie, session_cookie, session_presented};
pub use code::Code;
pub use command::{
    AboutFn, AnyCommand, AppState, ApplyFn, BatchApplyFn, BatchCommand, BatchPlanFn, CheckFn, ChoicesFn, Command,
    CommandCounts, CommandLabels, CommandRequest, CommandSpec, Commands, Declared, Effect, FieldSet, FillFn, Form,
    FormField, Hooks, Lacking, LockFn, Noun, PlanFn, REAUTH_AT_MOST, REAUTH_LASTS, Record, RecordsFn, RequestContext,
    Sorted, changes, command, decided, invoke, lacking, lacking_reauth,
};
pub use context::{AppContext, House};
pub use day::Day;
pub use fields::{Fields, Rule, parse_email, parse_line};
pub use fixed::{Fixed, StoredFn};
pub use ids::Ids;
pub use json::{Decimal, Time, json, json_text};
pub use list::{ListQuery, listed, next_link, paged};
pub use once::{IdempotencyKey, Once, Repeatable, fingerprint};
pub use problem::{FieldError, Problem};
pub use read_only::ReadOnly;
pub use reference::{NumberFormat, parse_reference, reference_as_number, reference_form, reference_form_labeled};
pub use refusals::{PROBLEM_SCHEMA, Refusals, Rows, RowsFromOne, problem_schema};
pub use refused::RefusedCalls;
pub use rights::{Granted, Rights};
pub use routes::{Needs, RouteInfo, Routes};
pub use upload::{Upload, file_problem, file_response, upload_receive};

/// The most bytes of a request's body, unless a route says otherwise: 64 KiB.
pub const BODY_LIMIT: usize = 65_536;
