//! What an operation refuses, as its description lists it: what follows from its own shape and from who may use it, and
//! the codes of its own rules.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::json;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::code::{self, Code};
use crate::routes::Access;

/// The name of a problem's schema among the components.
pub const PROBLEM_SCHEMA: &str = "Problem";

/// The codes of operations' own rules, by the operation's name, which is its handler's.
pub type Refusals = &'static [(&'static str, &'static [&'static Code])];

/// The codes that follow from an operation's method, its parameters, its body, and who may use it.
pub(crate) fn derived(
    method: &Method,
    operation: &Operation,
    access: Access,
    requires_reauth: bool,
) -> Vec<&'static Code> {
    let mut codes: Vec<&'static Code> = vec![&code::INTERNAL, &code::BUSY, &code::UNAVAILABLE, &code::STORAGE_DAMAGED];
    if access != Access::Public {
        codes.extend([&code::UNAUTHENTICATED, &code::FORBIDDEN]);
        if requires_reauth {
            codes.extend([&code::PROOF_NEEDED, &code::SECOND_FACTOR_NEEDED]);
        }
    }
    if *method != Method::GET {
        codes.extend([&code::CROSS_SITE, &code::STORAGE_FULL, &code::OUTCOME_UNKNOWN]);
    }
    // One that needs no body reads what comes all the same: a repeat under its key is told by it.
    if [Method::POST, Method::PUT, Method::PATCH].contains(method) {
        codes.extend([&code::MALFORMED_BODY, &code::INVALID_FIELDS, &code::REQUEST_TIMEOUT]);
        codes.extend([&code::BODY_TOO_LARGE, &code::UNSUPPORTED_MEDIA_TYPE]);
    }
    for parameter in operation.parameters.iter().flatten() {
        if let RefOr::T(parameter) = parameter {
            codes.extend(of_parameter(parameter));
        }
    }
    codes
}

fn of_parameter(parameter: &Parameter) -> Vec<&'static Code> {
    match parameter.parameter_in {
        ParameterIn::Path => vec![&code::NOT_FOUND],
        ParameterIn::Query | ParameterIn::QueryString => vec![&code::INVALID_QUERY],
        ParameterIn::Header if parameter.name.eq_ignore_ascii_case("Idempotency-Key") => {
            vec![&code::INVALID_IDEMPOTENCY_KEY, &code::IDEMPOTENCY_KEY_REUSED]
        }
        ParameterIn::Header | ParameterIn::Cookie => Vec::new(),
    }
}

/// The codes of an operation's own rules.
pub(crate) fn own(refusals: Refusals, operation: &Operation) -> impl Iterator<Item = &'static Code> {
    let name = operation.operation_id.clone().unwrap_or_default();
    refusals.iter().filter(move |(own, _)| *own == name).flat_map(|(_, codes)| codes.iter().copied())
}

/// Lists the codes in the operation's description, by their status.
pub(crate) fn describe(operation: &mut Operation, codes: &[&'static Code]) {
    let mut by_status: BTreeMap<u16, Vec<&'static Code>> = BTreeMap::new();
    for code in codes {
        let of_status = by_status.entry(code.status).or_default();
        if !of_status.contains(code) {
            of_status.push(code);
        }
    }
    for (status, mut codes) in by_status {
        codes.sort_unstable_by_key(|code| code.name);
        operation.responses.responses.insert(status.to_string(), RefOr::T(response(&codes)));
    }
}

fn response(codes: &[&'static Code]) -> utoipa::openapi::Response {
    let told: Vec<String> = codes.iter().map(|code| format!("`{}`: {}.", code.name, code.title)).collect();
    let names = codes.iter().map(|code| code.name);
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name(PROBLEM_SCHEMA))
        .item(ObjectBuilder::new().property("code", code));
    let content = Content::new(Some(Schema::AllOf(schema.build())));
    ResponseBuilder::new().description(told.join("\n\n")).content("application/problem+json", content).build()
}

/// A problem, as programs read it: [`Problem`](crate::Problem) writes it.
#[must_use]
pub fn problem_schema() -> Schema {
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let errors = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("What is wrong with each field: a list of objects with `code` and `message`, by its name."));
    let status = ObjectBuilder::new().schema_type(Type::Integer).description(Some("The HTTP status."));
    let success = ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Always false."));
    let object = ObjectBuilder::new()
        .property("type", text("Where the code is explained."))
        .required("type")
        .property("title", text("The kind of problem, the same every time."))
        .required("title")
        .property("status", status)
        .required("status")
        .property("detail", text("What is the matter this time, for people."))
        .required("detail")
        .property("code", text("A stable word, for programs."))
        .required("code")
        .property("errors", errors)
        .property("error", text("The same as `detail`."))
        .required("error")
        .property("success", success)
        .required("success");
    Schema::Object(object.build())
}

/// How many rows a list answers with: 1 to `MOST`, and `USUAL` where nothing is said.
#[derive(Debug)]
pub struct RowLimit<const MOST: u32, const USUAL: u32>;

impl<const MOST: u32, const USUAL: u32> PartialSchema for RowLimit<MOST, USUAL> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(i64::from(MOST)))
            .default(Some(json!(USUAL)))
            .into()
    }
}

impl<const MOST: u32, const USUAL: u32> ToSchema for RowLimit<MOST, USUAL> {}

/// The same for a list that answers with its most where more is asked for, and so refuses no number from 1 on.
#[derive(Debug)]
pub struct RowLimitFromOne<const USUAL: u32>;

impl<const USUAL: u32> PartialSchema for RowLimitFromOne<USUAL> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).default(Some(json!(USUAL))).into()
    }
}

impl<const USUAL: u32> ToSchema for RowLimitFromOne<USUAL> {}
