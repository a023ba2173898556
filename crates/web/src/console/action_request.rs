//! Doing what was asked for, and putting on record what it changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use purser_kit::console::{RequestContext, Resource, changed};
use purser_kit::{Fields, IdempotentRequest, Problem};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::ConsoleState;
use super::object::subject;

/// Objects of one action past which their list, and not their pages, says what changed.
const RECORDED: usize = 50;

/// An action that was asked for.
pub(super) struct ActionRequest {
    pub(super) console: Arc<ConsoleState>,
    pub(super) app: String,
    pub(super) resource: String,
    pub(super) action: String,
    pub(super) ids: Vec<Uuid>,
    pub(super) fields: Vec<(String, String)>,
    pub(super) idempotency: IdempotentRequest,
}

impl ActionRequest {
    /// Does it, and puts it on record for each object that it was done to.
    pub(super) fn run(&self, tx: &mut WriteTx<'_>, cx: &mut RequestContext) -> Result<String, Problem> {
        let (_, resource, action) = self.console.action(&self.app, &self.resource, &self.action)?;
        if let Some(command) = resource.commands.find(&self.action) {
            // A command writes its own record.
            let done = command.run(tx, cx, &self.ids, Fields::from_form(self.fields.clone()))?;
            return serde_json::to_string(&done).map_err(Problem::internal);
        }
        let before = self.facts(tx, resource, &self.ids)?;
        let done = (action.run)(tx, cx, &self.ids, Fields::from_form(self.fields.clone()))?;
        let entered: serde_json::Map<String, serde_json::Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), clipped(value).into())).collect();
        let name = format!("{}.{}.{}", self.app, self.resource, self.action);
        let refused: Vec<Uuid> = done.refused.iter().map(|(id, _)| *id).collect();
        let chosen = if self.ids.is_empty() { done.go.as_slice() } else { &self.ids };
        let touched: Vec<Uuid> = chosen.iter().filter(|id| !refused.contains(id)).copied().collect();
        let after = if before.is_empty() && !self.ids.is_empty() {
            BTreeMap::new()
        } else {
            self.facts(tx, resource, &touched)?
        };
        for id in &touched {
            let changed = before.get(id).zip(after.get(id)).map(|(before, after)| changed(before, after));
            let changed = changed.unwrap_or_default();
            let detail = serde_json::json!({ "entered": entered, "changed": changed });
            cx.record(tx, &name, &subject(&self.app, &self.resource, *id), &detail)?;
        }
        serde_json::to_string(&done).map_err(Problem::internal)
    }
}

type AuditFields = BTreeMap<String, String>;

impl ActionRequest {
    /// What is known of each object, for the record of what an action changed: of a few, what their pages say; of many,
    /// what their list says, which a query reads for a hundred.
    fn facts(
        &self,
        tx: &mut ReadTx<'_>,
        resource: &Resource,
        ids: &[Uuid],
    ) -> Result<BTreeMap<Uuid, AuditFields>, Problem> {
        let mut all = BTreeMap::new();
        if ids.len() > RECORDED {
            for (id, cells) in resource.listing.of(tx, ids)? {
                let named = std::iter::zip(&resource.listing.columns, cells);
                all.insert(id, named.map(|(column, cell)| (column.title.to_owned(), cell.plain())).collect());
            }
            return Ok(all);
        }
        for id in ids {
            let facts = (resource.detail)(tx, *id)?.map(|detail| detail.facts).unwrap_or_default();
            all.insert(*id, facts.into_iter().map(|(name, cell)| (name.to_owned(), cell.plain())).collect());
        }
        Ok(all)
    }
}

/// As much of what was entered as the audit log has room for.
fn clipped(value: &str) -> String {
    value.chars().take(500).collect()
}
