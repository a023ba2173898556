//! What a line of the audit log says more, as a [`RequestContext`](purser_kit::console::RequestContext) has it written.

use serde_json::{Map, Value};

/// The detail of a line, in words. What is nothing is empty.
#[derive(Default)]
pub(super) struct AuditDetail {
    /// Each field that changed: its name, and what it was before and after.
    pub(super) changed: Vec<[String; 3]>,
    /// What was entered, by its name.
    pub(super) entered: Vec<[String; 2]>,
    /// The rest, as it is.
    pub(super) rest: Option<String>,
}

impl AuditDetail {
    pub(super) fn read(detail: &str) -> Self {
        let Ok(Value::Object(mut detail)) = serde_json::from_str(detail) else { return AuditDetail::default() };
        let mut take = |name: &str| match detail.remove(name) {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let changed = take("changed").into_iter();
        let changed = changed.map(|(name, both)| [name, words(&both["before"]), words(&both["after"])]).collect();
        let entered = take("entered").into_iter().map(|(name, value)| [name, words(&value)]).collect();
        AuditDetail { changed, entered, rest: (!detail.is_empty()).then(|| Value::Object(detail).to_string()) }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
