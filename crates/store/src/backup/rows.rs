//! A row as a line of text, in PostgreSQL's COPY format: fields between tabs, `\N` for NULL, a backslash before what
//! would be mistaken for either. Bytes are `\\x` and hex digits, ids the same of their 16 bytes.

use crate::Error;

/// What a field holds, as SQLite keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowField {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What bytes begin with: a backslash, escaped, and an x.
pub(super) const BYTES: &[u8] = b"\\\\x";

pub(super) fn null_write(line: &mut Vec<u8>) {
    line.extend_from_slice(b"\\N");
}

pub(super) fn text_write(line: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            other => line.push(*other),
        }
    }
}

pub(super) fn bytes_write(line: &mut Vec<u8>, bytes: &[u8]) {
    line.extend_from_slice(BYTES);
    for byte in bytes {
        line.push(DIGITS[usize::from(byte >> 4)]);
        line.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// The fields of a line without its newline.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b'\t')
}

pub(super) fn is_null(field: &[u8]) -> bool {
    field == b"\\N"
}

pub(super) fn int_read(field: &[u8]) -> Result<i64, Error> {
    let number = std::str::from_utf8(field).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| unreadable("a whole number", field))
}

pub(super) fn text_read(field: &[u8]) -> Result<String, Error> {
    let mut text = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'\\' => escaped(bytes.next()).ok_or_else(|| unreadable("text", field))?,
            other => *other,
        });
    }
    String::from_utf8(text).map_err(|_| unreadable("text", field))
}

/// What a backslash and this letter stand for. PostgreSQL itself writes all of these.
fn escaped(letter: Option<&u8>) -> Option<u8> {
    Some(match letter? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'\\' => b'\\',
        _ => return None,
    })
}

pub(super) fn bytes_read(field: &[u8]) -> Result<Vec<u8>, Error> {
    let wrong = || unreadable("bytes", field);
    let digits = field.strip_prefix(BYTES).filter(|digits| digits.len() % 2 == 0).ok_or_else(wrong)?;
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.chunks_exact(2);
    pairs.map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect::<Option<_>>().ok_or_else(wrong)
}

fn unreadable(expected: &str, field: &[u8]) -> Error {
    let shown: String = String::from_utf8_lossy(field).chars().take(40).collect();
    Error::Engine(format!("a row of the backup holds '{shown}' where {expected} belongs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_whatever_is_in_it() {
        for text in ["", "plain", "\\N", "a\tb\nc\rd\\e", "\\\\x00", "नमस्ते 🙏", "\u{8}\u{b}\u{c}\u{1}\u{7f}"]
        {
            let mut line = Vec::new();
            text_write(&mut line, text.as_bytes());
            assert!(!line.contains(&b'\t') && !line.contains(&b'\n') && !is_null(&line), "{text:?}");
            assert_eq!(text_read(&line).unwrap(), text);
        }
    }

    #[test]
    fn bytes_come_back() {
        for bytes in [&[][..], &[0, 255, 16, 1]] {
            let mut line = Vec::new();
            bytes_write(&mut line, bytes);
            assert_eq!(bytes_read(&line).unwrap(), bytes);
        }
    }

    #[test]
    fn what_postgres_escapes_by_other_letters_reads_too() {
        assert_eq!(text_read(b"\\b\\f\\v").unwrap(), "\u{8}\u{c}\u{b}");
    }

    #[test]
    fn a_damaged_field_is_told_and_not_guessed() {
        assert!(text_read(b"ends in \\").is_err());
        assert!(text_read(b"\\q").is_err());
        assert!(text_read(&[0xff]).is_err());
        assert!(int_read(b"1.5").is_err());
        assert!(int_read(b"").is_err());
        assert!(bytes_read(b"\\\\x0").is_err());
        assert!(bytes_read(b"\\\\x0g").is_err());
        assert!(bytes_read(b"00").is_err());
    }

    #[test]
    fn a_line_falls_apart_at_its_tabs() {
        assert_eq!(fields(b"a\t\t\\N").collect::<Vec<_>>(), [&b"a"[..], b"", b"\\N"]);
    }
}
