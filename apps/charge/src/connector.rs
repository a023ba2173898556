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
use crate::service::Outcome;

/// A connector's name, as a sale keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Nobody is asked.
    Instant,
    /// An operator's server.
    Http,
    /// An operator of our own.
    Simulator,
}

impl Name {
    /// The name in the schema and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Name::Instant => "instant",
            Name::Http => "http",
            Name::Simulator => "simulator",
        }
    }
}

/// What an operator is asked to do. The reference is the sale's id: asking twice with the same one charges once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
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
pub enum Report {
    /// What became of it.
    Known(Outcome),
    /// It has never heard of it.
    NotFound,
}

/// A way to the operator.
pub enum Connector {
    /// Nobody is asked.
    Instant,
    /// An operator's server.
    Http(http::Operator),
    /// An operator of our own.
    Simulator,
}

impl Connector {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> Name {
        match self {
            Connector::Instant => Name::Instant,
            Connector::Http(_) => Name::Http,
            Connector::Simulator => Name::Simulator,
        }
    }

    /// Asks the operator to charge the number. What is not a clear yes or no is unknown.
    pub async fn submit(&self, now: Timestamp, delivery: &Delivery) -> Outcome {
        match self {
            Connector::Instant => Outcome::Completed { operator_ref: None },
            Connector::Http(operator) => operator.submit(now, delivery).await,
            Connector::Simulator => simulator::submit(delivery),
        }
    }

    /// Asks the operator what became of a delivery.
    pub async fn query(&self, now: Timestamp, delivery: &Delivery) -> Report {
        match self {
            Connector::Instant => Report::Known(Outcome::Completed { operator_ref: None }),
            Connector::Http(operator) => operator.query(now, delivery).await,
            Connector::Simulator => simulator::query(delivery),
        }
    }
}
