//! Files of one object, to keep. Whoever takes one is on record.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use purser_kit::Problem;
use uuid::Uuid;

use super::object::subject;
use super::{ConsoleState, ErrorPage, StaffUser, upload};

pub(super) async fn file(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, id, download)): Path<(String, String, String, String)>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (_, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    let found = console.download(&app, &name, &download).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    staff.require_scope(found.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| ErrorPage::nothing())?;
    let (action, subject) = (format!("{app}.{name}.{download}"), subject(&app, &name, id));
    let reading = Arc::clone(&console);
    let written = console.site.context.store.read(move |tx| (reading.download(&app, &name, &download)?.write)(tx, id));
    let (filename, text) = written.await?.ok_or_else(ErrorPage::nothing)?;
    let cx = staff.principal.request_context(&console.site.context);
    let noted =
        console.site.context.store.write(move |tx| cx.clone().record(tx, &action, &subject, &serde_json::json!({})));
    noted.await.map_err(Problem::from)?;
    Ok(upload::file(&filename, text))
}
