//! What must not stand in code: unfinished work, sleeping tests, floats near money.

use super::rust::{self, CodeLine};
use super::tree::{File, Finding, Tree};

/// Marks of unfinished work. Each is written in two parts so that this file is not a finding itself.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
    concat!("#[ig", "nore"),
];

const CODE: &[&str] = &["rs", "sql", "html", "css", "js", "toml"];

/// Unfinished work belongs in an issue, where somebody will look for it.
pub(crate) fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in CODE.iter().flat_map(|extension| tree.written(extension)) {
        for (index, line) in text.lines().enumerate() {
            let marks = UNFINISHED.iter().filter(|mark| rust::has_word(line, mark));
            findings.extend(marks.map(|mark| {
                file.finding(index + 1, format!("`{mark}` is unfinished work: finish it or file an issue"))
            }));
        }
    }
    findings
}

/// A test that sleeps is slow on a good day and fails on a bad one.
pub(crate) fn sleeps(tree: &Tree) -> Vec<Finding> {
    each_line(tree, |file, line| {
        let excused = line.raw.split_once("// sleep-ok:").is_some_and(|(_, reason)| !reason.trim().is_empty());
        let sleeps = line.is_test && rust::has_word(line.code, "sleep(") && !excused;
        sleeps.then(|| {
            let says = "a test does not sleep: move the clock or await the event \
                        (or say why it must: `// sleep-ok: reason`)";
            file.finding(line.number, says)
        })
    })
}

/// Rooms in which an amount could meet a float.
const NEAR_MONEY: &[&str] = &["crates/money/", "crates/store/", "crates/ledger/", "apps/"];

/// A float cannot hold 0.10, so none comes near an amount.
pub(crate) fn floats(tree: &Tree) -> Vec<Finding> {
    each_line(tree, |file, line| {
        let near_money = NEAR_MONEY.iter().any(|room| file.path.starts_with(room));
        let float = ["f32", "f64"].into_iter().find(|float| names_float(line.code, float))?;
        near_money.then(|| file.finding(line.number, format!("`{float}` near money: amounts are exact integers")))
    })
}

/// Also finds `1.0f64`, `0_f64` and `as_f64`, where the word is only the end of a longer one.
fn names_float(code: &str, float: &str) -> bool {
    code.match_indices(float).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + float.len()..].chars().next();
        !before.is_some_and(char::is_alphabetic) && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn each_line(tree: &Tree, mut rule: impl FnMut(&File, &CodeLine<'_>) -> Option<Finding>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.written("rs") {
        let code = rust::bare(text);
        let lines = rust::lines(file, text, &code);
        findings.extend(lines.iter().filter_map(|line| rule(file, line)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Tree::sample(&[(path, text)])).len()
    }

    #[test]
    fn unfinished_work_is_found_in_every_kind_of_code() {
        for mark in UNFINISHED {
            let text = format!("a\n// {mark}: later\n");
            for path in ["src/a.rs", "m/0001_a.sql", "t/a.html", "Cargo.toml"] {
                assert_eq!(count(unfinished, path, &text), 1, "{mark} in {path}");
            }
        }
    }

    #[test]
    fn a_longer_word_or_a_page_about_the_rule_is_no_unfinished_work() {
        assert_eq!(count(unfinished, "src/a.rs", concat!("let TO", "DOS = 1;")), 0);
        assert_eq!(count(unfinished, "STYLE.md", concat!("no TO", "DO here")), 0);
    }

    #[test]
    fn a_sleep_in_a_test_is_found_however_it_is_called() {
        for call in ["std::thread::sleep(second)", "tokio::time::sleep(second).await", "sleep(second)"] {
            let text = format!("fn a() {{\n    {call};\n}}\n");
            assert_eq!(count(sleeps, "crates/purser/tests/it/charge.rs", &text), 1, "{call}");
        }
    }

    #[test]
    fn a_sleep_is_excused_by_a_reason_and_allowed_outside_tests() {
        let path = "crates/purser/tests/it/charge.rs";
        assert_eq!(count(sleeps, path, "sleep(a); // sleep-ok: the kill must come late\n"), 0);
        assert_eq!(count(sleeps, path, "sleep(a); // sleep-ok:\n"), 1);
        assert_eq!(count(sleeps, path, "let a = \"sleep(\"; // never sleep()\n"), 0);
        assert_eq!(count(sleeps, "crates/outbox/src/worker.rs", "sleep(a);\n"), 0);
    }

    #[test]
    fn a_float_near_money_is_found_in_all_its_spellings() {
        for text in ["let a: f64 = b;", "let a = 1.0f32;", "value.as_f64()", "let a = 0_f64;"] {
            assert_eq!(count(floats, "crates/money/src/lib.rs", text), 1, "{text}");
            assert_eq!(count(floats, "apps/charge/src/domain.rs", text), 1, "{text}");
            assert_eq!(count(floats, "crates/web/src/metrics.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_comment_about_floats_or_a_word_that_ends_like_one_is_no_float() {
        for text in ["// never an f64", "\"f64\"", "let buf64 = 1;", "let f641 = 1;"] {
            assert_eq!(count(floats, "crates/money/src/lib.rs", text), 0, "{text}");
        }
    }
}
