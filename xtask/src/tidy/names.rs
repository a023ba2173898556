//! Names of types: one name means one thing, and it is a word of the field. GLOSSARY.md says which.

use std::collections::BTreeMap;

use super::rust;
use super::tree::{File, Finding, Tree};

/// Names that several types may share, and why.
const SHARED: &[(&str, &str)] = &[
    ("Error", "each crate has one, and it is imported as `LedgerError` where two meet"),
    ("Result", "as `Error`"),
    ("Settings", "each app has one"),
    ("CreditJson", "is a name in the API's description, and is changed with the API"),
    ("RowJson", "is a name in the API's description, and is changed with the API"),
];

/// Names that no type may have, and what to say in their place. A participle says what has happened to
/// something, and a function word says nothing: neither says what the thing is.
const BANNED: &[(&str, &str)] = &[
    // Words of before.
    ("Away", "CircuitBreaker"),
    ("Broom", "RetentionRule"),
    ("Deed", "PortalAction"),
    ("Desk", "ConsoleState"),
    ("Dice", "a generator by its name"),
    ("Doer", "RequestContext"),
    ("Door", "FormRoute"),
    ("Drawing", "WidgetValue"),
    ("Edge", "MiddlewareState"),
    ("Face", "AppSite"),
    ("Fate", "Outcome"),
    ("Figure", "Widget"),
    ("Guest", "PortalUser"),
    ("House", "Services, SiteState or SystemAccount"),
    ("Lane", "Batcher"),
    ("Needs", "Access"),
    ("News", "Notification"),
    ("Post", "NoticeDelivery"),
    ("Repeatable", "IdempotentRequest"),
    ("Shelf", "AppSection"),
    ("Sheet", "Report, CsvFile, GoogleSheets or Statement"),
    ("Standing", "Status"),
    ("Tie", "ResourceBinding"),
    ("Turn", "Batch"),
    ("Verdict", "Decision or Report"),
    ("Visit", "PortalContext"),
    ("Visitor", "StaffUser"),
    // Function words.
    ("About", ""),
    ("After", ""),
    ("Again", ""),
    ("Against", ""),
    ("Alone", ""),
    ("Anyone", ""),
    ("At", ""),
    ("Before", ""),
    ("Beside", ""),
    ("Each", "BulkStatement"),
    ("Elsewhere", ""),
    ("Less", ""),
    ("More", ""),
    ("Once", "IdempotentResponse"),
    ("Otherwise", ""),
    ("Out", ""),
    ("Own", ""),
    ("Past", ""),
    ("That", ""),
    ("Then", ""),
    ("Via", "EntryPoint"),
    ("Way", ""),
    ("Ways", ""),
    ("What", ""),
    ("Which", ""),
    ("Who", ""),
    ("Whole", ""),
    ("Whoever", ""),
    // Participles.
    ("Accepted", ""),
    ("Acknowledged", ""),
    ("Acting", ""),
    ("Arriving", ""),
    ("Asked", ""),
    ("Asking", ""),
    ("Bounded", ""),
    ("Checked", ""),
    ("Checking", ""),
    ("Chosen", ""),
    ("Claimed", ""),
    ("Closing", ""),
    ("Counted", ""),
    ("Decidable", ""),
    ("Decided", ""),
    ("Declared", ""),
    ("Departing", ""),
    ("Did", "Outcome"),
    ("Doing", "Invocation"),
    ("Done", "Outcome"),
    ("Drawn", ""),
    ("Edited", ""),
    ("Ended", ""),
    ("Ending", ""),
    ("Entered", ""),
    ("Expired", ""),
    ("Failed", ""),
    ("Filled", ""),
    ("Fixed", ""),
    ("Forgot", ""),
    ("Found", ""),
    ("Frozen", ""),
    ("Gathered", ""),
    ("Given", ""),
    ("Going", ""),
    ("Gone", ""),
    ("Granted", ""),
    ("Heard", ""),
    ("Held", ""),
    ("Imported", ""),
    ("Judged", ""),
    ("Kept", ""),
    ("Killed", ""),
    ("Known", ""),
    ("Lacking", ""),
    ("Limited", ""),
    ("Listed", "ListPage"),
    ("Looked", ""),
    ("Looking", ""),
    ("Made", ""),
    ("Measured", ""),
    ("Missed", ""),
    ("Moved", ""),
    ("Named", ""),
    ("Placed", ""),
    ("Posted", ""),
    ("Priced", ""),
    ("Quoted", ""),
    ("Ran", ""),
    ("Recorded", ""),
    ("Refused", ""),
    ("Removed", ""),
    ("Restored", ""),
    ("Restoring", ""),
    ("Reverted", ""),
    ("Running", ""),
    ("Said", ""),
    ("Seen", ""),
    ("Selling", ""),
    ("Sent", ""),
    ("Shown", "a View"),
    ("Sold", ""),
    ("Sorted", ""),
    ("Staged", ""),
    ("Struck", ""),
    ("Taken", ""),
    ("Telling", ""),
    ("Told", ""),
    ("Turned", ""),
    ("Unfinished", ""),
    ("Unmatched", ""),
    ("Waiting", ""),
    ("Wanted", ""),
    ("Watched", ""),
];

/// A definition of a type.
struct Definition<'a> {
    file: &'a File,
    line: usize,
    name: &'a str,
    /// Whether others can see it: `pub`, `pub(crate)`, `pub(super)`.
    is_visible: bool,
    is_test: bool,
}

/// A name that two visible types share sends a reader to the wrong one.
pub(crate) fn one_meaning(tree: &Tree) -> Vec<Finding> {
    let codes = codes(tree);
    let mut by_name: BTreeMap<&str, Vec<Definition<'_>>> = BTreeMap::new();
    for definition in codes.iter().flat_map(|(file, code)| definitions(file, code)) {
        if definition.is_visible && !definition.is_test && !SHARED.iter().any(|(name, _)| *name == definition.name) {
            by_name.entry(definition.name).or_default().push(definition);
        }
    }
    let mut findings = Vec::new();
    for (name, all) in by_name {
        let Some((first, others)) = all.split_first() else { continue };
        for other in others {
            let place = format!("{}:{}", first.file.path, first.line);
            let says = format!("`{name}` is the name of another type in {place}: one name means one thing");
            findings.push(other.file.finding(other.line, says));
        }
    }
    findings
}

/// A type is named by a noun of the field.
pub(crate) fn banned(tree: &Tree) -> Vec<Finding> {
    let codes = codes(tree);
    let all = codes.iter().flat_map(|(file, code)| definitions(file, code));
    let mut findings = Vec::new();
    for definition in all {
        let Some((name, instead)) = BANNED.iter().find(|(name, _)| *name == definition.name) else { continue };
        let hint = if instead.is_empty() { "name the thing itself" } else { instead };
        findings.push(
            definition.file.finding(definition.line, format!("`{name}` is no name for a type: {hint} (GLOSSARY.md)")),
        );
    }
    findings
}

fn codes(tree: &Tree) -> Vec<(&File, String)> {
    tree.written("rs").map(|(file, text)| (file, rust::bare(text))).collect()
}

fn definitions<'a>(file: &'a File, code: &'a str) -> impl Iterator<Item = Definition<'a>> {
    rust::lines(file, code, code).into_iter().filter_map(move |line| {
        let (name, is_visible) = defined(line.code)?;
        Some(Definition { file, line: line.number, name, is_visible, is_test: line.is_test })
    })
}

/// The type that a line defines, and whether others can see it. A `type` with an indent belongs to a trait.
fn defined(code: &str) -> Option<(&str, bool)> {
    let line = code.trim_start();
    let (is_visible, item) = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => (true, rest.split_once(')')?.1.trim_start()),
        Some(rest) if rest.starts_with(' ') => (true, rest.trim_start()),
        _ => (false, line),
    };
    let item = item.strip_prefix("unsafe ").unwrap_or(item);
    let (keyword, rest) = item.split_once(' ')?;
    let is_type = match keyword {
        "struct" | "enum" | "union" | "trait" => true,
        "type" => line.len() == code.len(),
        _ => false,
    };
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    (is_type && rest.starts_with(char::is_uppercase)).then_some((&rest[..end], is_visible))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
        rule(&Tree::sample(files)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_name_of_two_types_that_others_see_is_found() {
        for second in ["pub enum Plan {\n", "pub(crate) struct Plan<'a> {\n", "    pub(super) struct Plan;\n"] {
            let files = [("apps/a/src/lib.rs", "pub struct Plan {\n"), ("crates/b/src/lib.rs", second)];
            let found = sentences(one_meaning, &files);
            assert_eq!(found.len(), 1, "{second}");
            assert!(found[0].starts_with("crates/b/src/lib.rs:1: `Plan`"), "{found:?}");
            assert!(found[0].contains("apps/a/src/lib.rs:1"), "{found:?}");
        }
    }

    #[test]
    fn a_type_of_a_file_of_a_test_or_with_a_reason_may_share_its_name() {
        let first = ("apps/a/src/lib.rs", "pub struct Plan {\n}\npub enum Error {\n}\n");
        for second in [
            ("crates/b/src/lib.rs", "struct Plan {\n"),
            ("crates/b/src/lib.rs", "pub enum Error {\n"),
            ("crates/b/src/lib.rs", "    type Plan = u8;\n"),
            ("crates/b/src/lib.rs", "// pub struct Plan {\n"),
            ("crates/b/src/lib.rs", "pub struct Planner {\n"),
            ("crates/b/tests/it/main.rs", "pub struct Plan {\n"),
            ("crates/b/src/lib.rs", "#[cfg(test)]\nmod tests {\n    pub struct Plan;\n}\n"),
        ] {
            assert_eq!(sentences(one_meaning, &[first, second]), [""; 0], "{second:?}");
        }
    }

    #[test]
    fn a_participle_or_a_function_word_is_found_wherever_it_stands() {
        for text in ["pub struct Told {\n", "enum What {\n", "type Kept = u8;\n", "    pub trait Which {\n"] {
            for path in ["crates/a/src/lib.rs", "crates/a/tests/it/main.rs", "xtask/src/main.rs"] {
                assert_eq!(sentences(banned, &[(path, text)]).len(), 1, "{text} in {path}");
            }
        }
    }

    #[test]
    fn a_word_of_before_is_found_with_the_word_of_now() {
        let found = sentences(banned, &[("crates/a/src/lib.rs", "\npub(crate) struct Doer<'a> {\n")]);
        let says = "crates/a/src/lib.rs:2: `Doer` is no name for a type: RequestContext (GLOSSARY.md)";
        assert_eq!(found, [says]);
    }

    #[test]
    fn a_noun_that_begins_alike_or_a_use_of_a_type_is_no_finding() {
        for text in ["pub struct ToldOff;\n", "use a::Told;\n", "fn told(a: Told) {}\n", "    type Kept = u8;\n"] {
            assert_eq!(sentences(banned, &[("crates/a/src/lib.rs", text)]), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_list_holds_each_name_once() {
        for (index, (name, _)) in BANNED.iter().enumerate() {
            assert!(!BANNED[..index].iter().any(|(other, _)| other == name), "{name} twice");
            assert!(!SHARED.iter().any(|(other, _)| other == name), "{name} is shared and banned");
        }
        assert!(SHARED.iter().all(|(_, reason)| !reason.is_empty()));
    }
}
