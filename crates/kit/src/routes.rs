//! Routes with their permissions: an API route cannot be added without saying who may use it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::PathItem;
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::caller::{Caller, authenticate};
use crate::problem::Problem;
use crate::refusals::{self, Refusals};
use crate::{AppContext, Code, code};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anybody. The route itself checks what it must (a signature, say).
    Nothing,
    /// A caller with this scope. A key that is tied to one object may use the route for that object.
    Scope(&'static str),
    /// A caller with this scope, or any person for what is their own: the route finds out what that is.
    Own(&'static str),
    /// A caller with this scope who is not tied to one object: staff work.
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
    pub needs: Needs,
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

    /// Adds what `routes!(handler)` made, for whoever `needs` allows. The handler finds its [`Caller`] as an extractor.
    #[must_use]
    pub fn add(mut self, needs: Needs, (schemas, mut paths, methods): UtoipaMethodRouter<S>) -> Self {
        let mut listed = Vec::new();
        for item in paths.paths.values_mut() {
            listed.extend(self.describe(needs, item));
        }
        let guard = Guard { context: self.context.clone(), needs, listed: listed.into() };
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
                operation.security = Some(needs.documented());
                if let Some(sentence) = needs.sentence() {
                    let text = operation.description.get_or_insert_default();
                    text.push_str(if text.is_empty() { "" } else { "\n\n" });
                    text.push_str(&sentence);
                }
                self.table.push(RouteInfo { method, path: path.clone(), needs });
            }
            if let Some(bare) = path.strip_suffix('/').filter(|bare| !bare.is_empty()) {
                self.router = self.router.route(bare, methods.clone());
            }
        }
        self.router = self.router.routes((schemas, paths, methods));
        self
    }

    /// Lists in an operation's description what it refuses, and says it.
    fn describe(&self, needs: Needs, item: &mut PathItem) -> Vec<&'static Code> {
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
            let mut codes = refusals::derived(&method, operation, needs, &self.context.rights);
            codes.extend(refusals::own(self.refusals, operation));
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

impl Needs {
    /// The scope that a caller has, unless it is about their own.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Needs::Nothing => None,
            Needs::Scope(scope) | Needs::Own(scope) | Needs::StaffScope(scope) => Some(scope),
        }
    }

    fn documented(self) -> Vec<SecurityRequirement> {
        match self {
            Needs::Nothing => Vec::new(),
            Needs::Scope(scope) | Needs::Own(scope) | Needs::StaffScope(scope) => {
                vec![SecurityRequirement::new("api_key", [scope]), SecurityRequirement::new("session", [scope])]
            }
        }
    }

    fn sentence(self) -> Option<String> {
        match self {
            Needs::Nothing => None,
            Needs::Scope(scope) => Some(format!("Needs the scope `{scope}`.")),
            Needs::Own(scope) => {
                Some(format!("Needs the scope `{scope}`, or the session of the person whose own it is."))
            }
            Needs::StaffScope(scope) => {
                Some(format!("Needs the scope `{scope}`; not for keys that are tied to one object."))
            }
        }
    }

    /// Whether this caller may use the route.
    fn allow(self, caller: &Caller) -> Result<(), Problem> {
        let (scope, staff) = match self {
            Needs::Nothing => return Ok(()),
            Needs::Own(_) if caller.person_id().is_some() => return Ok(()),
            Needs::Scope(scope) | Needs::Own(scope) => (scope, false),
            Needs::StaffScope(scope) => (scope, true),
        };
        if !caller.has(scope) {
            let detail = format!("This needs the scope {scope}, which {} does not have.", caller.described());
            return Err(Problem::new(&code::FORBIDDEN, detail));
        }
        if staff && caller.tie().is_some() {
            let detail = "This is staff work: a key that is tied to one object may not do it.";
            return Err(Problem::new(&code::FORBIDDEN, detail));
        }
        Ok(())
    }
}

impl Needs {
    /// A session alone, which may have been stolen, lets no money leave: its owner has proved lately who they are.
    fn proved(self, context: &AppContext, caller: &Caller) -> Result<(), Problem> {
        let (Needs::Scope(scope) | Needs::StaffScope(scope)) = self else { return Ok(()) };
        if !context.rights.approves(scope) || caller.is_proved(context.now()) {
            return Ok(());
        }
        let detail =
            "This lets money leave, and your last sign-in is older than 5 minutes. Sign in again, or send a key.";
        Err(Problem::new(&code::PROOF_NEEDED, detail))
    }
}

#[derive(Clone)]
struct Guard {
    context: AppContext,
    needs: Needs,
    /// The codes that the description lists.
    listed: Arc<[&'static Code]>,
}

async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if guard.needs != Needs::Nothing {
        let address = request.extensions().get().copied();
        match admitted(&guard, request.headers()).await {
            Ok(caller) => request.extensions_mut().insert(caller.at(address)),
            Err(problem) => return problem.into_response(),
        };
    }
    let response = next.run(request).await;
    if let Some(code) = response.extensions().get::<&'static Code>() {
        // Clients rely on the description: every test that meets a refusal is a test of it.
        debug_assert!(guard.listed.contains(code), "'{}' is not in the description: add it to REFUSALS", code.name);
    }
    response
}

async fn admitted(guard: &Guard, headers: &HeaderMap) -> Result<Caller, Problem> {
    let caller = authenticate(&guard.context, headers).await?;
    guard.needs.allow(&caller)?;
    guard.needs.proved(&guard.context, &caller)?;
    Ok(caller)
}
