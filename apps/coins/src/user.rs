//! Users of coins: what may be done to them.

pub(crate) mod command;
