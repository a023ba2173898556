//! What people may do: their roles, told in the scopes that routes and pages ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use purser_identity::{Right, Roles, User};

use crate::app::Scope;

/// Every scope there is, and the right that it takes.
#[derive(Debug, Clone)]
pub struct Rights(Arc<[Scope]>);

/// What somebody may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantedScopes {
    /// Everything.
    Everything,
    /// These scopes.
    Scopes(Arc<[&'static str]>),
}

impl GrantedScopes {
    /// Whether a scope is among it.
    #[must_use]
    pub fn covers(&self, scope: &str) -> bool {
        match self {
            GrantedScopes::Everything => true,
            GrantedScopes::Scopes(scopes) => scopes.contains(&scope),
        }
    }
}

impl Rights {
    /// Of these scopes.
    #[must_use]
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Rights(scopes.into_iter().collect())
    }

    /// What this person may do: everything as a superuser, what the roles say as staff, and else nothing.
    #[must_use]
    pub fn granted(&self, user: &User) -> GrantedScopes {
        match (user.is_superuser, user.is_staff) {
            (true, _) => GrantedScopes::Everything,
            (false, true) => self.of_roles(&user.roles),
            (false, false) => self.of_roles(&Roles::default()),
        }
    }

    /// What these roles allow.
    #[must_use]
    pub fn of_roles(&self, roles: &Roles) -> GrantedScopes {
        let allowed = self.0.iter().filter(|scope| roles.allow(scope.app(), scope.right));
        GrantedScopes::Scopes(allowed.map(|scope| scope.name).collect())
    }

    /// Every scope.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.0
    }

    /// Every role that there is a use for, and what it allows, for people.
    #[must_use]
    pub fn roles(&self) -> Vec<(String, String)> {
        let apps: BTreeSet<&str> = self.0.iter().map(Scope::app).collect();
        let role = |app: &str, right: Right| {
            let allows = self.0.iter().filter(|scope| scope.app() == app && scope.right == right);
            let allows: Vec<&str> = allows.map(|scope| scope.allows).collect();
            (!allows.is_empty()).then(|| (format!("{app}.{}", right.word()), allows.join("; ")))
        };
        let ordinary = apps.iter().flat_map(|app| Right::ALL.into_iter().filter_map(|right| role(app, right)));
        let auditor = (purser_identity::AUDITOR.to_owned(), "see everything, and change nothing".to_owned());
        ordinary.chain([auditor]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPES: [Scope; 3] = [
        Scope { name: "charge.read", allows: "see sellers", right: Right::View },
        Scope { name: "charge.sell", allows: "sell", right: Right::Operate },
        Scope { name: "charge.credit", allows: "increase credit", right: Right::Approve },
    ];

    #[test]
    fn roles_are_told_in_scopes() {
        let rights = Rights::new(SCOPES);
        let granted = |text: &str| rights.of_roles(&Roles::parse(text).unwrap());
        assert!(granted("charge.approve").covers("charge.credit") && granted("charge.approve").covers("charge.read"));
        assert!(!granted("charge.approve").covers("charge.sell"));
        assert!(granted("auditor").covers("charge.read") && !granted("auditor").covers("charge.sell"));
        assert!(!granted("members.approve").covers("charge.read"));
        assert_eq!(rights.roles().len(), 4);
    }
}
