//! Who does a thing, as journal entries and the audit log name it.

use std::fmt;

use uuid::Uuid;

/// Whoever acts. Written `key:<id>`, `user:<id>` or `system:<name>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A program, by its API key.
    ApiKey(Uuid),
    /// A person who is signed in.
    User(Uuid),
    /// Purser itself: a job, a schedule, or whoever sits at the command line.
    System(&'static str),
}

impl Actor {
    /// The key or the person of this text; `None` for the house itself, and for what names nobody.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        let actor = match kind {
            "key" => Actor::ApiKey,
            "user" => Actor::User,
            _ => return None,
        };
        Uuid::try_parse(id).ok().map(actor)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::ApiKey(id) => write!(f, "key:{id}"),
            Actor::User(id) => write!(f, "user:{id}"),
            Actor::System(name) => write!(f, "system:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_written_with_its_kind() {
        let id = Uuid::from_u128(7);
        assert_eq!(Actor::ApiKey(id).to_string(), "key:00000000-0000-0000-0000-000000000007");
        assert_eq!(Actor::User(id).to_string(), "user:00000000-0000-0000-0000-000000000007");
        assert_eq!(Actor::System("cli").to_string(), "system:cli");
    }

    #[test]
    fn keys_and_persons_are_read_back() {
        for actor in [Actor::ApiKey(Uuid::from_u128(7)), Actor::User(Uuid::from_u128(8))] {
            assert_eq!(Actor::parse(&actor.to_string()), Some(actor));
        }
        for text in ["system:cli", "user:", "user:asha", "key", "asha", ""] {
            assert_eq!(Actor::parse(text), None, "{text}");
        }
    }
}
