//! Fields that may be read but not set: sent back as they were read they are accepted, and refused with another value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::problem::{FieldError, Problem};

/// The most characters of a value that an error repeats.
const ECHO: usize = 60;

/// The read-only fields of one request, as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "compare it with the object, or what was sent is passed over in silence"]
pub struct ReadOnly {
    sent: Vec<(&'static str, String)>,
}

impl ReadOnly {
    pub(crate) fn new(sent: Vec<(&'static str, String)>) -> Self {
        ReadOnly { sent }
    }

    /// Refuses each field that was sent with another value than `object` has, as its own answer shows it.
    ///
    /// # Errors
    /// `invalid_fields`, `read_only` for each such field.
    pub fn check(&self, object: &impl Serialize) -> Result<(), Problem> {
        self.compare(object, same)
    }

    /// The same for an object that has just been made: null says nothing.
    ///
    /// # Errors
    /// `invalid_fields`, `read_only` for each such field.
    pub fn check_new(&self, object: &impl Serialize) -> Result<(), Problem> {
        self.compare(object, |sent, known| sent == "null" || same(sent, known))
    }

    fn compare(&self, object: &impl Serialize, same: fn(&str, &str) -> bool) -> Result<(), Problem> {
        if self.sent.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string(object).map_err(Problem::internal)?;
        let known: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).map_err(Problem::internal)?;
        let other = self.sent.iter().filter_map(|(name, sent)| {
            let known = known.get(*name).map_or("null", |raw| RawValue::get(raw));
            (!same(sent, known)).then(|| FieldError {
                field: Cow::Borrowed(name),
                code: "read_only",
                message: format!(
                    "{name} can be read and not set; it is {}, and {} was sent.",
                    short(known),
                    short(sent)
                ),
            })
        });
        let errors: Vec<FieldError> = other.collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) }
    }
}

/// Whether two JSON values mean the same: amounts by their value and not their zeros, times by their moment.
fn same(sent: &str, known: &str) -> bool {
    if sent == known {
        return true;
    }
    let (sent, known) = (plain(sent), plain(known));
    let amounts = || Some(amount(&sent)? == amount(&known)?);
    let times = || Some(sent.parse::<Timestamp>().ok()? == known.parse::<Timestamp>().ok()?);
    sent == known || amounts() == Some(true) || times() == Some(true)
}

/// A JSON text without its quotes; any other value as it is written.
fn plain(json: &str) -> Cow<'_, str> {
    match serde_json::from_str::<String>(json) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(json),
    }
}

/// A decimal's sign and digits, without the zeros that say nothing; `None` for what is no plain decimal.
fn amount(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(rest) {
        return None;
    }
    let (whole, rest) = (whole.trim_start_matches('0'), rest.trim_end_matches('0'));
    Some((negative && !(whole.is_empty() && rest.is_empty()), whole, rest))
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(ECHO).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::Fields;

    fn refused(body: &str, new: bool) -> Vec<String> {
        let object = json!({
            "id": "0190b5a4", "credit": 450.5, "email": null, "created_at": "2026-11-21T10:00:00.000000Z", "number": "+91",
        });
        let mut fields = Fields::from_json(body.as_bytes()).unwrap();
        let read_only = fields.read_only(&["id", "credit", "email", "created_at", "number"]);
        fields.finish(Some(())).unwrap();
        let checked = if new { read_only.check_new(&object) } else { read_only.check(&object) };
        let errors = checked.map_or_else(|problem| problem.errors().to_vec(), |()| Vec::new());
        errors.into_iter().map(|error| error.field.into_owned()).collect()
    }

    #[test]
    fn what_is_sent_back_as_it_was_read_is_accepted() {
        for body in [
            r#"{}"#,
            r#"{"id": "0190b5a4", "credit": 450.50, "email": null, "created_at": "2026-11-21T10:00:00.000000Z"}"#,
            r#"{"credit": "450.5", "created_at": "2026-11-21T15:30:00+05:30"}"#,
            r#"{"credit": 0450.500}"#,
        ] {
            if serde_json::from_str::<serde_json::Value>(body).is_ok() {
                assert_eq!(refused(body, false), Vec::<String>::new(), "{body}");
            }
        }
    }

    #[test]
    fn another_value_is_refused_by_name() {
        assert_eq!(refused(r#"{"credit": 450.51, "id": "0190b5a5"}"#, false), ["id", "credit"]);
        assert_eq!(
            refused(r#"{"credit": -450.5, "email": "a@b.example", "number": ""}"#, false),
            ["credit", "email", "number"]
        );
        assert_eq!(refused(r#"{"credit": null, "created_at": "yesterday"}"#, false), ["credit", "created_at"]);
        assert_eq!(refused(r#"{"credit": null, "id": null}"#, true), Vec::<String>::new());
        assert_eq!(refused(r#"{"credit": 1e2, "id": "x"}"#, true), ["id", "credit"]);
    }

    #[test]
    fn zeros_that_say_nothing_are_no_difference() {
        assert!(same("100", "100.00") && same("\"0100.0\"", "100.00") && same("-0.00", "0"));
        assert!(!same("100", "10") && !same("1", "0.1") && !same("-1", "1") && !same("1e2", "100"));
    }
}
