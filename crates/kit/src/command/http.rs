//! A command over HTTP: what an adapter for a documented route needs to say.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_store::WriteTx;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::RequestContext;
use super::declaration::AppState;
use super::invoke::invoke;
use super::run::TypedCommand;
use super::spec::CommandSpec;
use crate::body::JsonBody;
use crate::context::AppContext;
use crate::fields::Fields;
use crate::idempotency::{IdempotencyKey, IdempotentRequest, IdempotentResponse, fingerprint};
use crate::json::json_text_of;
use crate::principal::Principal;
use crate::problem::Problem;

/// A request that runs a command: who asks, its key, and its body.
#[derive(Debug)]
pub struct CommandRequest {
    principal: Principal,
    key: IdempotencyKey,
    body: JsonBody,
}

impl<S: Sync> FromRequest<S> for CommandRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, state).await?;
        let key = IdempotencyKey::from_request_parts(&mut parts, state).await?;
        let body = JsonBody::from_request(Request::from_parts(parts, body), state).await?;
        Ok(CommandRequest { principal, key, body })
    }
}

impl CommandRequest {
    /// The body's fields; of a body that may be left out, none.
    ///
    /// # Errors
    /// `MALFORMED_BODY`.
    pub fn fields(&self, may_be_empty: bool) -> Result<Fields<'_>, Problem> {
        if may_be_empty { self.body.optional_fields() } else { self.body.fields() }
    }

    /// Who asks, with the moment and fresh ids.
    pub(super) fn context(&self, context: &AppContext) -> RequestContext {
        self.principal.request_context(context).bound_to(self.principal.binding().cloned())
    }

    /// The body; one that was left out is an object without fields.
    pub(super) fn body(&self) -> Bytes {
        let text = self.body.0.trim_ascii();
        if text.is_empty() || text == b"null" { Bytes::from_static(b"{}") } else { self.body.0.clone() }
    }

    /// What may be done once, where the request has a key.
    pub(super) fn idempotency(&self, spec: &CommandSpec, id: Option<Uuid>) -> Option<IdempotentRequest> {
        let subject = id.map_or_else(String::new, |id| id.to_string());
        IdempotentRequest::new(&self.principal, self.key.clone(), fingerprint(spec.name, &subject, &self.body.0))
    }

    /// Runs a command on one object with the body's fields, and answers with what `answer` makes of it, read in the same
    /// transaction.
    ///
    /// # Errors
    /// Mistakes of the body; the command's refusal; the store's.
    pub async fn run<S: AppState, C: TypedCommand<S>, T: Serialize + 'static>(
        self,
        app: &Arc<S>,
        command: &'static C,
        id: Uuid,
        answer: fn(&S, &mut WriteTx<'_>, C::Applied) -> Result<T, Problem>,
    ) -> Result<Response, Problem> {
        let form = command.form(app);
        let fields = self.fields(form.form_fields().iter().all(|field| !field.required))?;
        let entered = fields.on_record();
        let input = form.read(fields)?;
        self.run_with(app, command, Some(id), (input, entered), StatusCode::OK, answer).await
    }

    /// Runs a command that removes an object, and answers with what is left of it; with 204 where nothing is.
    ///
    /// # Errors
    /// The command's refusal; the store's.
    pub async fn remove<S: AppState, C: TypedCommand<S, Input = ()>, T: Serialize + 'static>(
        self,
        app: &Arc<S>,
        command: &'static C,
        id: Uuid,
        left: fn(C::Applied) -> Option<T>,
    ) -> Result<Response, Problem> {
        let left = move |_: &S, _: &mut WriteTx<'_>, applied| Ok(left(applied));
        let once = self.run_once(app, command, Some(id), ((), Map::new()), left).await?;
        let is_gone = once.answer == "null";
        Ok(if is_gone { StatusCode::NO_CONTENT.into_response() } else { once.into_response(StatusCode::OK) })
    }

    /// The same with input that the adapter has read itself, and what the audit log keeps of it. Without an id the
    /// command makes an object.
    ///
    /// # Errors
    /// The command's refusal; the store's.
    pub async fn run_with<S: AppState, C: TypedCommand<S>, T: Serialize + 'static>(
        self,
        app: &Arc<S>,
        command: &'static C,
        id: Option<Uuid>,
        (input, entered): (C::Input, Map<String, Value>),
        status: StatusCode,
        answer: impl Fn(&S, &mut WriteTx<'_>, C::Applied) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        Ok(self.run_once(app, command, id, (input, entered), answer).await?.into_response(status))
    }

    async fn run_once<S: AppState, C: TypedCommand<S>, T: Serialize + 'static>(
        self,
        app: &Arc<S>,
        command: &'static C,
        id: Option<Uuid>,
        (input, entered): (C::Input, Map<String, Value>),
        answer: impl Fn(&S, &mut WriteTx<'_>, C::Applied) -> Result<T, Problem> + Send + 'static,
    ) -> Result<IdempotentResponse, Problem> {
        let request = self.idempotency(command.spec(), id);
        let (context, app) = (app.context().clone(), Arc::clone(app));
        let cx = self.context(&context);
        invoke(&context, command.spec(), cx, request, move |tx, cx| {
            let (mut applied, _) = command.run(&app, tx, cx, id.as_slice(), &input, &entered)?.into_values();
            let applied = applied.pop().ok_or_else(|| Problem::internal("a command answered nothing"))?;
            json_text_of(&answer(&app, tx, applied)?)
        })
        .await
    }
}
