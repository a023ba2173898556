//! Products and what sellers pay for them: what may be done to them.

pub(crate) mod command;
