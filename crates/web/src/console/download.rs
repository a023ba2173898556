//! Files of one object, to keep. Whoever takes one is on record.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use purser_kit::Problem;
use uuid::Uuid;

use super::object::subject;
use super::{Desk, Refusal, Visitor, upload};

pub(super) async fn file(
    State(desk): State<Arc<Desk>>,
    Path((app, name, id, download)): Path<(String, String, String, String)>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (_, resource) = desk.resource(&app, &name).map_err(|_| Refusal::nothing())?;
    let found = desk.download(&app, &name, &download).map_err(|_| Refusal::nothing())?;
    visitor.needs(resource.view)?;
    visitor.needs(found.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    let (action, subject) = (format!("{app}.{name}.{download}"), subject(&app, &name, id));
    let reading = Arc::clone(&desk);
    let written = desk.house.context.store.read(move |tx| (reading.download(&app, &name, &download)?.write)(tx, id));
    let (filename, text) = written.await?.ok_or_else(Refusal::nothing)?;
    let doer = visitor.caller.doer(&desk.house.context);
    let noted =
        desk.house.context.store.write(move |tx| doer.clone().record(tx, &action, &subject, &serde_json::json!({})));
    noted.await.map_err(Problem::from)?;
    Ok(upload::file(&filename, text))
}
