//! Roles: what staff may do, app by app.

use std::fmt;

use purser_store::{Error as StoreError, Row};

/// How far somebody may go in an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// See everything.
    View,
    /// Do the daily work.
    Operate,
    /// Let money leave, and decide what others ask for.
    Approve,
}

impl Right {
    /// All three.
    pub const ALL: [Right; 3] = [Right::View, Right::Operate, Right::Approve];

    /// Its word in a role.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Right::View => "view",
            Right::Operate => "operate",
            Right::Approve => "approve",
        }
    }
}

/// The role that sees everything and changes nothing.
pub const AUDITOR: &str = "auditor";

/// The roles of a person: `charge.view`, `members.approve`, `auditor`. Each is one word; order and repeats do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(Vec<String>);

/// A text that is not a list of roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a role: it must be auditor, or an app with .view, .operate or .approve, such as charge.operate")]
pub struct RoleError(pub String);

impl Roles {
    /// The most characters that a person's roles may come to.
    const LONGEST: usize = 1_000;

    /// Reads roles, separated by spaces.
    ///
    /// # Errors
    /// The first word that is none.
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        let mut roles: Vec<String> = text.split_whitespace().map(role).collect::<Result<_, _>>()?;
        roles.sort_unstable();
        roles.dedup();
        let roles = Roles(roles);
        if roles.to_string().len() > Self::LONGEST {
            return Err(RoleError(text.chars().take(40).collect()));
        }
        Ok(roles)
    }

    /// Whether they allow this in an app. Who may operate or approve may also see; who may approve may not operate,
    /// unless that is given too.
    #[must_use]
    pub fn allow(&self, app: &str, right: Right) -> bool {
        self.0.iter().any(|role| match role.split_once('.') {
            Some((own, word)) => own == app && (word == right.word() || right == Right::View),
            None => right == Right::View,
        })
    }

    /// Whether there is this one.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.0.iter().any(|own| own == role)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn read(row: &Row<'_>, index: usize) -> Result<Self, StoreError> {
        let text: String = row.get(index)?;
        Roles::parse(&text).map_err(|error| StoreError::Engine(format!("identity_user: {error}")))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

fn role(text: &str) -> Result<String, RoleError> {
    let is_app = |app: &str| !app.is_empty() && app.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let known = match text.split_once('.') {
        Some((app, word)) => is_app(app) && Right::ALL.iter().any(|right| right.word() == word),
        None => text == AUDITOR,
    };
    if known { Ok(text.to_owned()) } else { Err(RoleError(text.chars().take(40).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_allows_its_own_app_and_seeing_comes_with_doing() {
        let roles = Roles::parse("charge.operate members.view").unwrap();
        assert!(roles.allow("charge", Right::Operate) && roles.allow("charge", Right::View));
        assert!(!roles.allow("charge", Right::Approve), "who asks does not approve");
        assert!(roles.allow("members", Right::View) && !roles.allow("members", Right::Operate));
        assert!(!roles.allow("coins", Right::View) && !Roles::default().allow("charge", Right::View));
    }

    #[test]
    fn an_auditor_sees_everything_and_changes_nothing() {
        let roles = Roles::parse("auditor").unwrap();
        for app in ["charge", "members", "house"] {
            assert!(roles.allow(app, Right::View));
            assert!(!roles.allow(app, Right::Operate) && !roles.allow(app, Right::Approve));
        }
    }

    #[test]
    fn what_is_not_a_role_is_refused_by_name() {
        for text in ["charge", "charge.", ".view", "charge.sell", "Charge.view", "auditor.view.x", "*"] {
            assert_eq!(Roles::parse(&format!("auditor {text}")), Err(RoleError(text.to_owned())));
        }
        let roles = Roles::parse(" b.view auditor a.view  b.view ").unwrap();
        assert_eq!(roles.to_string(), "a.view auditor b.view");
    }
}
