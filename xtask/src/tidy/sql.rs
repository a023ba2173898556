//! SQL: who may write the ledger's tables, and the order of migrations.

use std::collections::BTreeMap;

use super::rust;
use super::tree::{File, Finding, Tree, line_of};

const LEDGER: &str = "crates/ledger/";

/// Only the ledger changes a balance. Tests are let through: they tamper, to see that it is noticed.
pub(crate) fn ledger_writes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.written("rs").filter(|(file, _)| outside_ledger(file)) {
        let bare = rust::bare(text);
        let lines = rust::lines(file, text, &bare);
        for (line, table) in writes(&rust::without_comments(text)) {
            if lines.get(line - 1).is_some_and(|line| !line.is_test) {
                findings.push(ledger_write(file, line, table));
            }
        }
    }
    for (file, text) in tree.written("sql").filter(|(file, _)| outside_ledger(file)) {
        let code = without_comments(text);
        findings.extend(writes(&code).map(|(line, table)| ledger_write(file, line, table)));
    }
    findings
}

fn outside_ledger(file: &File) -> bool {
    !file.path.starts_with(LEDGER)
}

fn ledger_write(file: &File, line: usize, table: &str) -> Finding {
    file.finding(line, format!("writes {table}: only crates/ledger changes its tables"))
}

/// The words after which a table's name means that it is changed.
const BEFORE_WRITTEN: &[&str] = &["into", "update", "delete from", "table", "exists", "truncate"];

/// Each place where a `ledger_` table is written: the line and the table.
fn writes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("ledger_").filter_map(|(at, _)| {
        // Between the verb and the table there is only space, or a line of a string that goes on.
        let before = text[..at].trim_end_matches(|c: char| c.is_whitespace() || "\"\\".contains(c));
        let words = before.to_lowercase();
        let words: Vec<&str> = words.rsplit(char::is_whitespace).take(2).collect();
        let last = words.first()?.trim_start_matches(|c: char| !c.is_alphanumeric());
        let pair = format!("{} {last}", words.get(1).copied().unwrap_or_default());
        let written = BEFORE_WRITTEN.iter().any(|verb| last == *verb || pair.ends_with(verb));
        let separated = before.len() < at;
        (written && separated).then(|| (line_of(text, at), word_at(text, at)))
    })
}

fn word_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    &rest[..end]
}

/// SQL without `--` comments. No migration has a string with two dashes in it.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        code.push_str(line.split_once("--").map_or(line, |(code, _)| code));
        code.push('\n');
    }
    code
}

/// Migrations are `NNNN_name.sql`, numbered from 0001 without a gap, each included by its crate,
/// and none makes a column of floats.
pub(crate) fn migrations(tree: &Tree) -> Vec<Finding> {
    let mut rooms: BTreeMap<&str, Vec<(&File, &str)>> = BTreeMap::new();
    for (file, text) in tree.written("sql") {
        if let Some(room) = file.folder().strip_suffix("/migrations") {
            rooms.entry(room).or_default().push((file, text));
        }
    }
    let mut findings = Vec::new();
    for (room, files) in rooms {
        for (index, (file, text)) in files.into_iter().enumerate() {
            findings.extend(misnumbered(file, index + 1).map(|says| file.whole(says)));
            findings.extend(left_out(tree, room, file).map(|says| file.whole(says)));
            findings.extend(float_columns(file, text));
        }
    }
    findings
}

fn misnumbered(file: &File, expected: usize) -> Option<String> {
    let example = format!("{expected:04}_name.sql");
    let stem = file.name().trim_end_matches(".sql");
    let Some((number, name)) = stem.split_once('_') else {
        return Some(format!("a migration is named as {example}"));
    };
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(lower) {
        return Some(format!("a migration is named as {example}, in small letters"));
    }
    (number != format!("{expected:04}"))
        .then(|| format!("migrations are numbered without a gap: this should be {example}"))
}

fn left_out(tree: &Tree, room: &str, file: &File) -> Option<String> {
    let source = format!("{room}/src/");
    let included = format!("migrations/{}\"", file.name());
    let mut sources = tree.written("rs").filter(|(file, _)| file.path.starts_with(&source));
    let found = sources.any(|(_, text)| text.contains(&included));
    (!found).then(|| format!("no include_str! in {source} names this migration: it would never run"))
}

const FLOAT_TYPES: &[&str] = &["real", "float", "float4", "float8", "double"];

fn float_columns(file: &File, text: &str) -> Vec<Finding> {
    let code = without_comments(text).to_lowercase();
    let lines = code.lines().enumerate();
    let floats = lines.filter(|(_, line)| FLOAT_TYPES.iter().any(|word| rust::has_word(line, word)));
    floats.map(|(index, _)| file.finding(index + 1, "a column of floats: numbers here are exact")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(findings: Vec<Finding>) -> Vec<String> {
        findings.iter().map(Finding::to_string).collect()
    }

    fn written_from(path: &str, text: &str) -> usize {
        ledger_writes(&Tree::sample(&[(path, text)])).len()
    }

    const WRITES: &[&str] = &[
        "INSERT INTO ledger_transfers (id) VALUES (?1)",
        "insert or ignore into ledger_transfers (id) values (?1)",
        "UPDATE ledger_accounts SET balance = 0",
        "DELETE FROM ledger_holds",
        "DROP TABLE ledger_holds",
        "CREATE TABLE IF NOT EXISTS ledger_extra (id BIGINT)",
        "WITH a AS (UPDATE ledger_accounts SET x = 1 RETURNING y)",
        "UPDATE\n    ledger_accounts SET x = 1",
    ];

    #[test]
    fn a_write_to_a_ledger_table_elsewhere_is_found() {
        for sql in WRITES {
            let rust = format!("fn a() {{\n    tx.execute(\"{sql}\", &[]);\n}}\n");
            assert_eq!(written_from("apps/charge/src/store.rs", &rust), 1, "{sql}");
            assert_eq!(written_from("apps/charge/migrations/0001_charge.sql", sql), 1, "{sql}");
        }
    }

    #[test]
    fn a_statement_over_several_lines_of_a_string_is_found() {
        let rust = "const SQL: &str = \"UPDATE \\\n    ledger_accounts SET x = 1\";\n";
        let findings = ledger_writes(&Tree::sample(&[("apps/charge/src/store.rs", rust)]));
        let expected = "apps/charge/src/store.rs:2: \
                        writes ledger_accounts: only crates/ledger changes its tables";
        assert_eq!(sentences(findings), [expected]);
    }

    #[test]
    fn the_ledger_and_the_tests_may_write() {
        for sql in WRITES {
            let rust = format!("const SQL: &str = \"{sql}\";\n");
            assert_eq!(written_from("crates/ledger/src/post.rs", &rust), 0);
            assert_eq!(written_from("crates/purser/tests/it/ledger.rs", &rust), 0);
        }
    }

    #[test]
    fn reading_and_referring_are_no_writes() {
        for sql in [
            "SELECT balance FROM ledger_accounts",
            "DELETE FROM charge_sales WHERE id IN (SELECT id FROM ledger_holds)",
            "account BIGINT NOT NULL REFERENCES ledger_accounts (id)",
        ] {
            let rust = format!("const SQL: &str = \"{sql}\";\n");
            assert_eq!(written_from("apps/charge/src/store.rs", &rust), 0, "{sql}");
        }
        let rust = "// update ledger_accounts\nfn update(ledger_id: i64) { update_ledger_view(); }\n";
        assert_eq!(written_from("apps/charge/src/store.rs", rust), 0);
    }

    const SOURCE: &str = r#"include_str!("../migrations/0001_a.sql") "migrations/0002_b.sql""#;

    fn migrations_of(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![("crates/x/src/lib.rs", SOURCE)];
        all.extend(files);
        sentences(migrations(&Tree::sample(&all)))
    }

    #[test]
    fn migrations_in_order_are_fine() {
        let files = [("crates/x/migrations/0001_a.sql", "x BIGINT"), ("crates/x/migrations/0002_b.sql", "")];
        assert_eq!(migrations_of(&files), [""; 0]);
    }

    #[test]
    fn a_gap_a_bad_name_and_a_file_left_out_are_found() {
        let gap = migrations_of(&[("crates/x/migrations/0002_b.sql", "")]);
        assert!(gap.len() == 1 && gap[0].contains("this should be 0001_name.sql"), "{gap:?}");
        let name = migrations_of(&[("crates/x/migrations/0001-a.sql", "")]);
        assert!(name[0].contains("named as 0001_name.sql"), "{name:?}");
        let case = migrations_of(&[("crates/x/migrations/0001_Big.sql", "")]);
        assert!(case[0].contains("small letters"), "{case:?}");
        let left_out = migrations_of(&[("crates/x/migrations/0001_c.sql", "")]);
        assert!(left_out.len() == 1 && left_out[0].contains("never run"), "{left_out:?}");
    }

    #[test]
    fn a_column_of_floats_is_found_with_its_line() {
        let text = "-- a real comment\nid BIGINT,\nrate DOUBLE PRECISION\n";
        let found = migrations_of(&[("crates/x/migrations/0001_a.sql", text)]);
        let expected = "crates/x/migrations/0001_a.sql:3: a column of floats: numbers here are exact";
        assert_eq!(found, [expected]);
    }
}
