//! The JSON route of a command that has no documented route of its own.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use serde::Serialize;
use uuid::Uuid;

use super::erased::AnyCommand;
use super::http::CommandRequest;
use super::invoke::invoke;
use super::schema::MOST_IDS;
use crate::body::{PathId, QueryPairs};
use crate::console::{Outcome, Preview, Target};
use crate::context::AppContext;
use crate::fields::Fields;
use crate::json::{json, json_text_of};
use crate::problem::Problem;

/// What a command has done, or would do.
#[derive(Serialize)]
struct OutcomeJson<'a> {
    command: &'a str,
    dry_run: bool,
    sentence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    objects: Vec<RowJson<'a>>,
    refused: Vec<RefusedJson<'a>>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    name: &'a str,
    what: &'a str,
}

#[derive(Serialize)]
struct RefusedJson<'a> {
    id: Uuid,
    reason: &'a str,
}

fn rows(rows: &[(String, String)]) -> Vec<RowJson<'_>> {
    rows.iter().map(|(name, what)| RowJson { name, what }).collect()
}

fn refused(refused: &[(Uuid, String)]) -> Vec<RefusedJson<'_>> {
    refused.iter().map(|(id, reason)| RefusedJson { id: *id, reason }).collect()
}

impl<'a> OutcomeJson<'a> {
    fn of(command: &'a str, done: &'a Outcome) -> Self {
        let (objects, refused) = (rows(&done.rows), refused(&done.refused));
        OutcomeJson { command, dry_run: false, sentence: &done.sentence, id: done.go, objects, refused }
    }

    fn planned(command: &'a str, preview: &'a Preview) -> Self {
        let (objects, refused) = (rows(&preview.rows), refused(&preview.refused));
        OutcomeJson { command, dry_run: true, sentence: &preview.sentence, id: None, objects, refused }
    }
}

/// The handler of a path that names one object.
pub(crate) fn on_one<S: Clone + Send + Sync + 'static>(
    context: &AppContext,
    command: &Arc<dyn AnyCommand>,
) -> MethodRouter<S> {
    let (context, command) = (context.clone(), Arc::clone(command));
    post(move |PathId(id): PathId, query: QueryPairs, request: CommandRequest| {
        run(context.clone(), Arc::clone(&command), Some(id), query, request)
    })
}

/// The handler of a path that names none: the body does, or the command makes one.
pub(crate) fn on_none<S: Clone + Send + Sync + 'static>(
    context: &AppContext,
    command: &Arc<dyn AnyCommand>,
) -> MethodRouter<S> {
    let (context, command) = (context.clone(), Arc::clone(command));
    post(move |query: QueryPairs, request: CommandRequest| {
        run(context.clone(), Arc::clone(&command), None, query, request)
    })
}

async fn run(
    context: AppContext,
    command: Arc<dyn AnyCommand>,
    id: Option<Uuid>,
    query: QueryPairs,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut asked = query.fields();
    let dry_run = asked.flag("dry_run") == Some(true);
    asked.finish(Some(()))?;
    let spec = command.spec();
    let chosen = move |fields: &mut Fields<'_>| match (id, spec.target) {
        (Some(id), _) => Some(vec![id]),
        (None, Target::Nothing) => Some(Vec::new()),
        (None, Target::One | Target::Many) => fields.ids("ids", MOST_IDS),
    };
    let (cx, body) = (request.context(&context), request.body());
    let mut fields = Fields::from_json(&body)?;
    let ids = match chosen(&mut fields) {
        Some(ids) => ids,
        None => return fields.finish(None),
    };
    if dry_run {
        let planning = Arc::clone(&command);
        let preview = context.store.read(move |tx| {
            let mut fields = Fields::from_json(&body)?;
            chosen(&mut fields);
            planning.preview(tx, &cx, &ids, Some(fields))
        });
        return Ok(json(StatusCode::OK, &OutcomeJson::planned(spec.name, &preview.await?)));
    }
    let repeat = request.idempotency(spec, id);
    let once = invoke(&context, spec, cx, repeat, move |tx, cx| {
        let mut fields = Fields::from_json(&body)?;
        chosen(&mut fields);
        json_text_of(&OutcomeJson::of(spec.name, &command.run(tx, cx, &ids, fields)?))
    });
    Ok(once.await?.into_response(StatusCode::OK))
}
