//! Members: what may be done to them and their wallets.

pub(crate) mod command;
pub(crate) mod expiry;
pub(crate) mod wallet;
