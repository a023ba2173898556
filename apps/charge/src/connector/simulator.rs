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

use super::{Delivery, Report};
use crate::service::Outcome;

fn digits(delivery: &Delivery) -> &str {
    let number = delivery.number.as_str();
    &number[number.len() - 2..]
}

fn completed(delivery: &Delivery) -> Outcome {
    Outcome::Completed { operator_ref: Some(format!("SIM-{}", delivery.reference.simple())) }
}

fn refused() -> Outcome {
    Outcome::Failed { reason: "The simulated operator refuses this number.".to_owned() }
}

fn silent() -> Outcome {
    Outcome::Unknown { reason: "The simulated operator does not answer.".to_owned() }
}

pub(super) fn submit(delivery: &Delivery) -> Outcome {
    match digits(delivery) {
        "90" => refused(),
        "91" | "92" | "93" | "94" => silent(),
        _ => completed(delivery),
    }
}

pub(super) fn query(delivery: &Delivery) -> Report {
    match digits(delivery) {
        "90" | "92" => Report::Known(refused()),
        "93" => Report::Known(silent()),
        "94" => Report::NotFound,
        _ => Report::Known(completed(delivery)),
    }
}
