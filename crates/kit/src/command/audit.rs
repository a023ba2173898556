//! What the audit log keeps of a command: what was entered, and the object before and after by its own fields.

use std::collections::BTreeMap;

use purser_store::Error as StoreError;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::console::{changed, fields as recorded_fields};

/// An object as the audit log compares it: each of its fields as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSnapshot(BTreeMap<String, String>);

impl AuditSnapshot {
    /// The fields of an object, as they are serialized.
    ///
    /// # Errors
    /// A mistake of ours: the object cannot be serialized.
    pub fn of(object: &impl Serialize) -> Result<Self, StoreError> {
        let wrong = |error| StoreError::Engine(format!("an object cannot be put on record: {error}"));
        recorded_fields(object).map(AuditSnapshot).map_err(wrong)
    }
}

/// Each field that differs, before and after. An object that is new, or is gone, has one side.
#[must_use]
pub fn changes(before: Option<&AuditSnapshot>, after: Option<&AuditSnapshot>) -> Map<String, Value> {
    let nothing = AuditSnapshot::default();
    changed(&before.unwrap_or(&nothing).0, &after.unwrap_or(&nothing).0)
}
