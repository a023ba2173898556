//! Sellers: what may be done to them, and who acts for them.

pub(crate) mod command;
pub(crate) mod person;
pub(crate) mod rule;
