//! Routes with their permissions: an API route cannot be added without saying who may use it.

use std::sync::Arc;

use axum::extract::{OriginalUri, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use purser_identity::SecretHash;
use utoipa::openapi::PathItem;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{RefOr, Required};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::command::{
    AppState, CommandSpec, Commands, TypedCommand, body_of, missing_reauth, on_none, on_one, operation, reauth_extend,
};
use crate::console::{Field, Target};
use crate::principal::{ClientAddress, Principal, authenticate, has_token, token};
use crate::problem::Problem;
use crate::refusals::{self, Refusals};
use crate::refused_calls::{RefusedCall, RefusedCalls};
use crate::{AppContext, Code, code};

/// The header that makes a request happen once.
const HEADER_NAME: &str = "Idempotency-Key";

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody. The route itself checks what it must (a signature, say).
    Public,
    /// A caller with this scope. A key that is bound to one object may use the route for that object.
    Scope(&'static str),
    /// A caller with this scope, or any person for what is their own: the route finds out what that is.
    OwnResource(&'static str),
    /// A caller with this scope who is not bound to one object: staff work.
    StaffScope(&'static str),
}

/// A route as the tests and the documentation see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// Its method.
    pub method: Method,
    /// Its path, with its trailing slash and `{parameters}`. It answers without the slash too.
    pub path: String,
    /// Who may use it.
    pub access: Access,
    /// What it does, where it changes something.
    pub command: Option<&'static CommandSpec>,
}

/// An app's API: its router, its documentation, and the table of who may use what.
pub struct Routes<S = ()> {
    context: AppContext,
    router: OpenApiRouter<S>,
    table: Vec<RouteInfo>,
    refusals: Refusals,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub fn new(context: &AppContext) -> Self {
        Routes { context: context.clone(), router: OpenApiRouter::default(), table: Vec::new(), refusals: &[] }
    }

    /// What the operations that are added from now on refuse by rules of their own.
    #[must_use]
    pub fn refusing(self, refusals: Refusals) -> Self {
        Routes { refusals, ..self }
    }

    /// Adds what `routes!(handler)` made, for whoever `needs` allows. The handler finds its [`Principal`] as an extractor.
    /// This is for routes that change nothing. One that changes something is a [`command`](Self::command); added here it
    /// asks sessions for a reauthentication, because nobody said that it need not.
    #[must_use]
    pub fn add(self, access: Access, route: UtoipaMethodRouter<S>) -> Self {
        self.route(access, None, route)
    }

    /// Adds a route that runs `command`: for callers with its scope, as `access` has it ([`Access::Scope`],
    /// [`Access::OwnResource`] or [`Access::StaffScope`]), and with a reauthentication where the command requires one.
    #[must_use]
    pub fn command(
        self,
        access: fn(&'static str) -> Access,
        command: &'static CommandSpec,
        route: UtoipaMethodRouter<S>,
    ) -> Self {
        self.route(access(command.scope), Some(command), route)
    }

    /// Adds a documented route that runs a declared command: its body is described by the command's form.
    #[must_use]
    pub fn adapter<A: AppState>(
        self,
        access: fn(&'static str) -> Access,
        app: &A,
        command: &'static impl TypedCommand<A>,
        (schemas, paths, methods): UtoipaMethodRouter<S>,
    ) -> Self {
        self.described(access, command.spec(), command.form(app).form_fields(), (schemas, paths, methods))
    }

    /// The same with these fields, where the documented body has others than the command's form.
    #[must_use]
    pub fn described(
        self,
        access: fn(&'static str) -> Access,
        command: &'static CommandSpec,
        fields: &[Field],
        (schemas, mut paths, methods): UtoipaMethodRouter<S>,
    ) -> Self {
        let body = body_of(fields).map(RefOr::T);
        for item in paths.paths.values_mut() {
            let operations = [&mut item.post, &mut item.put, &mut item.patch];
            for operation in operations.into_iter().flatten().filter(|operation| operation.request_body.is_none()) {
                operation.request_body.clone_from(&body);
            }
        }
        self.command(access, command, (schemas, paths, methods))
    }

    /// Adds a route for each of these commands of `noun` that has no documented one at its path: staff do by key what the
    /// console does. `codes` are what the app may refuse.
    #[must_use]
    pub fn commands(mut self, app: &str, noun: &str, commands: &Commands, codes: &'static [&'static Code]) -> Self {
        for command in commands.iter() {
            let (spec, fields) = (command.spec(), command.form_fields());
            let mut routes = Vec::new();
            if spec.target != Target::Nothing {
                routes.push((format!("/api/{app}/{noun}/{{id}}/{}/", spec.verb()), true));
            }
            if spec.target != Target::One {
                routes.push((format!("/api/{app}/{noun}/{}/", spec.verb()), false));
            }
            for (path, one) in routes {
                if self.table.iter().any(|route| route.path == path) {
                    continue;
                }
                let methods = if one { on_one(&self.context, command) } else { on_none(&self.context, command) };
                let route = (Vec::new(), operation(spec, app, &path, one, &fields), methods);
                self = self.route_refusing(Access::StaffScope(spec.scope), Some(spec), route, codes);
            }
        }
        self
    }

    fn route(self, access: Access, command: Option<&'static CommandSpec>, route: UtoipaMethodRouter<S>) -> Self {
        self.route_refusing(access, command, route, &[])
    }

    fn route_refusing(
        mut self,
        access: Access,
        command: Option<&'static CommandSpec>,
        (schemas, mut paths, methods): UtoipaMethodRouter<S>,
        codes: &'static [&'static Code],
    ) -> Self {
        let mut listed = Vec::new();
        for item in paths.paths.values_mut() {
            listed.extend(self.describe(access, command, item, codes));
        }
        let guard = Guard { context: self.context.clone(), access, command, listed: listed.into() };
        let methods = methods.layer(middleware::from_fn_with_state(guard, check));
        for (path, item) in &mut paths.paths {
            let operations = [
                (Method::GET, &mut item.get),
                (Method::POST, &mut item.post),
                (Method::PUT, &mut item.put),
                (Method::PATCH, &mut item.patch),
                (Method::DELETE, &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                operation.security = Some(access.documented());
                if let Some(sentence) = access.sentence() {
                    let text = operation.description.get_or_insert_default();
                    text.push_str(if text.is_empty() { "" } else { "\n\n" });
                    text.push_str(&sentence);
                }
                self.table.push(RouteInfo { method, path: path.clone(), access, command });
            }
            if let Some(bare) = path.strip_suffix('/').filter(|bare| !bare.is_empty()) {
                self.router = self.router.route(bare, methods.clone());
            }
        }
        self.router = self.router.routes((schemas, paths, methods));
        self
    }

    /// Lists in an operation's description what it refuses, and says it.
    fn describe(
        &self,
        access: Access,
        command: Option<&'static CommandSpec>,
        item: &mut PathItem,
        more: &'static [&'static Code],
    ) -> Vec<&'static Code> {
        let mut listed = Vec::new();
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            if method == Method::POST && command.is_some() {
                document_key(operation);
            }
            let mut codes = refusals::derived(&method, operation, access, requires_reauth(command, &method));
            codes.extend(refusals::own(self.refusals, operation));
            codes.extend(more);
            refusals::describe(operation, &codes);
            listed.extend(codes);
        }
        listed
    }

    /// The finished routes, with the state that their handlers share.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes<()> {
        Routes { context: self.context, router: self.router.with_state(state), table: self.table, refusals: &[] }
    }
}

impl Routes<()> {
    /// Puts another app's routes beside these.
    #[must_use]
    pub fn merge(mut self, other: Routes<()>) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// The router with its documentation, and the table.
    #[must_use]
    pub fn into_parts(self) -> (OpenApiRouter<()>, Vec<RouteInfo>) {
        (self.router, self.table)
    }
}

impl Access {
    fn documented(self) -> Vec<SecurityRequirement> {
        match self {
            Access::Public => Vec::new(),
            Access::Scope(scope) | Access::OwnResource(scope) | Access::StaffScope(scope) => {
                vec![SecurityRequirement::new("api_key", [scope]), SecurityRequirement::new("session", [scope])]
            }
        }
    }

    fn sentence(self) -> Option<String> {
        match self {
            Access::Public => None,
            Access::Scope(scope) => Some(format!("Needs the scope `{scope}`.")),
            Access::OwnResource(scope) => {
                Some(format!("Needs the scope `{scope}`, or the session of the person whose own it is."))
            }
            Access::StaffScope(scope) => {
                Some(format!("Needs the scope `{scope}`; not for keys that are tied to one object."))
            }
        }
    }

    /// Whether this caller finds only what is their own here: of others' objects there are none for them.
    fn bounds(self, principal: &Principal) -> bool {
        let own = matches!(self, Access::OwnResource(scope) if !principal.has(scope));
        own || principal.binding().is_some()
    }

    /// Whether this caller may use the route.
    fn allow(self, principal: &Principal) -> Result<(), Problem> {
        let (scope, staff) = match self {
            Access::Public => return Ok(()),
            Access::OwnResource(_) if principal.person_id().is_some() => return Ok(()),
            Access::Scope(scope) | Access::OwnResource(scope) => (scope, false),
            Access::StaffScope(scope) => (scope, true),
        };
        if !principal.has(scope) {
            let detail = format!("This needs the scope {scope}, which {} does not have.", principal.described());
            return Err(Problem::new(&code::FORBIDDEN, detail));
        }
        if staff && principal.binding().is_some() {
            let detail = "This is staff work: a key that is tied to one object may not do it.";
            return Err(Problem::new(&code::FORBIDDEN, detail));
        }
        Ok(())
    }
}

/// Every POST that runs a command takes an Idempotency-Key, so the description says so of all of them.
fn document_key(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    if parameters.iter().any(|known| matches!(known, RefOr::T(known) if known.name == HEADER_NAME)) {
        return;
    }
    let text = "A repeat with the same key gets the first answer.";
    let header = ParameterBuilder::new().name(HEADER_NAME).parameter_in(ParameterIn::Header).required(Required::False);
    let words = ObjectBuilder::new().schema_type(Type::String);
    parameters.push(RefOr::T(header.description(Some(text)).schema(Some(words)).build()));
}

#[derive(Clone)]
struct Guard {
    context: AppContext,
    access: Access,
    command: Option<&'static CommandSpec>,
    /// The codes that the description lists.
    listed: Arc<[&'static Code]>,
}

impl Guard {
    /// The answer, once it is known to be one that the description lists: clients rely on it.
    fn listed(&self, response: Response) -> Response {
        if let Some(code) = response.extensions().get::<&'static Code>() {
            // Every test that meets a refusal is a test of the description.
            debug_assert!(self.listed.contains(code), "'{}' is not in the description: add it to REFUSALS", code.name);
        }
        response
    }
}

async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if guard.access == Access::Public {
        return guard.listed(next.run(request).await);
    }
    let address: Option<ClientAddress> = request.extensions().get().copied();
    let principal = match authenticate(&guard.context, request.headers()).await {
        Ok(principal) => principal.at(address),
        Err(problem) => {
            if problem.code() == &code::UNAUTHENTICATED && has_token(guard.context.https, request.headers()) {
                let token = token(request.headers());
                note(&guard.context, (None, token), address, &requested(&request), 401, problem.code().name);
            }
            return problem.into_response();
        }
    };
    let (asked, actor, bound) = (requested(&request), principal.actor().to_string(), guard.access.bounds(&principal));
    let response = match admitted(&guard, request.method(), &principal).await {
        Ok(()) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    // For a caller who is bound to an object, somebody else's is not found.
    let status = response.status();
    if status == StatusCode::FORBIDDEN || (status == StatusCode::NOT_FOUND && bound) {
        let code = response.extensions().get::<&'static Code>().map_or("", |code| code.name);
        note(&guard.context, (Some(actor), None), address, &asked, status.as_u16(), code);
    }
    guard.listed(response)
}

/// The method and the path of a request; never its query, which may have a secret in it.
fn requested(request: &Request) -> (Method, String) {
    let path = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().path(), |uri| uri.0.path());
    (request.method().clone(), path.to_owned())
}

fn note(
    context: &AppContext,
    (actor, token): (Option<String>, Option<SecretHash>),
    address: Option<ClientAddress>,
    (method, path): &(Method, String),
    status: u16,
    code: &'static str,
) {
    let address = address.map(|ClientAddress(address)| address.to_string());
    let (method, path) = (method.to_string(), path.clone());
    RefusedCalls::note(context, RefusedCall { actor, token, address, method, path, status, code });
}

/// Whether a session must have reauthenticated lately. A change that no command names asks for the most.
fn requires_reauth(command: Option<&'static CommandSpec>, method: &Method) -> bool {
    command.map_or(!method.is_safe(), CommandSpec::requires_reauth)
}

async fn admitted(guard: &Guard, method: &Method, principal: &Principal) -> Result<(), Problem> {
    guard.access.allow(principal)?;
    if requires_reauth(guard.command, method) {
        let now = guard.context.now();
        if let Some(lacking) = missing_reauth(&guard.context, principal, now).await? {
            return Err(lacking.problem());
        }
        reauth_extend(&guard.context, principal, now).await?;
    }
    Ok(())
}
