//! The few places where one SQL text must become another.
//!
//! Statements are written once, with SQLite's `?1` parameters (SQLite numbers `$1` by first appearance, PostgreSQL does
//! not know `?1`), and rewritten for PostgreSQL when it prepares them. Migrations are written once in PostgreSQL's types
//! and rewritten for SQLite.

/// `?1` → `$1`, outside string literals, quoted names and comments.
pub(crate) fn to_postgres(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for piece in pieces(sql) {
        match piece {
            Piece::Code(text) => out.push_str(&text.replace('?', "$")),
            Piece::Quoted(text) => out.push_str(text),
            Piece::Comment(_) => out.push(' '),
        }
    }
    out
}

/// A migration as PostgreSQL runs it: `/*postgres … */` opened, every other comment dropped, and text compared by its
/// bytes as SQLite does, in whatever language the database was made.
pub(crate) fn migration_for_postgres(sql: &str) -> String {
    opened(sql, "postgres", |code| words(code, |word| if word == "TEXT" { "TEXT COLLATE \"C\"" } else { word }))
}

/// A migration as SQLite runs it: `/*sqlite … */` opened, every other comment dropped, types in SQLite's names
/// (STRICT tables know INTEGER, TEXT and BLOB).
pub(crate) fn migration_for_sqlite(sql: &str) -> String {
    opened(sql, "sqlite", |code| {
        words(code, |word| match word {
            "BIGINT" => "INTEGER",
            "UUID" | "BYTEA" => "BLOB",
            other => other,
        })
    })
}

fn opened(sql: &str, engine: &str, code: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(sql.len());
    for piece in pieces(sql) {
        match piece {
            Piece::Code(text) => out.push_str(&code(text)),
            Piece::Quoted(text) => out.push_str(text),
            Piece::Comment(text) => match live(text, engine) {
                Some(inner) => out.push_str(inner),
                None => out.push(' '),
            },
        }
    }
    out
}

/// The inside of `/*engine … */`, where the comment is one.
fn live<'a>(comment: &'a str, engine: &str) -> Option<&'a str> {
    comment.strip_prefix("/*")?.strip_prefix(engine)?.strip_suffix("*/").filter(|inner| inner.starts_with([' ', '\n']))
}

/// Applies `change` to each run of letters, digits and underscores.
fn words(text: &str, change: impl Fn(&str) -> &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word_end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        out.push_str(change(&rest[..word_end]));
        rest = &rest[word_end..];
        let gap_end = rest.find(is_word).unwrap_or(rest.len());
        out.push_str(&rest[..gap_end]);
        rest = &rest[gap_end..];
    }
    out
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Code(&'a str),
    Quoted(&'a str),
    Comment(&'a str),
}

fn pieces(mut sql: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while !sql.is_empty() {
        let start = sql.find(['\'', '"', '-', '/']).unwrap_or(sql.len());
        let (code, rest) = sql.split_at(start);
        if !code.is_empty() {
            pieces.push(Piece::Code(code));
        }
        let (piece, rest) = special(rest);
        pieces.extend(piece);
        sql = rest;
    }
    pieces
}

/// The literal, comment or lone mark that `text` begins with, and what follows it.
fn special(text: &str) -> (Option<Piece<'_>>, &str) {
    let cut = |end: Option<usize>, width: usize| text.split_at(end.map_or(text.len(), |at| at + width));
    if text.is_empty() {
        (None, text)
    } else if text.starts_with("--") {
        let (comment, rest) = cut(text.find('\n'), 0);
        (Some(Piece::Comment(comment)), rest)
    } else if text.starts_with("/*") {
        let (comment, rest) = cut(text.find("*/"), 2);
        (Some(Piece::Comment(comment)), rest)
    } else if text.starts_with(['\'', '"']) {
        // A doubled quote inside a literal reads as two literals side by side, which comes to the same.
        let (quoted, rest) = cut(text[1..].find(&text[..1]), 2);
        (Some(Piece::Quoted(quoted)), rest)
    } else {
        let (mark, rest) = text.split_at(1);
        (Some(Piece::Code(mark)), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_renamed_but_not_inside_literals() {
        let sql = "SELECT '?1', \"?2\" FROM t WHERE a = ?1 AND b - ?2 > 0 -- why ?3\n AND c = 'it''s ?'";
        assert_eq!(to_postgres(sql), "SELECT '?1', \"?2\" FROM t WHERE a = $1 AND b - $2 > 0  \n AND c = 'it''s ?'");
    }

    #[test]
    fn a_migration_opens_only_the_comments_of_its_engine() {
        let sql = "CREATE TABLE t (id UUID PRIMARY KEY, at BIGINT, note TEXT) /*sqlite WITHOUT ROWID, STRICT */; /* a note */\
                   /*postgres CREATE INDEX p ON t (at); */";
        assert_eq!(
            migration_for_sqlite(sql),
            "CREATE TABLE t (id BLOB PRIMARY KEY, at INTEGER, note TEXT)  WITHOUT ROWID, STRICT ;   "
        );
        assert_eq!(
            migration_for_postgres(sql),
            "CREATE TABLE t (id UUID PRIMARY KEY, at BIGINT, note TEXT COLLATE \"C\")  ;   CREATE INDEX p ON t (at); "
        );
    }

    #[test]
    fn a_column_whose_name_contains_a_type_keeps_its_name() {
        assert_eq!(migration_for_sqlite("a_BIGINT BIGINT, UUIDS TEXT"), "a_BIGINT INTEGER, UUIDS TEXT");
    }

    #[test]
    fn text_that_never_closes_is_kept_to_its_end() {
        assert_eq!(to_postgres("SELECT 'open ?1"), "SELECT 'open ?1");
        assert_eq!(to_postgres("a /* open"), "a  ");
    }
}
