//! UPI handles: what may be done to the list of them.

pub(crate) mod command;
