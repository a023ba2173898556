//! Templates: the content security policy allows nothing inline and nothing from another site.

use super::tree::{Finding, Tree, line_of};

/// What a browser would refuse to run or load, said here before a browser says it.
pub(crate) fn inline_or_foreign(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.written("html") {
        for tag in tags(text) {
            let line = line_of(text, tag.at);
            findings.extend(tag.problems().into_iter().map(|says| file.finding(line, says)));
        }
    }
    findings
}

/// An opening tag.
struct Tag<'a> {
    /// The offset of its `<`.
    at: usize,
    name: &'a str,
    /// Names and values; the value is empty where there is none.
    attributes: Vec<(&'a str, &'a str)>,
}

impl Tag<'_> {
    fn problems(&self) -> Vec<String> {
        let name = self.name.to_lowercase();
        let mut problems = Vec::new();
        if name == "script" && !self.attributes.iter().any(|(name, _)| *name == "src") {
            problems.push(String::from("an inline script: move it to a file among the assets"));
        }
        if name == "style" {
            problems.push(String::from("an inline style sheet: move it to a file among the assets"));
        }
        let attributes = self.attributes.iter();
        problems.extend(attributes.filter_map(|(key, value)| problem(&name, key, value)));
        problems
    }
}

fn problem(tag: &str, key: &str, value: &str) -> Option<String> {
    let key = key.to_lowercase();
    let value = value.trim().to_lowercase();
    if key == "style" {
        return Some(String::from("a style attribute: give it a class"));
    }
    if (key.starts_with("on") && key.len() > 2) || key.starts_with("hx-on") {
        return Some(format!("an inline handler, `{key}`: listen to the event in a script file"));
    }
    if value.starts_with("javascript:") {
        return Some(format!("a script in `{key}`: listen to the event in a script file"));
    }
    // A link that a person follows may lead anywhere; what the page loads by itself may not.
    let loads = matches!(key.as_str(), "src" | "srcset" | "poster") || (tag, &*key) == ("link", "href");
    let foreign = ["http:", "https:", "//"].iter().any(|start| value.starts_with(start));
    (loads && foreign).then(|| format!("`{key}` loads from another site: vendor the file"))
}

fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(length) = skipped(rest) {
            at += length;
        } else if rest.starts_with('<') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            let mut reader = Reader { text, at: at + 1 };
            let name = reader.word();
            tags.push(Tag { at, name, attributes: reader.attributes() });
            at = reader.at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    tags
}

/// The length of what is no markup: a comment, or an expression of the template.
fn skipped(rest: &str) -> Option<usize> {
    const PAIRS: [(&str, &str); 4] = [("<!--", "-->"), ("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    let (_, end) = PAIRS.into_iter().find(|(start, _)| rest.starts_with(start))?;
    Some(rest.find(end).map_or(rest.len(), |at| at + end.len()))
}

/// Reads the inside of a tag.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn attributes(&mut self) -> Vec<(&'a str, &'a str)> {
        let mut attributes = Vec::new();
        loop {
            self.skip_while(|c| c.is_whitespace() || c == '/');
            if let Some(length) = skipped(self.rest()) {
                self.at += length;
                continue;
            }
            let name = self.word();
            if name.is_empty() {
                self.skip_one();
                return attributes;
            }
            let value = if self.rest().starts_with('=') { self.value() } else { "" };
            attributes.push((name, value));
        }
    }

    /// A name: up to space, `=`, `/` or `>`.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        self.skip_while(|c| !c.is_whitespace() && !"=/>".contains(c));
        &self.text[start..self.at]
    }

    /// What follows `=`, without its quotes.
    fn value(&mut self) -> &'a str {
        self.skip_one();
        let quote = self.rest().chars().next().filter(|c| *c == '"' || *c == '\'');
        if quote.is_some() {
            self.skip_one();
        }
        let start = self.at;
        while let Some(next) = self.rest().chars().next() {
            let ends = quote.map_or(next.is_whitespace() || next == '>', |quote| next == quote);
            if ends {
                break;
            }
            self.at += skipped(self.rest()).unwrap_or(next.len_utf8());
        }
        let value = &self.text[start..self.at];
        if quote.is_some() {
            self.skip_one();
        }
        value
    }

    fn skip_while(&mut self, skip: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !skip(c)).unwrap_or(rest.len());
    }

    fn skip_one(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<String> {
        let tree = Tree::sample(&[("crates/kit/templates/page.html", html)]);
        inline_or_foreign(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn what_the_policy_of_the_browser_would_refuse_is_found() {
        for html in [
            "<script>run()</script>",
            "<script type=\"module\">run()</script>",
            "<style>p { color: red }</style>",
            "<p style=\"color: red\">",
            "<p STYLE='color: red'>",
            "<a href=\"javascript:run()\">",
            "<button onclick=\"run()\">",
            "<button class=a onclick=run()>",
            "<button hx-on:click=\"run()\">",
            "<script src=\"https://cdn.example/x.js\"></script>",
            "<link rel=\"stylesheet\" href=\"//cdn.example/x.css\">",
            "<img src=http://example.org/x.png>",
            "<p {% if a > b %}hidden{% endif %} style=\"x\">",
        ] {
            assert_eq!(found(html).len(), 1, "{html}: {:?}", found(html));
        }
    }

    #[test]
    fn an_ordinary_page_has_no_findings() {
        let page = r#"
            <!-- <script>old()</script> -->
            {# <style></style> #}
            <link rel="stylesheet" href="/assets/purser.css">
            <script src="/assets/purser.js" defer></script>
            <a href="https://example.org/" class="{{ a("b") }}">out</a>
            {% if a < b && c > d %}<p aria-label='on="x"'>onclick="x"</p>{% endif %}
            <img src="{{ picture }}" alt="A &lt;script&gt;">
            <svg viewBox="0 0 1 1"/>
        "#;
        assert_eq!(found(page), [""; 0]);
    }

    #[test]
    fn the_finding_names_the_line_of_the_tag() {
        let expected = "crates/kit/templates/page.html:2: a style attribute: give it a class";
        assert_eq!(found("<p>\n<p\n  style=\"x\">"), [expected]);
    }

    #[test]
    fn a_tag_that_never_ends_is_read_to_the_end() {
        assert_eq!(found("<p style").len(), 1);
        assert_eq!(found("<p class=\"a"), [""; 0]);
    }
}
