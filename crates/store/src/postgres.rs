//! The engine for whoever outgrows one machine.

mod connection;
mod hosts;
mod pool;
mod tls;
mod wait;

pub(crate) use connection::PostgresConnection;
pub(crate) use hosts::Hosts;
pub(crate) use pool::{PoolMode, pool_run};
