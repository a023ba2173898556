//! License expressions (SPDX): `MIT OR Apache-2.0`, `(MIT OR ISC) AND Unicode-3.0`.

/// Whether the licenses in `allowed` are enough to use what is under `expression`.
///
/// AND binds tighter than OR, as SPDX says. `A WITH B` is one license, allowed under that whole
/// name. A slash is an old spelling of OR. An expression that makes no sense is not allowed.
pub(crate) fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut parser = Parser { words: spaced.split_whitespace().collect(), next: 0, allowed };
    let answer = parser.any();
    answer == Some(true) && parser.next == parser.words.len()
}

/// Recursive descent; each method returns None where the expression makes no sense.
struct Parser<'a> {
    words: Vec<&'a str>,
    next: usize,
    allowed: &'a [String],
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Some(answer)
    }

    fn all(&mut self) -> Option<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let answer = self.any()?;
            return self.take(")").then_some(answer);
        }
        let mut name = self.name()?.to_string();
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.name()?);
        }
        Some(self.allowed.contains(&name))
    }

    fn name(&mut self) -> Option<&'a str> {
        let word = *self.words.get(self.next)?;
        if matches!(word, "OR" | "AND" | "WITH" | "(" | ")") {
            return None;
        }
        self.next += 1;
        Some(word)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.next) == Some(&word);
        self.next += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(expression: &str) -> bool {
        is_allowed(expression, &["MIT", "ISC", "Apache-2.0"].map(String::from))
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        assert!(allowed("MIT"));
        assert!(allowed("GPL-3.0-only OR MIT"));
        assert!(allowed("GPL-3.0-only / MIT"));
        assert!(!allowed("GPL-3.0-only OR LGPL-2.1-or-later"));
    }

    #[test]
    fn every_part_of_an_and_must_be_allowed() {
        assert!(allowed("Apache-2.0 AND ISC"));
        assert!(!allowed("MIT AND OpenSSL"));
    }

    #[test]
    fn and_binds_tighter_than_or_and_brackets_bind_tightest() {
        assert!(allowed("MIT OR GPL-3.0-only AND OpenSSL"));
        assert!(!allowed("(MIT OR GPL-3.0-only) AND OpenSSL"));
        assert!(allowed("((MIT)) AND (GPL-3.0-only OR (ISC))"));
    }

    #[test]
    fn an_exception_makes_another_license() {
        assert!(!allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(allowed("Apache-2.0 WITH LLVM-exception OR MIT"));
        assert!(is_allowed("X WITH Y", &[String::from("X WITH Y")]));
    }

    #[test]
    fn nonsense_is_not_allowed() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND MIT", "MIT WITH"] {
            assert!(!allowed(expression), "{expression:?}");
        }
    }
}
