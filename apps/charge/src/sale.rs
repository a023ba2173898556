//! Sales: the rule, selling, and what may be done to a sale.

pub(crate) mod batch;
pub(crate) mod command;
pub(crate) mod facts;
pub(crate) mod result;
pub(crate) mod rule;
pub(crate) mod sell;
