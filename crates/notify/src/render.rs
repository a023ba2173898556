//! Templates, filled in. They may be an operator's, so they are bounded in every way; values come from anybody, so they
//! are made harmless before a template sees them.

use std::fmt;
use std::io;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use purser_outbox::{SentText, Template};
use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::html;
use crate::secret_mask::SecretMask;

/// Steps that a template may take. Ours take some tens.
const FUEL: u64 = 50_000;

/// Characters that a filled-in subject has, at most: a long name in it is cut, as mail programs would.
const SUBJECT: usize = 200;

/// Bytes that any part has when it is filled in, at most.
const LONGEST: usize = 262_144;

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePart {
    /// The subject.
    Subject,
    /// The plain text.
    Text,
    /// The HTML.
    Html,
}

impl TemplatePart {
    /// Its name in forms: `subject`, `text`, `html`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TemplatePart::Subject => "subject",
            TemplatePart::Text => "text",
            TemplatePart::Html => "html",
        }
    }
}

/// What is wrong with a part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// Which part.
    pub place: TemplatePart,
    /// What is wrong, and in which line.
    pub message: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place.name(), self.message)
    }
}

/// Fills a mail in: all three parts, the HTML a whole document in `language`. Everything that is wrong is said at once.
/// `secrets` names the values that no template sees.
pub(crate) fn mail(
    template: &Template,
    values: &Map<String, Value>,
    secrets: &[&str],
    language: &str,
) -> Result<SentText, Vec<TemplateFault>> {
    let mut values = harmless(values);
    let veil = SecretMask::mask(&mut values, secrets);
    let mut faults = Vec::new();
    let mut fill = |part, source: &str| {
        let filled = filled(part, source, &values).and_then(|text| match part {
            TemplatePart::Subject => veil.subject(text),
            TemplatePart::Text => veil.text(&text),
            TemplatePart::Html => veil.html(&text),
        });
        filled.map_err(|fault| faults.push(fault)).ok()
    };
    let subject = fill(TemplatePart::Subject, &template.subject);
    let text = fill(TemplatePart::Text, &template.text);
    let own = if template.html.trim().is_empty() { None } else { Some(fill(TemplatePart::Html, &template.html)) };
    let subject = subject.map(|subject| cut(one_line(&subject)));
    if subject.as_ref().is_some_and(String::is_empty) {
        faults.push(TemplateFault { place: TemplatePart::Subject, message: "it must not come out empty".to_owned() });
    }
    faults.extend(emptiness(text.as_ref()));
    match (subject, text) {
        (Some(subject), Some(text)) if faults.is_empty() => {
            let inner = own.flatten().unwrap_or_else(|| html::from_text(&text));
            let html = html::document(language, &subject, &inner);
            Ok(SentText { subject, text, html })
        }
        _ => Err(faults),
    }
}

/// Fills a message in, which is text alone.
pub(crate) fn message(
    template: &Template,
    values: &Map<String, Value>,
    secrets: &[&str],
) -> Result<SentText, Vec<TemplateFault>> {
    let mut values = harmless(values);
    let veil = SecretMask::mask(&mut values, secrets);
    let text = filled(TemplatePart::Text, &template.text, &values).and_then(|text| veil.text(&text));
    let text = text.map_err(|fault| vec![fault])?;
    match emptiness(Some(&text)) {
        Some(fault) => Err(vec![fault]),
        None => Ok(SentText { subject: String::new(), text, html: String::new() }),
    }
}

fn emptiness(text: Option<&String>) -> Option<TemplateFault> {
    let empty = text.is_some_and(|text| text.trim().is_empty());
    empty.then(|| TemplateFault { place: TemplatePart::Text, message: "it must not come out empty".to_owned() })
}

/// The same values, each text in one line: a name with line breaks in it could otherwise pass for a paragraph of ours,
/// or for a header.
fn harmless(values: &Map<String, Value>) -> Map<String, Value> {
    let clean = |value: &Value| match value {
        Value::String(text) => Value::String(one_line(text)),
        other => other.clone(),
    };
    values.iter().map(|(name, value)| (name.clone(), clean(value))).collect()
}

/// Text with a space for each run of control characters and line separators, and none at its ends.
fn one_line(text: &str) -> String {
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    let parts: Vec<&str> = text.split(breaks).map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn cut(subject: String) -> String {
    if subject.chars().count() <= SUBJECT {
        return subject;
    }
    let mut characters = 0;
    let fitting = subject.graphemes(true).take_while(|sign| {
        characters += sign.chars().count();
        characters < SUBJECT
    });
    fitting.chain(["…"]).collect()
}

fn filled(part: TemplatePart, source: &str, values: &Map<String, Value>) -> Result<String, TemplateFault> {
    let fault = |message: String| TemplateFault { place: part, message };
    if source.contains("autoescape") {
        return Err(fault("it must leave autoescape alone: it keeps names from becoming HTML".to_owned()));
    }
    if SecretMask::forged(source) {
        return Err(fault("it has characters for private use, which stand for secrets here".to_owned()));
    }
    let environment = environment();
    let template =
        environment.template_from_named_str(part.name(), source).map_err(|error| fault(fault_text(&error)))?;
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !values.contains_key(name) && environment.globals().all(|(global, _)| global != name))
        .collect();
    unknown.sort();
    if let Some(name) = unknown.first() {
        let known: Vec<&str> = values.keys().map(String::as_str).collect();
        return Err(fault(format!("there is no value '{name}'; there are {}", known.join(", "))));
    }
    let mut out = BoundedWriter { bytes: Vec::new(), limit: LONGEST, over: false };
    let done = template.render_captured_to(context(values), &mut out);
    if out.over {
        return Err(fault(format!("it comes out longer than {LONGEST} bytes")));
    }
    done.map_err(|error| fault(fault_text(&error)))?;
    let text = String::from_utf8(out.bytes).map_err(|error| fault(error.to_string()))?;
    // What a template makes by itself (`"\u0000"`) no database keeps and no mail carries.
    Ok(text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect())
}

/// The values as a template sees them: texts, whole numbers, true and false.
fn context(values: &Map<String, Value>) -> minijinja::Value {
    minijinja::Value::from_pairs(values.iter().map(|(name, value)| {
        let value = match value {
            Value::String(text) => minijinja::Value::from(text.as_str()),
            Value::Bool(yes) => minijinja::Value::from(*yes),
            Value::Null => minijinja::Value::from(()),
            other => other.as_i64().map_or_else(|| minijinja::Value::from(other.to_string()), minijinja::Value::from),
        };
        (name.as_str(), value)
    }))
}

/// The error without the engine's name for the place, which the form says already.
fn fault_text(error: &minijinja::Error) -> String {
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it takes too many steps".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    error.line().map_or(what.clone(), |line| format!("line {line}: {what}"))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(32);
    environment.set_auto_escape_callback(|name| {
        if name == TemplatePart::Html.name() { AutoEscape::Html } else { AutoEscape::None }
    });
    // It would let a name be HTML.
    environment.remove_filter("safe");
    environment
}

/// Takes so many bytes and no more.
struct BoundedWriter {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl io::Write for BoundedWriter {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.limit {
            self.over = true;
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(subject: &str, text: &str, html: &str) -> Template {
        Template { subject: subject.to_owned(), text: text.to_owned(), html: html.to_owned() }
    }

    fn values(name: &str) -> Map<String, Value> {
        let Value::Object(values) = json!({ "name": name, "count": 2 }) else { panic!("an object") };
        values
    }

    fn fault(text: &str) -> String {
        message(&template("", text, ""), &values("Asha"), &[]).unwrap_err()[0].to_string()
    }

    #[test]
    fn a_mail_is_filled_in_and_its_html_made_from_the_text() {
        let mail =
            mail(&template("Hi {{ name }}", "Dear {{ name }},\n\n{{ count }}.", ""), &values("A & B"), &[], "en");
        let mail = mail.unwrap();
        assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Hi A & B", "Dear A & B,\n\n2."));
        assert!(mail.html.contains("<p>Dear A &amp; B,</p>\n<p>2.</p>"), "{}", mail.html);
    }

    #[test]
    fn a_hostile_name_is_a_name_in_every_part() {
        let hostile = "<script>alert(1)</script>\r\nBcc: all@example.com\n\nhttps://evil.example/";
        for html in ["", "<p title=\"{{ name }}\">{{ name|upper }} {{ name|trim }}</p>"] {
            let mail = mail(&template("{{ name }}", "{{ name }}", html), &values(hostile), &[], "en").unwrap();
            assert!(!mail.subject.contains(['\r', '\n']) && !mail.text.contains('\n'), "{mail:?}");
            assert!(!mail.html.to_lowercase().contains("<script") && !mail.html.contains("href"), "{}", mail.html);
        }
    }

    #[test]
    fn what_a_template_says_about_escaping_is_refused() {
        for html in ["{{ name|safe }}", "{% autoescape false %}{{ name }}{% endautoescape %}"] {
            assert!(mail(&template("s", "t", html), &values("x"), &[], "en").is_err(), "{html}");
        }
    }

    #[test]
    fn a_template_that_does_not_work_says_where_and_why() {
        assert_eq!(fault("a\n{{ nme }}"), "text: there is no value 'nme'; there are count, name");
        assert!(fault("a\n{{ name").starts_with("text: line 2: syntax error"), "{}", fault("a\n{{ name"));
        assert!(fault("{{ name.first.last }}").contains("undefined"), "{}", fault("{{ name.first.last }}"));
        assert!(fault("{{ name|nofilter }}").contains("nofilter"));
        assert!(fault("{% include 'x' %}").contains("line 1"));
        assert_eq!(fault("  "), "text: it must not come out empty");
    }

    #[test]
    fn every_fault_is_said_at_once() {
        let faults = mail(&template("{{", "{{ x }}", "{% if %}"), &values("x"), &[], "en").unwrap_err();
        let places: Vec<&str> = faults.iter().map(|fault| fault.place.name()).collect();
        assert_eq!(places, ["subject", "text", "html"]);
    }

    #[test]
    fn a_template_ends_and_what_it_makes_is_bounded() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% set x = a %}{% endfor %}{% endfor %}x";
        assert!(fault(endless).contains("too many steps"), "{}", fault(endless));
        let long = "{% for a in range(9999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}";
        assert!(fault(long).contains("longer than"), "{}", fault(long));
    }
}
