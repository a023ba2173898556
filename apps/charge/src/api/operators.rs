//! /api/operators/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{CommandRequest, Fields, PageQuery, PathId, Problem, QueryPairs, RowLimit, Rule, json, list_response};
use purser_store::WriteTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ALL_ROWS;
use super::sellers::internal;
use crate::Charge;
use crate::domain::OperatorRow;
use crate::operator::command::{OPERATOR_CREATE, OPERATOR_EDIT, OperatorEdit, OperatorForm};
use crate::service::operator_get;
use crate::store::operator::operators_list;

/// Whose numbers are sold to.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperatorJson {
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

/// List operators, newest first.
#[utoipa::path(get, path = "/api/operators/", tag = "charge: operators", params(
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<OperatorJson>)))]
pub(super) async fn operator_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    fields.finish(Some(()))?;
    let (before, limit) = (list.before, list.fetch());
    let operators = charge.context.store.read(move |tx| operators_list(tx, before, limit)).await.map_err(internal)?;
    let rows: Vec<OperatorJson> = operators.into_iter().map(OperatorJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// Make an operator. Sales to its numbers are refused until it has a product that fits the amount.
#[utoipa::path(post, path = "/api/operators/", tag = "charge: operators", responses((status = 201, body = OperatorJson)))]
pub(super) async fn operator_create(
    State(charge): State<Arc<Charge>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(&["id"]));
    let is_active = read_status(&mut fields);
    let input = OperatorForm { is_active, ..(OPERATOR_CREATE.form)(&charge).read(fields)? };
    let answer = move |_: &Charge, _: &mut WriteTx<'_>, operator| {
        let operator = OperatorJson::from(operator);
        read_only.check_new(&operator)?;
        Ok(operator)
    };
    request.run_with(&charge, &OPERATOR_CREATE, None, (input, entered), StatusCode::CREATED, answer).await
}

/// Read an operator.
#[utoipa::path(get, path = "/api/operators/{id}/", tag = "charge: operators",
    params(("id" = Uuid, Path)), responses((status = 200, body = OperatorJson)))]
pub(super) async fn operator_read(State(charge): State<Arc<Charge>>, PathId(id): PathId) -> Result<Response, Problem> {
    let operator = charge.context.store.read(move |tx| operator_get(tx, id)).await?;
    Ok(json(StatusCode::OK, &OperatorJson::from(operator)))
}

/// Replace an operator's fields. One that is stopped sells nothing.
#[utoipa::path(put, path = "/api/operators/{id}/", tag = "charge: operators", params(("id" = Uuid, Path)),
    responses((status = 200, body = OperatorJson)))]
pub(super) async fn operator_replace(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(&["id"]));
    let is_active = read_status(&mut fields);
    let input = OperatorForm { is_active, ..(OPERATOR_EDIT.form)(&charge).read(fields)? };
    let answer = move |_: &Charge, _: &mut WriteTx<'_>, OperatorEdit { before, after }| {
        read_only.check(&OperatorJson::from(before))?;
        Ok(OperatorJson::from(after))
    };
    request.run_with(&charge, &OPERATOR_EDIT, Some(id), (input, entered), StatusCode::OK, answer).await
}
