//! /api/operators/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    Caller, Fields, IdempotencyKey, JsonBody, ListQuery, Once, PathId, Problem, QueryPairs, Repeatable, Rows, Rule,
    fingerprint, json, listed,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sellers::internal;
use super::{ALL_ROWS, answer, subject};
use crate::Charge;
use crate::catalog::parse_prefix;
use crate::domain::{OperatorRow, Settings};
use crate::service::{operator_get, operator_put};
use crate::store::operator::operators_list;

/// Prefixes of one operator, at most.
const MOST_PREFIXES: usize = 500;

/// Whose numbers are sold to.
#[derive(Serialize, ToSchema)]
pub(super) struct OperatorJson {
    id: Uuid,
    name: String,
    /// With what its numbers begin, with spaces between.
    #[schema(example = "+919810 +919811")]
    prefixes: String,
    /// active or stopped.
    status: &'static str,
}

impl From<OperatorRow> for OperatorJson {
    fn from(operator: OperatorRow) -> Self {
        OperatorJson {
            id: operator.id,
            name: operator.name,
            prefixes: operator.prefixes.join(" "),
            status: status(operator.is_active),
        }
    }
}

/// What an operator is made or changed with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_fields` reads")]
pub(super) struct OperatorFields {
    /// 1 to 100 characters; no two operators share one.
    name: String,
    /// With spaces between; with a +, or of the configured country.
    #[schema(example = "9810 +919811")]
    prefixes: String,
    /// active or stopped; as it was where it is not sent.
    status: Option<String>,
}

pub(super) fn status(is_active: bool) -> &'static str {
    if is_active { "active" } else { "stopped" }
}

/// Whether something is sold, where that was sent.
pub(super) fn read_status(fields: &mut Fields<'_>) -> Option<bool> {
    fields.parsed("status", |text| match text {
        "active" => Ok(true),
        "stopped" => Ok(false),
        _ => Err(Rule::new("unknown_value", "be active or stopped")),
    })
}

/// The name and the prefixes, both required.
pub(crate) fn read_fields(fields: &mut Fields<'_>, settings: &Settings) -> Option<(String, Vec<String>)> {
    let name = fields.line("name", 1, 100);
    let name = fields.required("name", name);
    let prefixes = fields.parsed("prefixes", |text| {
        let mut prefixes = Vec::new();
        for prefix in text.split([' ', ',', ';', '\t', '\n', '\r']).filter(|prefix| !prefix.is_empty()) {
            prefixes.push(parse_prefix(prefix, settings.country)?);
        }
        prefixes.sort();
        prefixes.dedup();
        if prefixes.len() > MOST_PREFIXES {
            return Err(Rule::new("too_long", format!("be at most {MOST_PREFIXES} prefixes")));
        }
        Ok(prefixes)
    });
    let prefixes = fields.required("prefixes", prefixes);
    name.zip(prefixes)
}

/// List operators, newest first.
#[utoipa::path(get, path = "/api/operators/", tag = "charge: operators", params(
    ("limit" = inline(Option<Rows<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<OperatorJson>)))]
pub(super) async fn operator_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = ListQuery::read(&mut fields, ALL_ROWS);
    fields.finish(Some(()))?;
    let (before, limit) = (list.before, list.fetch());
    let operators = charge.context.store.read(move |tx| operators_list(tx, before, limit)).await.map_err(internal)?;
    let rows: Vec<OperatorJson> = operators.into_iter().map(OperatorJson::from).collect();
    Ok(listed(&uri, list, rows, |row| row.id))
}

/// Make an operator. Sales to its numbers are refused until it has a product that fits the amount.
#[utoipa::path(post, path = "/api/operators/", tag = "charge: operators", request_body = OperatorFields,
    responses((status = 201, body = OperatorJson)))]
pub(super) async fn operator_create(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(&["id"]);
    let is_active = read_status(&mut fields).unwrap_or(true);
    let read = read_fields(&mut fields, &charge.settings);
    let (name, prefixes) = fields.finish(read)?;
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.operator.create", "", &body.0));
    let mut doer = caller.doer(&charge.context);
    let operator = OperatorRow { id: doer.fresh_id(), name, is_active, prefixes };
    let made = charge.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            operator_put(tx, doer.now, &operator)?;
            let after = OperatorJson::from(operator.clone());
            read_only.check_new(&after)?;
            doer.clone().record_change(
                tx,
                "charge.operators.create",
                &subject("operators", operator.id),
                &(),
                &after,
            )?;
            answer(&after).map_err(Problem::from)
        })
    });
    Ok(made.await?.into_response(StatusCode::CREATED))
}

/// Read an operator.
#[utoipa::path(get, path = "/api/operators/{id}/", tag = "charge: operators",
    params(("id" = Uuid, Path)), responses((status = 200, body = OperatorJson)))]
pub(super) async fn operator_read(State(charge): State<Arc<Charge>>, PathId(id): PathId) -> Result<Response, Problem> {
    let operator = charge.context.store.read(move |tx| operator_get(tx, id)).await?;
    Ok(json(StatusCode::OK, &OperatorJson::from(operator)))
}

/// Replace an operator's fields. One that is stopped sells nothing.
#[utoipa::path(put, path = "/api/operators/{id}/", tag = "charge: operators", request_body = OperatorFields,
    params(("id" = Uuid, Path)), responses((status = 200, body = OperatorJson)))]
pub(super) async fn operator_replace(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(&["id"]);
    let is_active = read_status(&mut fields);
    let read = read_fields(&mut fields, &charge.settings);
    let (name, prefixes) = fields.finish(read)?;
    let doer = caller.doer(&charge.context);
    let changed = charge.context.store.write(move |tx| {
        let known = operator_get(tx, id)?;
        read_only.check(&OperatorJson::from(known.clone()))?;
        let is_active = is_active.unwrap_or(known.is_active);
        let operator = OperatorRow { id, name: name.clone(), is_active, prefixes: prefixes.clone() };
        operator_put(tx, doer.now, &operator)?;
        let (before, after) = (OperatorJson::from(known), OperatorJson::from(operator));
        doer.clone().record_change(tx, "charge.operators.edit", &subject("operators", id), &before, &after)?;
        Ok::<_, Problem>(after)
    });
    Ok(json(StatusCode::OK, &changed.await?))
}
