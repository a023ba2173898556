//! Fields: one reader for JSON bodies, forms and query strings, which gathers every mistake instead of the first.
//!
//! A body is read as an object of raw values, so an amount is its own text and never passes a float. Each field is then
//! asked for by name with its rule; [`Fields::finish`] answers with all that was wrong, fields that nobody asked for
//! among it, because a misspelled `client_reff` must not be a sale without a reference.

use std::borrow::Cow;
use std::fmt;

use purser_identity::Email;
use purser_money::{Currency, Money};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::code;
use crate::problem::{FieldError, Problem};
use crate::read_only::ReadOnly;

/// The most characters of a wrong value that an error repeats.
const ECHO: usize = 40;

/// Characters of a value that the audit log keeps, at most.
const RECORDED: usize = 500;

/// The fields of one request, each read at most once.
#[derive(Debug)]
pub struct Fields<'a> {
    values: Vec<Entry<'a>>,
    errors: Vec<FieldError>,
    source: Source,
}

#[derive(Debug)]
struct Entry<'a> {
    name: Cow<'a, str>,
    value: Raw<'a>,
    asked: bool,
}

#[derive(Debug, Clone)]
enum Raw<'a> {
    /// A JSON value's own text.
    Json(&'a str),
    /// A form's or query's text. An empty one of a form counts as not sent; one of a query is refused.
    Text(Cow<'a, str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Body,
    Query,
}

/// Why a value is refused: a stable word, and the rule for people, completing "`name` must …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A stable word.
    pub code: &'static str,
    /// Completes "`name` must …".
    pub must: Cow<'static, str>,
}

impl Rule {
    /// A rule by its word and its text.
    pub fn new(code: &'static str, must: impl Into<Cow<'static, str>>) -> Self {
        Rule { code, must: must.into() }
    }
}

impl<'a> Fields<'a> {
    /// Reads a JSON body: one object in UTF-8, no name twice.
    ///
    /// # Errors
    /// [`code::MALFORMED_BODY`], saying where.
    pub fn from_json(body: &'a [u8]) -> Result<Self, Problem> {
        let malformed = |detail: String| Problem::new(&code::MALFORMED_BODY, detail);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(malformed("The body is empty; send a JSON object.".to_owned()));
        }
        let text = std::str::from_utf8(body)
            .map_err(|error| malformed(format!("The body is not UTF-8: byte {} is not.", error.valid_up_to())))?;
        let object: Object<'a> = serde_json::from_str(text).map_err(|error| malformed(not_an_object(&error)))?;
        let values = object.0.into_iter().map(|(name, value)| Entry { name, value: Raw::Json(value), asked: false });
        let mut fields = Fields { values: values.collect(), errors: Vec::new(), source: Source::Body };
        fields.refuse_twice();
        Ok(fields)
    }

    /// Takes the pairs of a form.
    #[must_use]
    pub fn from_form(pairs: Vec<(String, String)>) -> Self {
        Self::from_pairs(pairs, Source::Body)
    }

    /// Takes the pairs of a query string.
    #[must_use]
    pub fn from_query(pairs: Vec<(String, String)>) -> Self {
        Self::from_pairs(pairs, Source::Query)
    }

    fn from_pairs(pairs: Vec<(String, String)>, source: Source) -> Self {
        let entry = |(name, value)| Entry { name: Cow::Owned(name), value: Raw::Text(Cow::Owned(value)), asked: false };
        let mut fields = Fields { values: pairs.into_iter().map(entry).collect(), errors: Vec::new(), source };
        fields.refuse_twice();
        fields
    }

    fn refuse_twice(&mut self) {
        for index in 1..self.values.len() {
            let name = &self.values[index].name;
            if self.values[..index].iter().any(|earlier| earlier.name == *name) {
                let name = shown(name);
                self.values[index].asked = true;
                self.refuse_as(name, "repeated", "is there twice".to_owned());
            }
        }
    }

    /// Takes fields that clients may read but not set. They may be sent back as they were read: [`ReadOnly`] compares
    /// them with the object, once that is known.
    pub fn read_only(&mut self, names: &[&'static str]) -> ReadOnly {
        let taken = names.iter().filter_map(|name| match self.take(name)? {
            Raw::Json(raw) => Some((*name, raw.to_owned())),
            Raw::Text(text) => serde_json::to_string(&text).ok().map(|text| (*name, text)),
        });
        ReadOnly::new(taken.collect())
    }

    /// Yes or no: JSON true and false; in forms and queries the words true, yes and false.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let raw = match self.take(name)? {
            Raw::Json("null") => return None,
            Raw::Json("true") => return Some(true),
            Raw::Json("false") => return Some(false),
            Raw::Json(raw) => Cow::Borrowed(raw),
            Raw::Text(text) => match text.as_ref() {
                "" => return None,
                "true" | "yes" => return Some(true),
                "false" => return Some(false),
                _ => text,
            },
        };
        self.refuse(name, &raw, Rule::new("unknown_value", "be true or false"))
    }

    /// A text that `parse` turns into a type of its own; a whole number without a sign is taken for its digits.
    pub fn parsed_digits<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Rule>) -> Option<T> {
        let digits = self.values.iter().find(|entry| entry.name == name).and_then(|entry| match entry.value {
            Raw::Json(raw) if raw.bytes().all(|byte| byte.is_ascii_digit()) => Some(raw),
            _ => None,
        });
        let Some(digits) = digits else { return self.parsed(name, parse) };
        self.take(name);
        parse(digits).map_or_else(|rule| self.refuse(name, digits, rule), Some)
    }

    /// The text of a field, trimmed of nothing: `None` where it is missing or null.
    pub fn text(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        match self.take(name)? {
            Raw::Text(text) => Some(text).filter(|text| !text.is_empty()),
            Raw::Json("null") => None,
            Raw::Json(raw) => match serde_json::from_str::<Text<'a>>(raw) {
                Ok(text) => Some(text.0),
                Err(_) => self.refuse(name, raw, Rule::new("wrong_type", "be text in quotes")),
            },
        }
    }

    /// A text that `parse` turns into a type of its own.
    pub fn parsed<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Rule>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(rule) => self.refuse(name, &text, rule),
        }
    }

    /// A text of `min` to `max` characters after trimming, without control characters.
    pub fn line(&mut self, name: &'static str, min: usize, max: usize) -> Option<String> {
        self.parsed(name, |text| parse_line(text, min, max))
    }

    /// An id.
    pub fn id(&mut self, name: &'static str) -> Option<Uuid> {
        self.parsed(name, |text| {
            Uuid::try_parse(text)
                .map_err(|_| Rule::new("malformed", "be an id such as 0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"))
        })
    }

    /// Ids: a JSON list of them, 1 to `most`; in forms and queries their texts between spaces.
    pub fn ids(&mut self, name: &'static str, most: usize) -> Option<Vec<Uuid>> {
        let texts: Vec<String> = match self.take(name) {
            None | Some(Raw::Json("null")) => return self.required(name, None),
            Some(Raw::Text(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(Raw::Json(raw)) => match serde_json::from_str(raw) {
                Ok(texts) => texts,
                Err(_) => return self.refuse(name, raw, Rule::new("wrong_type", "be a list of ids in quotes")),
            },
        };
        if !(1..=most).contains(&texts.len()) {
            let must = format!("be a list of 1 to {most} ids");
            return self.refuse(name, &texts.len().to_string(), Rule::new("out_of_range", must));
        }
        let mut ids = Vec::with_capacity(texts.len());
        for text in &texts {
            match Uuid::try_parse(text) {
                Ok(id) => ids.push(id),
                Err(_) => return self.refuse(name, text, Rule::new("malformed", "be a list of ids")),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    /// An amount: a JSON number, or text with one and spaces around it; exact, whatever its size. Of a currency without decimals, such as
    /// coins, 500.0 is 500.
    pub fn amount(&mut self, name: &'static str, currency: Currency) -> Option<Money> {
        let raw = match self.take(name)? {
            Raw::Json("null") => return None,
            Raw::Json(raw) if raw.starts_with('"') => match serde_json::from_str::<Text<'a>>(raw) {
                Ok(text) => text.0,
                Err(_) => return self.refuse(name, raw, Rule::new("malformed", "be an amount such as 100.00")),
            },
            Raw::Json(raw) if raw.starts_with(['[', '{', 't', 'f']) => {
                return self.refuse(name, raw, Rule::new("wrong_type", "be an amount such as 100.00"));
            }
            Raw::Json(raw) => Cow::Borrowed(raw),
            Raw::Text(text) if text.trim().is_empty() => return None,
            // People paste spaces into forms; a program that sends them has made a mistake.
            Raw::Text(text) => Cow::Owned(text.trim().to_owned()),
        };
        match Money::parse(if currency.scale() == 0 { whole(&raw) } else { &raw }, currency) {
            Ok(money) => Some(money),
            Err(error) => self.refuse(name, &raw, Rule::new(error.code(), error.rule())),
        }
    }

    /// An amount that is not negative.
    pub fn amount_from_zero(&mut self, name: &'static str, currency: Currency) -> Option<Money> {
        let amount = self.amount(name, currency)?;
        if amount.minor() < 0 {
            return self.refuse(name, &amount.to_string(), Rule::new("negative", "be zero or more"));
        }
        Some(amount)
    }

    /// The text of a field that is text or a number, unread.
    pub fn text_or_number(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        match self.take(name)? {
            Raw::Json(raw) => Some(Cow::Borrowed(raw)).filter(|raw| raw != "null"),
            Raw::Text(text) => Some(text),
        }
    }

    /// A whole number from `min` to `max`.
    pub fn number(&mut self, name: &'static str, min: u32, max: u32) -> Option<u32> {
        let raw = match self.take(name)? {
            Raw::Json("null") => return None,
            Raw::Json(raw) => Cow::Borrowed(raw),
            Raw::Text(text) if text.is_empty() => return None,
            Raw::Text(text) => text,
        };
        let digits = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
        match raw.parse::<u32>() {
            Ok(number) if digits && (min..=max).contains(&number) => Some(number),
            _ => self.refuse(name, &raw, Rule::new("out_of_range", format!("be a whole number from {min} to {max}"))),
        }
    }

    /// How many rows of a list are asked for: a whole number from 1 on. Whoever asks for more than `most` gets `most`.
    pub fn limit(&mut self, name: &'static str, most: u32) -> Option<u32> {
        let raw = match self.take(name)? {
            Raw::Json("null") => return None,
            Raw::Json(raw) => Cow::Borrowed(raw),
            Raw::Text(text) if text.is_empty() => return None,
            Raw::Text(text) => text,
        };
        let digits = raw.trim_start_matches('0');
        if digits.is_empty() || !raw.bytes().all(|byte| byte.is_ascii_digit()) {
            let must = format!("be a whole number from 1 on; at most {most} rows are answered");
            return self.refuse(name, &raw, Rule::new("out_of_range", must));
        }
        // Digits that are too many for a number are more than `most` too.
        Some(digits.parse::<u32>().map_or(most, |number| number.min(most)))
    }

    /// The value, or an error that it is required (unless what was sent was refused already).
    pub fn required<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.errors.iter().any(|error| error.field == name) {
            self.errors.push(FieldError {
                field: name.into(),
                code: "required",
                message: format!("{name} is required."),
            });
        }
        value
    }

    /// Passes over all that was not asked for: for what other programs send, who may say more than is known here.
    pub fn pass_over_others(&mut self) {
        self.values.iter_mut().for_each(|entry| entry.asked = true);
    }

    /// Whether the field was sent at all, be it as null: what PATCH needs to know.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|entry| entry.name == name)
    }

    /// Records that a value breaks a rule.
    pub fn refuse<T>(&mut self, name: &'static str, value: &str, rule: Rule) -> Option<T> {
        let message = format!("{name} must {}; it is {}.", rule.must, echo(value));
        self.errors.push(FieldError { field: name.into(), code: rule.code, message });
        None
    }

    fn refuse_as(&mut self, name: String, code: &'static str, what: String) {
        let message = format!("{name} {what}.");
        self.errors.push(FieldError { field: Cow::Owned(name), code, message });
    }

    /// Ends the reading: `value`, or everything that was wrong.
    ///
    /// # Errors
    /// [`code::INVALID_FIELDS`] or [`code::INVALID_QUERY`], with an error for each field.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        let unknown: Vec<String> =
            self.values.iter().filter(|entry| !entry.asked).map(|entry| shown(&entry.name)).collect();
        for name in unknown {
            self.refuse_as(name, "unknown", "is not a field of this request".to_owned());
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ if self.source == Source::Query => Err(Problem::query(self.errors)),
            _ => Err(Problem::fields(self.errors)),
        }
    }

    /// What was sent, as the audit log keeps it: each field's name and its text, as far as there is room.
    #[must_use]
    pub fn on_record(&self) -> serde_json::Map<String, serde_json::Value> {
        let text = |value: &Raw<'_>| match value {
            Raw::Text(text) => text.to_string(),
            Raw::Json("null") => String::new(),
            Raw::Json(raw) => {
                serde_json::from_str::<Text<'_>>(raw).map_or_else(|_| (*raw).to_owned(), |text| text.0.into_owned())
            }
        };
        let recorded = |text: String| text.chars().take(RECORDED).collect::<String>();
        let entry = |entry: &Entry<'_>| (entry.name.to_string(), recorded(text(&entry.value)).into());
        self.values.iter().map(entry).collect()
    }

    fn take(&mut self, name: &'static str) -> Option<Raw<'a>> {
        let entry = self.values.iter_mut().find(|entry| entry.name == name)?;
        entry.asked = true;
        let value = entry.value.clone();
        match &value {
            // `?seller_id=` is not "of every seller": whoever wrote it meant one, and lost it on the way.
            Raw::Text(text) if text.is_empty() && self.source == Source::Query => {
                self.refuse(name, "", Rule::new("empty", "have a value, or be left out"))
            }
            _ => Some(value),
        }
    }
}

/// Where a body stops being a JSON object, in our own words.
fn not_an_object(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("The body is not a JSON object: it ends too early, in line {line}."),
        Category::Syntax | Category::Io => {
            format!("The body is not a JSON object: line {line} cannot be read from column {column} on.")
        }
        Category::Data => "The body is not a JSON object: it is JSON of another kind.".to_owned(),
    }
}

/// An email address, spaces around it forgiven.
///
/// # Errors
/// The rule that it breaks.
pub fn parse_email(text: &str) -> Result<Email, Rule> {
    let must = "be an email address such as a@b.example, of at most 254 characters";
    Email::parse(text.trim()).map_err(|error| Rule::new("malformed", format!("{must} ({error})")))
}

/// The same number without decimals, where they are nothing but zeros.
fn whole(number: &str) -> &str {
    match number.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => number,
    }
}

/// A line of text: trimmed, `min` to `max` characters, no control characters.
///
/// # Errors
/// The rule that it breaks.
pub fn parse_line(text: &str, min: usize, max: usize) -> Result<String, Rule> {
    let text = text.trim();
    let count = text.chars().count();
    if count > max {
        return Err(Rule::new("too_long", format!("have at most {max} characters, not {count}")));
    }
    if count < min {
        return Err(Rule::new("too_short", format!("have at least {min} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Rule::new("malformed", "have no control characters"));
    }
    if text.chars().any(deceives) {
        return Err(Rule::new("malformed", "have no marks that turn the writing around or take up no room"));
    }
    Ok(text.to_owned())
}

/// Whether a character makes text look like another: it turns the direction of writing, or is nothing at all. The
/// joiners, which several scripts of India are written with, are not among them.
fn deceives(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
    )
}

/// What was sent, short enough to repeat.
fn echo(value: &str) -> String {
    let short = shown(value);
    if value.starts_with('"') || value.bytes().next().is_some_and(|b| b.is_ascii_digit()) {
        short
    } else {
        format!("'{short}'")
    }
}

fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(ECHO).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A JSON string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

/// A JSON object as its names and the text of its values, in order, duplicates and all.
struct Object<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Vec<(Cow<'de, str>, &'de str)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::with_capacity(4);
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    entries.push((name.0, value.get()));
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(ObjectVisitor).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use purser_money::Currency;

    use super::*;

    fn errors(problem: &Problem) -> Vec<(String, &'static str)> {
        problem.errors().iter().map(|error| (error.field.to_string(), error.code)).collect()
    }

    #[test]
    fn an_amount_is_the_text_that_was_sent() {
        for (body, minor) in
            [(r#"{"amount":100}"#, 10_000), (r#"{"amount":100.00}"#, 10_000), (r#"{"amount":"0.07"}"#, 7)]
        {
            let mut fields = Fields::from_json(body.as_bytes()).unwrap();
            let amount = fields.amount("amount", Currency::INR);
            assert_eq!(fields.finish(amount).unwrap().minor(), minor);
        }
        let mut spaced = Fields::from_json(br#"{"amount":" 10 "}"#).unwrap();
        assert_eq!(spaced.amount("amount", Currency::INR), None);
        for (text, minor) in [(" 10 ", Some(1_000)), ("  ", None)] {
            let mut fields = Fields::from_form(vec![("amount".to_owned(), text.to_owned())]);
            assert_eq!(fields.amount("amount", Currency::INR).map(Money::minor), minor, "{text:?}");
        }
    }

    #[test]
    fn a_number_of_coins_may_have_decimals_of_zero() {
        let read = |raw: &str| {
            let body = format!("{{\"amount\":{raw}}}");
            let mut fields = Fields::from_json(body.as_bytes()).unwrap();
            let amount = fields.amount("amount", Currency::COIN);
            fields.finish(amount).ok().map(Money::minor)
        };
        for raw in ["500", "500.0", "500.00", "\"500\"", "\"500.0\""] {
            assert_eq!(read(raw), Some(500), "{raw}");
        }
        for raw in ["100.5", "500.01", "\"500.\"", "5e2", "true", "\".0\"", "\"\""] {
            assert_eq!(read(raw), None, "{raw}");
        }
    }

    #[test]
    fn more_rows_than_may_be_are_as_many_as_may_be() {
        let read = |text: &str| {
            let mut fields = Fields::from_query(vec![("limit".to_owned(), text.to_owned())]);
            let limit = fields.limit("limit", 100);
            fields.finish(limit).ok()
        };
        for (text, limit) in [("1", 1), ("100", 100), ("101", 100), ("007", 7), ("99999999999999999999", 100)] {
            assert_eq!(read(text), Some(limit), "{text}");
        }
        for text in ["0", "000", "-1", "1.5", "x", "+5", " 5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut fields = Fields::from_json(br#"{"a": 5, "b": null, "d": 1, "c": true, "c": 1}"#).unwrap();
        let a = fields.text("a");
        let b = fields.text("b");
        let b = fields.required("b", b);
        let c = fields.amount("c", Currency::INR);
        let problem = fields.finish(a.zip(b).zip(c)).unwrap_err();
        let expected =
            [("c", "repeated"), ("a", "wrong_type"), ("b", "required"), ("c", "wrong_type"), ("d", "unknown")];
        assert_eq!(errors(&problem), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn a_query_parameter_without_a_value_is_refused_and_a_form_field_is_not_sent() {
        let pairs = || vec![("seller_id".to_owned(), String::new())];
        let mut query = Fields::from_query(pairs());
        let id = query.id("seller_id");
        let problem = query.finish(Some(id)).unwrap_err();
        assert_eq!(errors(&problem), [("seller_id".to_owned(), "empty")]);
        let mut form = Fields::from_form(pairs());
        let id = form.id("seller_id");
        assert_eq!(form.finish(Some(id)).unwrap(), None);
    }

    #[test]
    fn a_body_that_is_no_object_says_where() {
        for body in ["", " ", "[]", "1", "{", "{\"a\"", "{\"a\":}", "null", "{} {}", "\u{feff}{}"] {
            let problem = Fields::from_json(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code().name, "malformed_body", "{body}");
        }
        assert!(Fields::from_json(b"\xff{}").unwrap_err().detail().contains("UTF-8"));
    }

    #[test]
    fn a_wrong_value_is_repeated_only_so_far() {
        let long = format!(r#"{{"n": "{}"}}"#, "9".repeat(10_000));
        let mut fields = Fields::from_json(long.as_bytes()).unwrap();
        let line = fields.line("n", 1, 100);
        assert!(fields.finish(line).unwrap_err().detail().len() < 200);
    }
}
