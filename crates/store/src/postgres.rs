//! The engine for whoever outgrows one machine.

mod connection;
mod hosts;
mod pool;
mod tls;
mod wait;

pub(crate) use connection::Connection;
pub(crate) use hosts::Hosts;
pub(crate) use pool::{Access, pool_run};
