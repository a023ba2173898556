//! A command: everything that a person or a program may change, declared once.
//!
//! ```text
//! form    typed fields, each once: name, label, help, kind, bounds
//! plan    (&ReadTx, &RequestContext, target, input) -> what it will do: every rule, no write
//! apply   (&mut WriteTx, &mut RequestContext, plan) -> what it has done
//! will    the plans in words        did    what was done in words
//! ```
//!
//! A preview is the plans, shown. Running is plan, then apply, in one transaction. Every door is made from the
//! declaration: the console's page, the portal's, the JSON route, the command line. The runner writes the audit record
//! for all of them, so no command can be run without one.

mod audit;
mod declaration;
mod erased;
mod form;
mod http;
mod invoke;
mod observe;
mod reauth;
mod route;
mod run;
mod schema;
mod spec;

pub use crate::console::RequestContext;
pub use audit::{AuditSnapshot, changes};
pub use declaration::{
    AppState, ApplyFn, BatchApplyFn, BatchCommand, BatchPlanFn, CheckFn, ChoicesFn, Command, DefaultsFn, DescribeFn,
    Hooks, LockFn, Noun, PlanFn, RecordsFn,
};
pub use erased::{AnyCommand, Commands, command};
pub use form::{FieldSet, Form, FormField};
pub use http::CommandRequest;
pub use invoke::invoke;
pub use observe::{CommandCounts, CommandLabels};
pub use reauth::{MissingAuth, REAUTH_AT_MOST, REAUTH_LASTS, missing_auth, missing_reauth, reauth_extend};
pub(crate) use route::{on_none, on_one};
pub use run::{ItemResults, TypedCommand};
pub(crate) use schema::{body_of, operation};
pub use spec::{CommandSpec, Effect};
