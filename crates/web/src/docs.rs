//! The API's description, and the page that shows it.
//!
//! The page is made once, at start, from the same description that programs read, so neither can be behind the other.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Bytes;
use axum::handler::Handler;
use axum::http::header;
use purser_kit::{Code, PROBLEM_SCHEMA, code, problem_schema};
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, Ref, RefOr, Response};

use crate::pages::Shell;
use crate::site::SiteOptions;

/// The type of refusals.
const PROBLEM_KIND: &str = "application/problem+json";

const DESCRIPTION: &str = "Keeps other people's money, credits, coins and meals in order.\n\n\
    Amounts are exact decimals: send `100`, `100.00` or `\"100.00\"`. A refusal is `application/problem+json` with a stable \
    `code` (/api/docs/errors): each operation lists those that it can answer; any address answers `invalid_host` and \
    `method_not_allowed`. Where money moves, an `Idempotency-Key` makes a repeat safe. Lists are newest first; the \
    next page's address is in the `Link` header. Every path answers with and without its trailing slash.";

/// Completes what the routes say of themselves.
pub(crate) fn openapi(mut described: OpenApi, options: &SiteOptions) -> OpenApi {
    described.info = Info::new("Purser", options.version);
    described.info.description = Some(DESCRIPTION.to_owned());
    let components = described.components.get_or_insert_with(Components::new);
    components.schemas.insert(PROBLEM_SCHEMA.to_owned(), RefOr::T(problem_schema()));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("pk_…");
    components.add_security_scheme("api_key", SecurityScheme::Http(bearer.build()));
    let about = format!("Under https the cookie is called `{}`.", purser_kit::session_cookie(true));
    let session = ApiKey::Cookie(ApiKeyValue::with_description(purser_kit::session_cookie(false).to_owned(), about));
    components.add_security_scheme("session", SecurityScheme::ApiKey(session));
    for item in described.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for response in operations.into_iter().flatten().flat_map(|one| one.responses.responses.iter_mut()) {
            share(response, &mut components.responses);
        }
    }
    described
}

/// Refusals that many operations have in common are written once, under their status and codes.
fn share((status, response): (&String, &mut RefOr<Response>), shared: &mut BTreeMap<String, RefOr<Response>>) {
    let RefOr::T(own) = &*response else { return };
    if !own.content.contains_key(PROBLEM_KIND) {
        return;
    }
    let codes = own.description.split('`').skip(1).step_by(2);
    let name = [status.as_str()].into_iter().chain(codes).collect::<Vec<_>>().join(".");
    let reference = RefOr::Ref(Ref::from_response_name(&name));
    shared.entry(name).or_insert_with(|| std::mem::replace(response, reference.clone()));
    *response = reference;
}

/// The description as the file docs/openapi.json keeps it.
#[must_use]
pub fn openapi_json(openapi: &OpenApi) -> String {
    // The description is made of strings, numbers and maps with string keys: it always serializes.
    openapi.to_pretty_json().unwrap_or_default() + "\n"
}

/// Serves a ready page.
pub(crate) fn page(html: &Bytes) -> impl Handler<((),), ()> {
    ready("text/html; charset=utf-8", html)
}

/// Serves a ready JSON file.
pub(crate) fn json(text: &Bytes) -> impl Handler<((),), ()> {
    ready("application/json", text)
}

fn ready(kind: &'static str, body: &Bytes) -> impl Handler<((),), ()> {
    let body = body.clone();
    move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, kind)], body) }
    }
}

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage<'a> {
    shell: Shell,
    tables: Vec<(&'a str, &'a [&'static Code])>,
}

/// What every code means; problems' `type` points here.
pub(crate) fn errors_page(apps: &[(&str, &'static [&'static Code])], _: &SiteOptions) -> String {
    let mut tables: Vec<(&str, &[&'static Code])> = vec![("The platform", code::PLATFORM)];
    tables.extend(apps.iter().filter(|(_, codes)| !codes.is_empty()).map(|(title, codes)| (*title, *codes)));
    rendered(&ErrorsPage { shell: Shell::new("Error codes", None), tables })
}

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage {
    shell: Shell,
    introduction: Vec<Prose>,
    groups: Vec<OperationGroup>,
}

/// A paragraph: its pieces, and whether each is code.
type Prose = Vec<(bool, String)>;

/// Reads the only markup that descriptions use, `code` between back quotes.
fn prose(paragraph: &str) -> Prose {
    paragraph.split('`').enumerate().map(|(index, piece)| (index % 2 == 1, piece.to_owned())).collect()
}

/// The operations of one tag.
struct OperationGroup {
    title: String,
    operations: Vec<Operation>,
}

/// One route.
struct Operation {
    anchor: String,
    method: String,
    path: String,
    summary: String,
    description: Vec<Prose>,
    parameters: Vec<Field>,
    request: Vec<Field>,
    response: Vec<Field>,
    /// A status, and the codes that are answered with it.
    refusals: Vec<(String, Vec<String>)>,
    curl: String,
}

/// A parameter or a member of a body.
struct Field {
    name: String,
    kind: String,
    required: bool,
    description: String,
}

/// The page at /api/docs.
pub(crate) fn reference_page(openapi: &OpenApi, options: &SiteOptions) -> String {
    let value = serde_json::to_value(openapi).unwrap_or_default();
    let base = options.app_url.as_deref().unwrap_or("http://127.0.0.1:8080").trim_end_matches('/');
    let introduction = DESCRIPTION.split("\n\n").map(prose).collect();
    rendered(&ReferencePage { shell: Shell::new("API reference", None), introduction, groups: groups(&value, base) })
}

fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page cannot be rendered");
        String::new()
    })
}

/// Operations by tag, tags in the order of their names, the platform's last.
fn groups(openapi: &Value, base: &str) -> Vec<OperationGroup> {
    let mut groups: Vec<OperationGroup> = Vec::new();
    for (path, item) in openapi["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let title = text(&operation["tags"][0]);
            let read = read_operation(openapi, base, path, method, operation);
            match groups.iter_mut().find(|group| group.title == title) {
                Some(group) => group.operations.push(read),
                None => groups.push(OperationGroup { title, operations: vec![read] }),
            }
        }
    }
    groups.sort_by_key(|group| (group.title == "platform", group.title.clone()));
    groups
}

fn read_operation(openapi: &Value, base: &str, path: &str, method: &str, operation: &Value) -> Operation {
    let request = &operation["requestBody"]["content"]["application/json"]["schema"];
    let responses = operation["responses"].as_object();
    let response = responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
    let response = response.map_or(&Value::Null, |(_, response)| &response["content"]["application/json"]["schema"]);
    let request_fields = fields(openapi, request);
    Operation {
        anchor: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]).trim_end_matches('.').to_owned(),
        description: text(&operation["description"]).split("\n\n").filter(|text| !text.is_empty()).map(prose).collect(),
        parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        curl: curl(base, method, path, operation, &request_fields),
        request: request_fields,
        response: fields(openapi, response),
        refusals: responses.into_iter().flatten().filter_map(|response| refusal(openapi, response)).collect(),
    }
}

/// The codes of one status, where it is a refusal.
fn refusal(openapi: &Value, (status, response): (&String, &Value)) -> Option<(String, Vec<String>)> {
    let name = response["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/responses/"));
    let response = name.map_or(response, |name| &openapi["components"]["responses"][name]);
    let parts = response["content"][PROBLEM_KIND]["schema"]["allOf"].as_array()?;
    let codes = parts.iter().find_map(|part| part["properties"]["code"]["enum"].as_array())?;
    Some((status.clone(), codes.iter().map(text).collect()))
}

fn parameter(parameter: &Value) -> Field {
    Field {
        name: text(&parameter["name"]),
        kind: text(&parameter["in"]),
        required: parameter["required"] == true,
        description: text(&parameter["description"]),
    }
}

/// The members of a schema: of the object it names, or of each element of the list it is.
fn fields(openapi: &Value, schema: &Value) -> Vec<Field> {
    let schema = if schema["type"] == "array" { &schema["items"] } else { schema };
    let schema = resolved(openapi, schema);
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.into_iter().flatten().any(|field| field == name);
    let members = schema["properties"].as_object().into_iter().flatten();
    members
        .map(|(name, member)| {
            let own = resolved(openapi, member);
            let description = text(&member["description"]);
            Field {
                name: name.clone(),
                kind: kind(openapi, own),
                required: is_required(name),
                description: if description.is_empty() { text(&own["description"]) } else { description },
            }
        })
        .collect()
}

/// Follows a reference, by itself or as one of two with null.
fn resolved<'a>(openapi: &'a Value, schema: &'a Value) -> &'a Value {
    let choice = schema["oneOf"].as_array().and_then(|of| of.iter().find(|one| one["type"] != "null"));
    let schema = choice.unwrap_or(schema);
    match schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/")) {
        Some(name) => &openapi["components"]["schemas"][name],
        None => schema,
    }
}

fn kind(openapi: &Value, schema: &Value) -> String {
    let of = &schema["type"];
    let name = of.as_str().or_else(|| of[0].as_str()).unwrap_or("object");
    if name == "array" {
        return format!("list of {}", kind(openapi, resolved(openapi, &schema["items"])));
    }
    match schema["format"].as_str() {
        Some(format) => format!("{name} ({format})"),
        None => name.to_owned(),
    }
}

/// A line to paste: `$PURSER_KEY` holds the key, `$ID` what the path wants.
fn curl(base: &str, method: &str, path: &str, operation: &Value, request: &[Field]) -> String {
    let path = path.replace("{id}", "$ID").replace("{client_ref}", "$CLIENT_REF");
    let mut line = format!("curl -s -X {} \"{base}{path}\"", method.to_uppercase());
    if operation["security"].as_array().is_some_and(|security| !security.is_empty()) {
        line.push_str(" \\\n  -H \"Authorization: Bearer $PURSER_KEY\"");
    }
    if !request.is_empty() {
        let members = request.iter().filter(|field| field.required).map(example).collect::<Vec<_>>();
        line.push_str(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{");
        line.push_str(&members.join(", "));
        line.push_str("}'");
    }
    line
}

fn example(field: &Field) -> String {
    let value = match (field.name.as_str(), field.kind.as_str()) {
        (_, kind) if kind.starts_with("number") => "100.00",
        ("phone_number" | "number" | "phone", _) => "\"1234567890\"",
        ("outcome" | "status", _) => "\"completed\"",
        (_, "string (uuid)") => "\"0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f\"",
        _ => "\"…\"",
    };
    format!("\"{}\": {value}", field.name)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
