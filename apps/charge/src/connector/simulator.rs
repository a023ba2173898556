//! An operator of our own, for tests and the demo: the last two digits of the number say what it will answer.
//!
//! | digits | asked to charge | asked later |
//! |---|---|---|
//! | 90 | refuses | – |
//! | 91 | does not answer | it was charged |
//! | 92 | does not answer | it was refused |
//! | 93 | does not answer | still not known |
//! | 94 | does not answer | never heard of it |
//! | others | charges | – |

use super::{OperatorReport, OperatorRequest};
use crate::service::SaleOutcome;

fn digits(delivery: &OperatorRequest) -> &str {
    let number = delivery.number.as_str();
    &number[number.len() - 2..]
}

fn completed(delivery: &OperatorRequest) -> SaleOutcome {
    SaleOutcome::Completed { operator_ref: Some(format!("SIM-{}", delivery.reference.simple())) }
}

fn refused() -> SaleOutcome {
    SaleOutcome::Failed { reason: "The simulated operator refuses this number.".to_owned() }
}

fn silent() -> SaleOutcome {
    SaleOutcome::Unknown { reason: "The simulated operator does not answer.".to_owned() }
}

pub(super) fn submit(delivery: &OperatorRequest) -> SaleOutcome {
    match digits(delivery) {
        "90" => refused(),
        "91" | "92" | "93" | "94" => silent(),
        _ => completed(delivery),
    }
}

pub(super) fn query(delivery: &OperatorRequest) -> OperatorReport {
    match digits(delivery) {
        "90" | "92" => OperatorReport::Known(refused()),
        "93" => OperatorReport::Known(silent()),
        "94" => OperatorReport::NotFound,
        _ => OperatorReport::Known(completed(delivery)),
    }
}
