//! API keys on the page of whom they stand for, or of what they act for.

use purser_identity::ApiKey;

use super::{Cell, DetailTable, Tone};

/// The keys as a table: each leads to its own page, and a live one to where it is revoked.
#[must_use]
pub fn keys_table(title: &'static str, empty: &'static str, keys: Vec<ApiKey>) -> DetailTable {
    let row = |key: ApiKey| {
        let revoke = Cell::Link("Revoke".to_owned(), format!("/admin/house/keys/do/?action=revoke&id={}", key.id));
        let (state, more) = match key.revoked_at {
            None => (Cell::Badge(Tone::Good, "live".to_owned()), revoke),
            Some(_) => (Cell::Badge(Tone::Bad, "revoked".to_owned()), Cell::Nothing),
        };
        vec![
            Cell::object(key.label, "house", "keys", key.id),
            Cell::UserText(key.scopes.to_string()),
            Cell::Text(key.created_by),
            Cell::Time(key.created_at),
            Cell::time(key.last_used_at),
            Cell::time(key.expires_at),
            state,
            more,
        ]
    };
    DetailTable {
        title,
        empty,
        columns: vec!["Label", "May", "Made by", "Made", "Last used", "Expires", "State", "Still open"],
        rows: keys.into_iter().map(row).collect(),
    }
}
