//! A long text as several messages, each within what a service takes.

use unicode_segmentation::UnicodeSegmentation as _;

/// Where a text is divided rather than elsewhere: between paragraphs, then between lines.
const BREAKS: [&str; 2] = ["\n\n", "\n"];

/// The parts of a text, in order, each of at most `most` UTF-16 units: nothing but the white space between two of them is
/// left out. Signs that belong together stay together.
pub(crate) fn parts(text: &str, most: usize) -> Vec<&str> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(border(rest, most));
        parts.push(part.trim_end());
        rest = after.trim_start();
    }
    parts
}

/// Where the first part ends, in bytes.
fn border(text: &str, most: usize) -> usize {
    let fits = fitting(text, most);
    let (head, after) = text.split_at(fits);
    if after.is_empty() {
        return fits;
    }
    // A break in the first half would make many short messages of a few long paragraphs.
    let late = |at: &usize| *at >= fits / 2;
    let at_break = |mark: &&str| if after.starts_with(*mark) { Some(fits) } else { head.rfind(*mark) };
    let at_break = BREAKS.iter().find_map(|mark| at_break(mark).filter(late));
    let at_word = || if after.starts_with(char::is_whitespace) { Some(fits) } else { head.rfind(char::is_whitespace) };
    at_break.or_else(at_word).unwrap_or(fits)
}

/// The most whole signs from the beginning, in bytes: one at least, and of a sign that is too long by itself what fits.
fn fitting(text: &str, most: usize) -> usize {
    match taken(text.graphemes(true), most) {
        0 => taken(text.split("").filter(|sign| !sign.is_empty()), most)
            .max(text.chars().next().map_or(0, char::len_utf8)),
        fits => fits,
    }
}

fn taken<'t>(signs: impl Iterator<Item = &'t str>, most: usize) -> usize {
    let mut units = 0;
    let fitting = signs.take_while(|sign| {
        units += sign.encode_utf16().count();
        units <= most
    });
    fitting.map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> usize {
        text.encode_utf16().count()
    }

    #[test]
    fn a_text_that_fits_is_one_part() {
        assert_eq!(parts("Dear Asha,\n\nhello.", 100), ["Dear Asha,\n\nhello."]);
        assert_eq!(parts(&"न".repeat(4_096), 4_096).len(), 1);
        assert_eq!(parts(&"😀".repeat(2_048), 4_096).len(), 1);
    }

    #[test]
    fn emoji_count_twice_and_none_is_divided() {
        let text = "😀".repeat(3_000);
        let parts = parts(&text, 4_096);
        assert_eq!(parts.iter().map(|part| units(part)).collect::<Vec<_>>(), [4_096, 1_904]);
        assert_eq!(parts.concat(), text);
    }

    #[test]
    fn signs_of_many_characters_stay_whole() {
        for sign in ["👩‍👩‍👧‍👦", "🇮🇳", "क्षि", "é"] {
            let text = sign.repeat(2_000);
            for part in parts(&text, 100) {
                assert!(units(part) <= 100 && part.len() % sign.len() == 0, "{sign}: {part}");
            }
            assert_eq!(parts(&text, 100).concat(), text);
        }
        let endless = format!("e{}", "\u{301}".repeat(500));
        let parts = parts(&endless, 100);
        assert!(parts.iter().all(|part| units(part) <= 100) && parts.concat() == endless);
    }

    #[test]
    fn a_text_is_divided_between_paragraphs_then_lines_then_words() {
        assert_eq!(parts("one two three\n\nfour five\nsix", 24), ["one two three", "four five\nsix"]);
        assert_eq!(parts("one\n\ntwo three four\nfive", 20), ["one\n\ntwo three four", "five"], "not too short");
        assert_eq!(parts("one two three\nfour five six", 20), ["one two three", "four five six"]);
        assert_eq!(parts("one two three four five", 9), ["one two", "three", "four five"]);
        assert_eq!(parts("a bbbbbbbbbbbbbb", 6), ["a", "bbbbbb", "bbbbbb", "bb"]);
        assert_eq!(parts("\n\n  aaaa bbbb  \n", 4), ["aaaa", "bbbb"]);
    }
}
