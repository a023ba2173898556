//! HTML around and out of text.

/// A whole document around what a mail says. Styles stand in the elements: many mail programs drop all others.
pub(crate) fn document(language: &str, subject: &str, inner: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title></head>\n\
         <body style=\"margin:0;padding:1.5rem;font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,\
         'Noto Sans','Noto Sans Devanagari',sans-serif\">\n<div style=\"max-width:36rem;margin:0 auto\">\n{inner}\n</div>\n\
         </body>\n</html>\n",
        escaped(subject)
    )
}

/// Paragraphs as text has them. A line that is an address and nothing else becomes a link: an address in the middle of
/// a sentence may have come in with somebody's name.
pub(crate) fn from_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let lines: Vec<String> = paragraph.lines().map(line).collect();
        html.push_str("<p>");
        html.push_str(&lines.join("<br>\n"));
        html.push_str("</p>\n");
    }
    html
}

fn line(text: &str) -> String {
    let (text, safe) = (text.trim(), escaped(text.trim()));
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    if is_address && !text.contains(char::is_whitespace) { format!("<a href=\"{safe}\">{safe}</a>") } else { safe }
}

/// Text in which HTML finds nothing special.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_paragraphs_and_an_address_on_its_own_line_a_link() {
        let html = from_text("Hello <b>,\nopen\nhttps://a.b/?x=1&y=2\n\n\n\nBye http://evil.example/ now");
        assert_eq!(
            html,
            "<p>Hello &lt;b&gt;,<br>\nopen<br>\n<a href=\"https://a.b/?x=1&amp;y=2\">https://a.b/?x=1&amp;y=2</a></p>\n\
             <p>Bye http://evil.example/ now</p>\n"
        );
    }

    #[test]
    fn an_address_cannot_leave_its_attribute() {
        assert!(!from_text("https://a.b/\"onclick=\"x").contains("\"onclick"));
    }

    #[test]
    fn a_subject_cannot_end_the_title() {
        assert!(document("en", "</title><script>", "").contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    }
}
