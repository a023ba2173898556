//! Withdrawals: what staff decide on them.

pub(crate) mod command;
