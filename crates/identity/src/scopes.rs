//! What an API key may do.

use std::fmt;

/// Patterns of permissions, separated by spaces: `*` for everything, `charge.*` for all of an app, `charge.sell` for
/// one thing. At least one, at most 1,000 characters in all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scopes(Vec<String>);

/// A text that is not a list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a scope: {rule}")]
pub struct ScopeError {
    /// The pattern, its first 100 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl Scopes {
    /// The longest list, in characters.
    const LONGEST: usize = 1_000;

    /// Reads a list such as `charge.* coins.read`. Order and repeats do not matter.
    ///
    /// # Errors
    /// The first pattern that is none, and why.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut patterns = text.split_whitespace().map(pattern).collect::<Result<Vec<_>, _>>()?;
        if patterns.is_empty() {
            return Err(refused(text, "at least one is needed, such as charge.sell, charge.* or *"));
        }
        patterns.sort_unstable();
        patterns.dedup();
        let scopes = Scopes(patterns);
        if scopes.to_string().len() > Self::LONGEST {
            return Err(refused(text, "a list of scopes has at most 1000 characters"));
        }
        Ok(scopes)
    }

    /// The scope of a superuser's key.
    #[must_use]
    pub fn everything() -> Self {
        Scopes(vec!["*".to_owned()])
    }

    /// Whether a holder may do what needs the permission `needed`, such as `charge.sell`.
    #[must_use]
    pub fn covers(&self, needed: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, needed))
    }

    /// The patterns that cover none of these permissions: slips of the pen, or words of an app that is not there.
    #[must_use]
    pub fn idle(&self, permissions: &[&str]) -> Vec<&str> {
        let covers_none = |pattern: &&str| !permissions.iter().any(|needed| fits(pattern, needed));
        self.0.iter().map(String::as_str).filter(covers_none).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

fn fits(pattern: &str, needed: &str) -> bool {
    match pattern.strip_suffix('*') {
        // What is left is empty, or ends with the dot that keeps charge.* from covering chargeback.read.
        Some(start) => needed.len() > start.len() && needed.starts_with(start),
        None => pattern == needed,
    }
}

fn pattern(text: &str) -> Result<String, ScopeError> {
    let named = text.strip_suffix(".*").unwrap_or(text);
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if text == "*" || named.split('.').all(is_part) {
        return Ok(text.to_owned());
    }
    Err(refused(text, "it must be parts of lower-case letters, digits and _ joined by dots; the last part may be *"))
}

fn refused(text: &str, rule: &'static str) -> ScopeError {
    ScopeError { text: text.chars().take(100).collect(), rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(scopes: &str, needed: &str) -> bool {
        Scopes::parse(scopes).unwrap().covers(needed)
    }

    #[test]
    fn a_scope_covers_what_it_names_and_nothing_else() {
        assert!(covers("charge.sell", "charge.sell"));
        assert!(!covers("charge.sell", "charge.sell.all"));
        assert!(!covers("charge.sell", "charge.increase"));
        assert!(!covers("charge", "charge.sell"));
    }

    #[test]
    fn an_app_s_scope_covers_the_app_and_no_other() {
        assert!(covers("charge.*", "charge.sell"));
        assert!(covers("charge.*", "charge.sale.read"));
        assert!(!covers("charge.*", "charge"));
        assert!(!covers("charge.*", "charge."));
        assert!(!covers("charge.*", "chargeback.read"));
        assert!(!covers("charge.*", "coins.read"));
        assert!(covers("charge.* coins.read", "coins.read"));
    }

    #[test]
    fn a_star_covers_everything() {
        assert!(covers("*", "charge.sell"));
        assert!(Scopes::everything().covers("identity.key_create"));
        assert!(!Scopes::everything().covers(""));
    }

    #[test]
    fn patterns_that_cover_nothing_are_named() {
        let scopes = Scopes::parse("charge.* charge.sel coins.view mess.*").unwrap();
        assert_eq!(scopes.idle(&["charge.sell", "coins.view"]), ["charge.sel", "mess.*"]);
        assert!(Scopes::everything().idle(&["charge.sell"]).is_empty());
    }

    #[test]
    fn scopes_are_written_once_each_and_in_order() {
        let scopes = Scopes::parse("  coins.read charge.*  coins.read\n").unwrap();
        assert_eq!(scopes.to_string(), "charge.* coins.read");
        assert_eq!(Scopes::parse(&scopes.to_string()), Ok(scopes));
    }

    #[test]
    fn what_is_not_a_scope_is_refused_by_name() {
        for text in ["charge.", ".sell", "charge..sell", "Charge.sell", "charge*", "**", ".*", "*.sell", "cha-rge", "é"]
        {
            assert_eq!(Scopes::parse(&format!("coins.read {text}")).unwrap_err().text, text);
        }
        assert!(Scopes::parse(" ").unwrap_err().rule.starts_with("at least one"));
        let many: Vec<String> = (0..200).map(|n| format!("charge.s{n}")).collect();
        assert!(Scopes::parse(&many.join(" ")).unwrap_err().rule.contains("1000"));
    }
}
