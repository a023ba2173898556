//! Credit requests: what may be done to them.

pub(crate) mod command;
