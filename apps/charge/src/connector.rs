//! How a sale reaches the operator of its number.
//!
//! - `instant`: nobody is asked; the sale completes in its own transaction.
//! - `http`: an operator's server is asked, outside of any transaction; see [`http`].
//! - `simulator`: an operator of our own, whose answers the number's last digits script; see [`simulator`].

pub mod http;
pub mod simulator;

use jiff::Timestamp;
use purser_money::Money;
use uuid::Uuid;

use crate::domain::PhoneNumber;
use crate::service::SaleOutcome;

/// A connector's name, as a sale keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorName {
    /// Nobody is asked.
    Instant,
    /// An operator's server.
    Http,
    /// An operator of our own.
    Simulator,
}

impl ConnectorName {
    /// The name in the schema and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectorName::Instant => "instant",
            ConnectorName::Http => "http",
            ConnectorName::Simulator => "simulator",
        }
    }
}

/// What an operator is asked to do. The reference is the sale's id: asking twice with the same one charges once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRequest {
    /// The sale's id.
    pub reference: Uuid,
    /// The number to charge.
    pub number: PhoneNumber,
    /// How much.
    pub amount: Money,
    /// When the sale was asked for.
    pub created_at: Timestamp,
}

/// What an operator says when asked about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorReport {
    /// What became of it.
    Known(SaleOutcome),
    /// It has never heard of it.
    NotFound,
}

/// A way to the operator.
pub enum Connector {
    /// Nobody is asked.
    Instant,
    /// An operator's server.
    Http(http::OperatorEndpoint),
    /// An operator of our own.
    Simulator,
}

impl Connector {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> ConnectorName {
        match self {
            Connector::Instant => ConnectorName::Instant,
            Connector::Http(_) => ConnectorName::Http,
            Connector::Simulator => ConnectorName::Simulator,
        }
    }

    /// Asks the operator to charge the number. What is not a clear yes or no is unknown.
    pub async fn submit(&self, now: Timestamp, delivery: &OperatorRequest) -> SaleOutcome {
        match self {
            Connector::Instant => SaleOutcome::Completed { operator_ref: None },
            Connector::Http(operator) => operator.submit(now, delivery).await,
            Connector::Simulator => simulator::submit(delivery),
        }
    }

    /// Asks the operator what became of a delivery.
    pub async fn query(&self, now: Timestamp, delivery: &OperatorRequest) -> OperatorReport {
        match self {
            Connector::Instant => OperatorReport::Known(SaleOutcome::Completed { operator_ref: None }),
            Connector::Http(operator) => operator.query(now, delivery).await,
            Connector::Simulator => simulator::query(delivery),
        }
    }
}
