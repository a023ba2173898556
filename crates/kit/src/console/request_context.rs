//! Whoever does something, and the record of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use purser_identity::{AuditEvent, ResourceBinding, Secret, audit};
use purser_store::{Error as StoreError, WriteTx};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::problem::Problem;

/// Characters of a value that the audit log keeps, at most.
const RECORDED: usize = 500;

/// The door that somebody came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryPoint {
    /// A route of the API, or a program of our own.
    #[default]
    Api,
    /// The console, where staff decide on many at once.
    Console,
}

/// Who does something, when, and the fresh ids for it.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The moment.
    pub now: Timestamp,
    /// The person, as the journal and the audit log name them.
    pub actor: String,
    /// The person.
    pub user: Uuid,
    /// Where they asked from, where that is known: for the audit log.
    pub address: Option<String>,
    /// The door that they came in by.
    pub entry_point: EntryPoint,
    /// The one object that they act for, where there is one: of others they find nothing.
    pub binding: Option<ResourceBinding>,
    id: Uuid,
    last_id: u128,
    entropy: Option<[u8; 32]>,
}

impl RequestContext {
    /// `seed` is a fresh id; the others are counted up from it, so that a transaction that runs again makes the same.
    #[must_use]
    pub fn new(now: Timestamp, actor: String, user: Uuid, seed: Uuid) -> Self {
        RequestContext {
            now,
            actor,
            user,
            address: None,
            entry_point: EntryPoint::Api,
            binding: None,
            id: seed,
            last_id: seed.as_u128().wrapping_add(1),
            entropy: None,
        }
    }

    /// The same, who came in by this door.
    #[must_use]
    pub fn from_entry_point(mut self, via: EntryPoint) -> Self {
        self.entry_point = via;
        self
    }

    /// The id of what is done now as a whole: one for all its objects.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The same with fresh chance, for one secret to be made of.
    #[must_use]
    pub fn with_entropy(mut self, chance: [u8; 32]) -> Self {
        self.entropy = Some(chance);
        self
    }

    /// The same, known to ask from there.
    #[must_use]
    pub fn with_address(mut self, address: Option<String>) -> Self {
        self.address = address;
        self
    }

    /// Puts on record, in the transaction that does it, what is done: `app.objects.verb` to `app:objects:id`. The
    /// detail is a JSON object without secrets: what was `entered`, and what `changed`.
    ///
    /// # Errors
    /// The store's.
    pub fn record(
        &mut self,
        tx: &mut WriteTx<'_>,
        action: &str,
        subject: &str,
        detail: &Value,
    ) -> Result<(), StoreError> {
        let (id, detail) = (self.new_id(), detail.to_string());
        let address = self.address.as_deref();
        audit(tx, self.now, id, &AuditEvent { actor: &self.actor, action, subject, address, detail: &detail })
    }

    /// Puts on record what a command has done besides, to another object than its own: these facts of it.
    ///
    /// # Errors
    /// The store's.
    pub fn record_also(
        &mut self,
        tx: &mut WriteTx<'_>,
        action: &str,
        subject: &str,
        facts: &[(&str, &str)],
    ) -> Result<(), StoreError> {
        let facts: Map<String, Value> = facts.iter().map(|(name, fact)| ((*name).to_owned(), (*fact).into())).collect();
        self.record(tx, action, subject, &json!({ "entered": facts }))
    }

    /// The same of an object that is another one now: each of its fields that is, before and after. Of one that is new,
    /// or is no more, the other side is `&()`.
    ///
    /// # Errors
    /// The store's.
    pub fn record_change(
        &mut self,
        tx: &mut WriteTx<'_>,
        action: &str,
        subject: &str,
        before: &impl Serialize,
        after: &impl Serialize,
    ) -> Result<(), StoreError> {
        let wrong = |error| StoreError::Engine(format!("the record of {action}: {error}"));
        let changed = changed(&fields(before).map_err(wrong)?, &fields(after).map_err(wrong)?);
        self.record(tx, action, subject, &json!({ "changed": changed }))
    }

    /// The token of a link that is mailed: one for each thing that is done.
    ///
    /// # Errors
    /// A mistake of ours, where no chance was given, or it is spent.
    pub fn link(&mut self) -> Result<Secret, Problem> {
        let chance =
            self.entropy.take().ok_or_else(|| Problem::internal("an action has no chance left for a secret"))?;
        Ok(Secret::link(&chance))
    }

    /// The id that [`fresh_id`](Self::new_id) answers next.
    #[must_use]
    pub fn next_id(&self) -> Uuid {
        Uuid::from_u128(self.last_id)
    }

    /// The same, who acts for this object alone.
    #[must_use]
    pub fn bound_to(mut self, binding: Option<ResourceBinding>) -> Self {
        self.binding = binding;
        self
    }

    /// Whether they may touch the object `id` of this `kind`: those who act for one object touch no other.
    #[must_use]
    pub fn may_touch(&self, kind: &str, id: Uuid) -> bool {
        self.binding.as_ref().is_none_or(|binding| binding.kind == kind && binding.id == id)
    }

    /// A fresh id.
    pub fn new_id(&mut self) -> Uuid {
        let id = Uuid::from_u128(self.last_id);
        // The seed's low 62 bits are random, so two counts meet as rarely as two random ids.
        self.last_id = self.last_id.wrapping_add(1);
        id
    }
}

/// The fields of an object as they are written; none of what is no object. Never by way of a [`Value`], which would
/// take an amount for a float.
///
/// # Errors
/// Where it cannot be serialized.
pub(crate) fn fields(object: &impl Serialize) -> serde_json::Result<BTreeMap<String, String>> {
    let text = serde_json::to_string(object)?;
    let fields: BTreeMap<String, Box<RawValue>> =
        if text.starts_with('{') { serde_json::from_str(&text)? } else { BTreeMap::new() };
    let words = |raw: &RawValue| match raw.get() {
        "null" => Ok(String::new()),
        text if text.starts_with('"') => serde_json::from_str(text),
        text => Ok(text.to_owned()),
    };
    fields.iter().map(|(name, raw)| Ok((name.clone(), words(raw)?))).collect()
}

/// Each field that is another one on the other side: the `changed` of a line of the audit log.
#[must_use]
pub fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Map<String, Value> {
    let of = |side: &BTreeMap<String, String>, name: &str| {
        side.get(name).map(|words| words.chars().take(RECORDED).collect::<String>()).unwrap_or_default()
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let both = names.into_iter().map(|name| (name, of(before, name), of(after, name)));
    let changed = both.filter(|(_, before, after)| before != after);
    changed.map(|(name, before, after)| (name.clone(), json!({ "before": before, "after": after }))).collect()
}

#[cfg(test)]
mod tests {
    use purser_money::{Currency, Money};

    use super::*;
    use crate::json::Decimal;

    #[test]
    fn a_change_says_what_is_another_and_nothing_else() {
        let before = fields(&json!({ "name": "Asha", "credit": 7, "email": null, "phone": "+91" })).unwrap();
        let after = fields(&json!({ "name": "Asha", "credit": 9, "email": "a \"b\" <c>" })).unwrap();
        let expected = json!({
            "credit": { "before": "7", "after": "9" },
            "email": { "before": "", "after": "a \"b\" <c>" },
            "phone": { "before": "+91", "after": "" },
        });
        assert_eq!(Value::from(changed(&before, &after)), expected);
        assert!(changed(&after, &after).is_empty());
    }

    #[test]
    fn what_is_new_or_gone_has_one_side_and_long_texts_are_cut() {
        let new = fields(&json!({ "note": "x".repeat(501) })).unwrap();
        assert_eq!(fields(&()).unwrap(), BTreeMap::new());
        assert_eq!(changed(&BTreeMap::new(), &new)["note"], json!({ "before": "", "after": "x".repeat(500) }));
    }

    #[test]
    fn amounts_are_kept_as_they_are_written() {
        let most = Decimal(Money::new(i64::MAX, Currency::INR));
        assert_eq!(fields(&json!({})).unwrap().len(), 0);
        assert_eq!(fields(&BTreeMap::from([("credit", most)])).unwrap()["credit"], "92233720368547758.07");
    }
}
