//! Just enough of Rust's grammar to tell code from comments and the product from its tests.

use std::ops::Range;

use super::tree::File;

/// One line of a Rust file.
pub(crate) struct CodeLine<'a> {
    /// From 1.
    pub(crate) number: usize,
    /// As written.
    pub(crate) raw: &'a str,
    /// With spaces in place of comments and of all that stands in quotes.
    pub(crate) code: &'a str,
    /// Whether it is part of a test.
    pub(crate) is_test: bool,
}

/// The lines of a Rust file; `code` is what [`bare`] made of its text.
pub(crate) fn lines<'a>(file: &File, text: &'a str, code: &'a str) -> Vec<CodeLine<'a>> {
    let all_test = is_test_path(&file.path);
    let mut block = TestBlock::Outside;
    let pairs = text.lines().zip(code.lines()).enumerate();
    pairs
        .map(|(index, (raw, code))| {
            let inside = block.advance(code);
            CodeLine { number: index + 1, raw, code, is_test: all_test || inside }
        })
        .collect()
}

/// Whether a whole file is test code: in a `tests` folder, or a `tests.rs` beside what it tests.
pub(crate) fn is_test_path(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Where a line stands to an item under `#[cfg(test)]`. rustfmt's layout is relied on: such an item
/// ends with the first line that has the indent of its attribute and closes something.
enum TestBlock {
    Outside,
    Inside { indent: usize },
}

impl TestBlock {
    /// Whether this line belongs to a test; moves on to the next.
    fn advance(&mut self, code: &str) -> bool {
        let bare = code.trim();
        let indent = code.len() - code.trim_start().len();
        match *self {
            TestBlock::Outside if bare.starts_with("#[cfg(") && has_word(bare, "test") => {
                *self = TestBlock::Inside { indent };
                true
            }
            TestBlock::Outside => false,
            TestBlock::Inside { indent: start } => {
                let closes = bare.ends_with('}') || bare.ends_with(';');
                if indent == start && closes && !bare.starts_with("#[") {
                    *self = TestBlock::Outside;
                }
                true
            }
        }
    }
}

/// `text` with a space for each byte of a comment, so that lines and offsets stay where they are.
pub(crate) fn without_comments(text: &str) -> String {
    blank(text, |piece| matches!(piece, Piece::Comment))
}

/// `text` with spaces in place of comments and of all that stands in quotes.
pub(crate) fn bare(text: &str) -> String {
    blank(text, |_| true)
}

/// A stretch of text that is no code.
enum Piece {
    Comment,
    Quoted,
}

fn blank(text: &str, blanked: impl Fn(&Piece) -> bool) -> String {
    let mut code = String::with_capacity(text.len());
    let mut from = 0;
    for (_, range) in pieces(text).into_iter().filter(|(piece, _)| blanked(piece)) {
        code.push_str(&text[from..range.start]);
        let inside = text[range.clone()].bytes();
        code.extend(inside.map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        from = range.end;
    }
    code.push_str(&text[from..]);
    code
}

fn pieces(text: &str) -> Vec<(Piece, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (piece, length) = if rest.starts_with("//") {
            (Piece::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Piece::Comment, block_comment(rest))
        } else if let Some(length) = literal(text, at) {
            (Piece::Quoted, length)
        } else {
            at += char_length(rest);
            continue;
        };
        found.push((piece, at..at + length));
        at += length;
    }
    found
}

/// Block comments nest in Rust.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += char_length(&rest[at..]);
        }
    }
    rest.len()
}

/// The length of the string or character that starts at `at`; None where none does.
fn literal(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let in_word = text[..at].chars().next_back().is_some_and(is_word);
    match rest.as_bytes()[0] {
        b'"' => Some(quoted(rest, '"')),
        b'r' if !in_word || text[..at].ends_with('b') => raw_string(rest),
        b'\'' if is_character(rest) => Some(quoted(rest, '\'')),
        _ => None,
    }
}

/// `'a'` and `'\n'` are characters; `'a` alone is a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return offset + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`; None where `r` begins something else.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |offset| offset + end.len());
    Some(1 + hashes + 1 + length)
}

fn char_length(rest: &str) -> usize {
    rest.chars().next().map_or(1, char::len_utf8)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `needle` stands in `text` and is not a part of a longer word.
pub(crate) fn has_word(text: &str, needle: &str) -> bool {
    text.match_indices(needle).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + needle.len()..].chars().next();
        let starts = !needle.starts_with(is_word) || !before.is_some_and(is_word);
        let ends = !needle.ends_with(is_word) || !after.is_some_and(is_word);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::Tree;

    fn test_lines(path: &str, text: &str) -> Vec<usize> {
        let tree = Tree::sample(&[(path, text)]);
        let code = bare(text);
        let lines = lines(&tree.files[0], text, &code);
        lines.iter().filter(|line| line.is_test).map(|line| line.number).collect()
    }

    #[test]
    fn comments_become_spaces_and_everything_else_stays() {
        assert_eq!(without_comments("a // b\nc"), "a     \nc");
        assert_eq!(without_comments("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(without_comments("/// é\nfn f() {}"), "      \nfn f() {}");
    }

    #[test]
    fn text_in_quotes_is_no_comment() {
        for text in [
            r#"let a = "https://x";"#,
            r#"let a = "\"// no";"#,
            "let a = '\"'; let b = \"//\";",
            "let a = '\\''; let b = \"//\";",
            "let a = r\"\\\"; let b = \"//\";",
            "let a = r#\"\"//\"#;",
            "let a = br#\"//\"#;",
        ] {
            assert_eq!(without_comments(text), text);
        }
    }

    #[test]
    fn the_bare_code_has_no_quotes_left() {
        assert_eq!(bare("f(\"a\", 'b', r#\"c\"#); // d"), "f(   ,    ,       );     ");
    }

    #[test]
    fn a_lifetime_opens_no_quotes() {
        assert_eq!(without_comments("fn f<'a>(a: &'a str) {} // b"), "fn f<'a>(a: &'a str) {}     ");
    }

    #[test]
    fn a_test_module_is_test_from_its_attribute_to_its_end() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
        assert_eq!(test_lines("crates/a/src/lib.rs", text), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_test_item_of_one_line_ends_there() {
        let text = "#[cfg(all(test, unix))]\n#[path = \"x.rs\"]\nmod tests;\nfn c() {}\n";
        assert_eq!(test_lines("crates/a/src/lib.rs", text), [1, 2, 3]);
    }

    #[test]
    fn a_file_under_tests_is_test_throughout() {
        assert_eq!(test_lines("crates/a/tests/it/main.rs", "fn a() {}\n"), [1]);
        assert_eq!(test_lines("crates/a/src/sale/tests.rs", "fn a() {}\n"), [1]);
        assert_eq!(test_lines("crates/testkit/src/lib.rs", "fn a() {}\n"), [0; 0]);
    }

    #[test]
    fn a_word_is_found_only_whole() {
        assert!(has_word("a.sleep(b)", "sleep("));
        assert!(!has_word("oversleep(b)", "sleep("));
        assert!(has_word("cfg(test)", "test") && !has_word("cfg(testing)", "test"));
    }
}
