//! What every door must know of a command before it reads any input.

use crate::console::Target;

/// What a command touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Records that no money depends on.
    Records,
    /// Money: it moves, is promised or given back, or a setting changes that decides on it.
    Money,
    /// Power: who may sign in, act for whom, or do what.
    Power,
}

/// The head of a command: its name, who may run it, and what it asks of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSpec {
    /// Names it for good, in addresses, on the command line and in the audit log: `charge.sellers.freeze`.
    pub name: &'static str,
    /// What its button says: "Freeze".
    pub title: &'static str,
    /// The scope that it takes. A person who acts for an object needs none for what is the object's own.
    pub scope: &'static str,
    /// What it touches.
    pub effect: Effect,
    /// What it acts on.
    pub target: Target,
    /// Whether it takes something away or cannot be undone: its button warns.
    pub harms: bool,
    /// What stands above its form: what it comes to, in a sentence.
    pub about: &'static str,
}

impl CommandSpec {
    /// One that changes records.
    #[must_use]
    pub const fn records(name: &'static str, scope: &'static str) -> Self {
        let (effect, target) = (Effect::Records, Target::One);
        CommandSpec { name, title: "", scope, effect, target, harms: false, about: "" }
    }

    /// One that touches money.
    #[must_use]
    pub const fn money(name: &'static str, scope: &'static str) -> Self {
        CommandSpec { effect: Effect::Money, ..CommandSpec::records(name, scope) }
    }

    /// One that hands on power, or takes it.
    #[must_use]
    pub const fn power(name: &'static str, scope: &'static str) -> Self {
        CommandSpec { effect: Effect::Power, ..CommandSpec::records(name, scope) }
    }

    /// The same with what its button says, and what stands above its form.
    #[must_use]
    pub const fn titled(self, title: &'static str, about: &'static str) -> Self {
        CommandSpec { title, about, ..self }
    }

    /// The same for a command that makes an object, instead of acting on one.
    #[must_use]
    pub const fn makes(self) -> Self {
        CommandSpec { target: Target::Nothing, ..self }
    }

    /// The same for a command that acts on any number of objects.
    #[must_use]
    pub const fn on_many(self) -> Self {
        CommandSpec { target: Target::Many, ..self }
    }

    /// The same for a command that takes something away or cannot be undone.
    #[must_use]
    pub const fn harms(self) -> Self {
        CommandSpec { harms: true, ..self }
    }

    /// Whether a session must have reauthenticated lately, and have a second factor where one is required.
    #[must_use]
    pub fn requires_reauth(&self) -> bool {
        self.effect != Effect::Records
    }

    /// The last part of its name, `freeze`: its name among the commands of one noun.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_money_or_power_requires_a_reauthentication() {
        let (money, power) = (CommandSpec::money("a.b.c", "a.b"), CommandSpec::power("a.b.c", "a.b"));
        assert!(money.requires_reauth() && power.requires_reauth());
        assert!(!CommandSpec::records("a.b.c", "a.b").requires_reauth());
    }

    #[test]
    fn the_verb_is_the_last_part_of_the_name() {
        assert_eq!(CommandSpec::money("charge.sellers.increase-credit", "charge.credit").verb(), "increase-credit");
    }
}
