//! A start with other settings than the last one is on record.

use std::collections::BTreeMap;

use purser_identity::{Error, SecretHash, audit_of};
use purser_kit::AppContext;
use purser_kit::console::{RequestContext, changed};
use serde_json::{Value, json};
use toml::Table;

use crate::cli_error::CliError;
use crate::config::{Config, MASK};
use crate::instance;

/// What the audit log calls the settings.
const SUBJECT: &str = "house:settings";

/// What it calls a start with others.
const ACTION: &str = "house.settings.start";

/// Characters of a value that are kept.
const KEPT: usize = 200;

type Settings = BTreeMap<String, String>;

/// Where a copy of the program is reached: each copy has its own.
const OF_A_COPY: [&str; 2] = ["listen", "metrics_listen"];

/// Puts on record what this start has otherwise than the last one, before and after. Of a secret only that it is another
/// one can be seen: a few digits that the instance key makes of it.
pub(crate) async fn note(context: &AppContext, config: &Config) -> Result<(), CliError> {
    let key = instance::instance_key_hex(config)?;
    let fingerprint = |secret: &str| {
        let SecretHash(hash) = SecretHash::of(&format!("settings:{key}:{secret}"));
        let digits: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{MASK} {digits}")
    };
    let clip = |value: String| value.chars().take(KEPT).collect::<String>();
    let all =
        flat(config.masked_with(fingerprint)?).into_iter().filter(|(name, _)| !OF_A_COPY.contains(&name.as_str()));
    let now: Settings = all.map(|(name, value)| (name, clip(value))).collect();
    let (at, seed) = context.stamp();
    let cx = RequestContext::new(at, "system:start".to_owned(), uuid::Uuid::nil(), seed);
    let noted = context.store.write(move |tx| {
        let last = audit_of(tx, SUBJECT, 1)?.pop().map(|record| settings(&record.detail));
        if last.as_ref() == Some(&now) {
            return Ok(());
        }
        // Of the first start there is nothing to compare with.
        let changed = last.map(|last| changed(&last, &now)).unwrap_or_default();
        let detail = json!({ "changed": changed, "settings": now });
        cx.clone().record(tx, ACTION, SUBJECT, &detail).map_err(Error::from)
    });
    Ok(noted.await?)
}

/// The settings of a line of the log; none of one that does not read, so that the next start says all.
fn settings(detail: &str) -> Settings {
    let read = serde_json::from_str::<Value>(detail).ok().and_then(|mut detail| {
        serde_json::from_value::<Settings>(detail.get_mut("settings").map(Value::take).unwrap_or_default()).ok()
    });
    read.unwrap_or_default()
}

/// Settings by their full names.
fn flat(table: Table) -> Settings {
    let mut flat = BTreeMap::new();
    flatten(&mut flat, "", toml::Value::Table(table));
    flat
}

fn flatten(flat: &mut Settings, name: &str, value: toml::Value) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(flat, &if name.is_empty() { key } else { format!("{name}.{key}") }, value);
            }
        }
        toml::Value::String(text) => {
            flat.insert(name.to_owned(), text);
        }
        other => {
            flat.insert(name.to_owned(), other.to_string());
        }
    }
}
