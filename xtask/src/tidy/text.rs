//! The ends of lines and the length of files.

use super::tree::{File, Finding, Tree};

/// No space at the end of a line, one newline at the end of a file, no tabs in Rust.
pub(crate) fn line_ends(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts() {
        for (index, line) in text.split('\n').enumerate() {
            findings.extend(line_problem(file, line).map(|says| file.finding(index + 1, says)));
        }
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            findings.push(file.whole("a file ends with one newline"));
        }
    }
    findings
}

fn line_problem(file: &File, line: &str) -> Option<&'static str> {
    if line.ends_with('\r') {
        return Some("the line ends as on Windows (CRLF): this repository uses LF");
    }
    if line.ends_with(char::is_whitespace) {
        return Some("space at the end of the line");
    }
    (file.name().ends_with(".rs") && line.contains('\t'))
        .then_some("a tab: Rust here is indented by spaces, and \\t is a tab in a string")
}

/// More than this and a file is two things.
const MOST_LINES: usize = 600;

/// The reason for a longer file stands among its first lines.
const REASON: &str = "Long because:";
const FIRST_LINES: usize = 12;

/// A file that one reads in one sitting, or a reason why not.
pub(crate) fn length(tree: &Tree) -> Vec<Finding> {
    let long = tree.texts().filter(|(_, text)| text.lines().count() > MOST_LINES && !excused(text));
    long.map(|(file, text)| {
        let count = text.lines().count();
        let says = format!(
            "{count} lines, and {MOST_LINES} are enough: split it along a real seam, \
             or say why not at the top (`{REASON} …`)"
        );
        file.whole(says)
    })
    .collect()
}

fn excused(text: &str) -> bool {
    let mut first = text.lines().take(FIRST_LINES);
    first.any(|line| line.split_once(REASON).is_some_and(|(_, reason)| !reason.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<String> {
        rule(&Tree::sample(&[(path, text)])).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn space_at_the_end_of_a_line_is_found_with_its_line() {
        let expected = ["a.md:2: space at the end of the line"];
        assert_eq!(found(line_ends, "a.md", "a\nb \nc\n"), expected);
        assert_eq!(found(line_ends, "a.sql", "a\t\n").len(), 1);
        assert_eq!(found(line_ends, "a.rs", "a\r\n").len(), 1);
    }

    #[test]
    fn a_file_ends_with_one_newline() {
        let expected = ["a.md: a file ends with one newline"];
        assert_eq!(found(line_ends, "a.md", "a"), expected);
        assert_eq!(found(line_ends, "a.md", "a\n\n"), expected);
        assert_eq!(found(line_ends, "a.md", "a\n"), [""; 0]);
        assert_eq!(found(line_ends, "empty", ""), [""; 0]);
    }

    #[test]
    fn a_tab_is_found_in_rust_only() {
        assert_eq!(found(line_ends, "a.rs", "\tlet a = 1;\n").len(), 1);
        assert_eq!(found(line_ends, "a.sql", "\tid BIGINT\n"), [""; 0]);
    }

    #[test]
    fn a_long_file_is_found_unless_it_says_why() {
        let lines = "a\n".repeat(MOST_LINES);
        assert_eq!(found(length, "a.rs", &lines), [""; 0]);
        assert_eq!(found(length, "a.rs", &format!("{lines}a\n")).len(), 1);
        assert_eq!(found(length, "a.rs", &format!("// Long because: one table\n{lines}")), [""; 0]);
        assert_eq!(found(length, "a.rs", &format!("// Long because:\n{lines}")).len(), 1);
        assert_eq!(found(length, "a.rs", &format!("{lines}// Long because: late\n")).len(), 1);
    }
}
