//! The engine for whoever outgrows one machine.

mod connection;
mod pool;
mod tls;

pub(crate) use connection::{Connection, translate};
pub(crate) use pool::{Access, pool_run};
