//! Exact amounts. Pure: no IO, no clock, no floats.
//!
//! [`Money`] is a whole number of minor units of a [`Currency`]; [`Rate`] is an exact decimal to multiply it by, with
//! the rounding said each time.

mod currency;
mod money;
mod parse;
mod rate;

pub use currency::{Currency, CurrencyError};
pub use money::Money;
pub use parse::AmountError;
pub use rate::{Rate, Rounding};
