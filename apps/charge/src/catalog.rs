//! Operators and their products: whose a number is, what an amount is sold as, and what it costs. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;

use purser_kit::Rule;
use purser_ledger::AccountId;
use purser_money::Money;
use uuid::Uuid;

use crate::domain::{CallingCode, PhoneNumber};
use crate::error::Error;

/// All of an amount, in the units of rates.
pub(crate) const WHOLE: i64 = 10_000;

/// The most that a seller may pay: half as much again as the amount.
pub(crate) const MOST_PRICE: i64 = 15_000;

/// What the database knows of operators.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    prefixes: HashMap<String, Uuid>,
    operators: HashMap<Uuid, Operator>,
    /// Where margins go; it is there once there can be one.
    pub(crate) margin: Option<AccountId>,
}

#[derive(Debug, Clone)]
struct Operator {
    name: String,
    is_active: bool,
    products: Vec<Product>,
}

/// Something that is sold: amounts from `low` to `high`, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: Uuid,
    /// The smallest amount.
    pub low: i64,
    /// The largest.
    pub high: i64,
    /// What the operator takes, in 1/10,000 of the amount.
    pub cost: i64,
}

/// What a sale is of, and what it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricedItem {
    /// Whose number it is, where that is known.
    pub operator: Option<Uuid>,
    /// What is sold, where that is known.
    pub product: Option<Uuid>,
    /// What the operator takes.
    pub cost: Money,
    /// What the seller pays: the cost or more.
    pub price: Money,
}

impl PricedItem {
    /// What stays here.
    pub(crate) fn margin(&self) -> Money {
        self.price.checked_sub(self.cost).unwrap_or(Money::zero(self.price.currency()))
    }
}

impl Catalog {
    pub(crate) fn operator(&mut self, id: Uuid, name: String, is_active: bool) {
        self.operators.insert(id, Operator { name, is_active, products: Vec::new() });
    }

    pub(crate) fn prefix(&mut self, prefix: String, operator: Uuid) {
        self.prefixes.insert(prefix, operator);
    }

    pub(crate) fn product(&mut self, operator: Uuid, product: Product) {
        if let Some(operator) = self.operators.get_mut(&operator) {
            operator.products.push(product);
        }
    }

    /// Whose number it is: the longest prefix says.
    fn operator_of(&self, number: &PhoneNumber) -> Option<(Uuid, &Operator)> {
        let text = number.as_str();
        let found = (2..=text.len()).rev().find_map(|length| self.prefixes.get(text.get(..length)?));
        found.and_then(|id| Some((*id, self.operators.get(id)?)))
    }

    /// What an amount for a number is sold as, and at what price. `prices` are the seller's own, by product.
    ///
    /// # Errors
    /// [`Error::OperatorStopped`], [`Error::NoFittingProduct`]; [`Error::UnknownOperator`] where `only_known`.
    pub(crate) fn price(
        &self,
        prices: &[(Uuid, i64)],
        number: &PhoneNumber,
        amount: Money,
        only_known: bool,
    ) -> Result<PricedItem, Error> {
        let Some((id, operator)) = self.operator_of(number) else {
            if only_known {
                return Err(Error::UnknownOperator(number.clone()));
            }
            return Ok(PricedItem { operator: None, product: None, cost: amount, price: amount });
        };
        if !operator.is_active {
            return Err(Error::OperatorStopped(operator.name.clone()));
        }
        let fits = operator.products.iter().filter(|product| (product.low..=product.high).contains(&amount.minor()));
        // The narrowest is what was meant; of two the same, the older.
        let product = fits.min_by_key(|product| (product.high - product.low, Reverse(product.cost), product.id));
        let unfit = || Error::NoFittingProduct { operator: operator.name.clone(), amount };
        let product = product.ok_or_else(unfit)?;
        let rate = prices.iter().find(|(of, _)| *of == product.id).map_or(WHOLE, |(_, rate)| *rate);
        // At least the smallest unit, so that every sale moves something on both accounts.
        let cost = share(amount, product.cost).max(1);
        let price = share(amount, rate).max(cost);
        let money = |minor| Money::new(minor, amount.currency());
        Ok(PricedItem { operator: Some(id), product: Some(product.id), cost: money(cost), price: money(price) })
    }
}

/// `rate` of an amount, in minor units, halves to the even one. A larger rate never comes to less.
fn share(amount: Money, rate: i64) -> i64 {
    let (product, whole) = (i128::from(amount.minor()) * i128::from(rate), i128::from(WHOLE));
    let (quotient, rest) = (product / whole, product % whole);
    let up = rest * 2 > whole || (rest * 2 == whole && quotient % 2 != 0);
    i64::try_from(quotient + i128::from(up)).unwrap_or(i64::MAX)
}

/// Reads a prefix: digits of the configured country, or with a + all of them.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn parse_prefix(text: &str, country: CallingCode) -> Result<String, Rule> {
    let (digits, full) = match text.strip_prefix('+') {
        Some(digits) => (digits, text.to_owned()),
        None => (text, format!("+{}{text}", country.digits())),
    };
    let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && full.len() <= 16;
    if good {
        Ok(full)
    } else {
        Err(Rule::new("malformed", "be prefixes such as 9810 or +919810, with spaces between"))
    }
}

/// Reads a percentage with at most two decimals, as 1/10,000.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn parse_percent(text: &str, most: i64) -> Result<i64, Rule> {
    let must = || Rule::new("out_of_range", format!("be a percentage from 0.01 to {}", percent(most)));
    let (whole, rest) = text
        .trim()
        .trim_end_matches('%')
        .trim_end()
        .split_once('.')
        .unwrap_or((text.trim().trim_end_matches('%').trim_end(), ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || rest.len() > 2 || !digits(whole) || !digits(rest) {
        return Err(must());
    }
    let rate: i64 = format!("{whole}{rest:0<2}").parse().map_err(|_| must())?;
    if (1..=most).contains(&rate) { Ok(rate) } else { Err(must()) }
}

/// 9750 as 97.50.
pub(crate) fn percent(rate: i64) -> String {
    format!("{}.{:02}", rate / 100, rate % 100)
}

#[cfg(test)]
mod tests {
    use purser_money::Currency;

    use super::*;

    fn inr(minor: i64) -> Money {
        Money::new(minor, Currency::INR)
    }

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, CallingCode::INDIA).unwrap()
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        let product = |id, low, high, cost| Product { id: Uuid::from_u128(id), low, high, cost };
        for (id, name, is_active) in [(1, "Airtel", true), (2, "Jio", true), (3, "Old", false)] {
            catalog.operator(Uuid::from_u128(id), name.to_owned(), is_active);
        }
        for (prefix, operator) in [("+9198", 1), ("+919876", 2), ("+9197", 3)] {
            catalog.prefix(prefix.to_owned(), Uuid::from_u128(operator));
        }
        catalog.product(Uuid::from_u128(1), product(11, 1_000, 50_000, 9_700));
        catalog.product(Uuid::from_u128(1), product(12, 4_900, 4_900, 9_000));
        catalog.product(Uuid::from_u128(2), product(21, 1, 100_000, 1));
        catalog
    }

    fn prices_text(phone: &str, minor: i64, prices: &[(Uuid, i64)]) -> Result<(u128, i64, i64), String> {
        let priced = catalog().price(prices, &number(phone), inr(minor), false).map_err(|error| error.to_string())?;
        Ok((priced.product.map_or(0, |id| id.as_u128()), priced.cost.minor(), priced.price.minor()))
    }

    #[test]
    fn the_longest_prefix_and_the_narrowest_product_win() {
        assert_eq!(prices_text("9810000000", 10_000, &[]), Ok((11, 9_700, 10_000)));
        assert_eq!(prices_text("9810000000", 4_900, &[]), Ok((12, 4_410, 4_900)));
        assert_eq!(prices_text("9876000000", 10_000, &[]), Ok((21, 1, 10_000)));
        assert_eq!(prices_text("9600000000", 10_000, &[]), Ok((0, 10_000, 10_000)), "nobody's number costs what it is");
    }

    #[test]
    fn what_nobody_sells_is_refused_by_name() {
        assert!(prices_text("9810000000", 999, &[]).unwrap_err().contains("Airtel"));
        assert!(prices_text("9700000000", 1_000, &[]).unwrap_err().contains("Old"));
        let refused = catalog().price(&[], &number("9600000000"), inr(1), true).unwrap_err();
        assert!(refused.to_string().contains("+919600000000"));
    }

    #[test]
    fn a_price_is_never_less_than_the_cost_nor_than_the_smallest_unit() {
        let own = |rate| vec![(Uuid::from_u128(11), rate)];
        assert_eq!(prices_text("9810000000", 10_000, &own(9_850)), Ok((11, 9_700, 9_850)));
        assert_eq!(prices_text("9810000000", 10_000, &own(9_000)), Ok((11, 9_700, 9_700)));
        assert_eq!(prices_text("9876000000", 1, &[(Uuid::from_u128(21), 1)]), Ok((21, 1, 1)));
        for minor in 1..2_000 {
            let rates = [1, 3, 4_999, 5_000, 9_999, 10_000, 15_000].map(|rate| share(inr(minor), rate));
            assert!(rates.is_sorted(), "{minor}: {rates:?}");
        }
    }

    #[test]
    fn prefixes_and_percentages_are_read_as_people_write_them() {
        assert_eq!(parse_prefix("9810", CallingCode::INDIA).as_deref(), Ok("+919810"));
        assert_eq!(parse_prefix("+1415", CallingCode::INDIA).as_deref(), Ok("+1415"));
        for text in ["", "+", "98-10", "x", "12345678901234567"] {
            assert!(parse_prefix(text, CallingCode::INDIA).is_err(), "{text}");
        }
        for (text, rate) in [("97.5", 9_750), ("97.50%", 9_750), ("100", 10_000), ("0.01", 1), ("5", 500)] {
            assert_eq!(parse_percent(text, WHOLE), Ok(rate), "{text}");
            assert_eq!(parse_percent(&percent(rate), WHOLE), Ok(rate));
        }
        for text in ["", "0", "100.01", "-1", "1e1", "97.505", "NaN", ".5", "१"] {
            assert!(parse_percent(text, WHOLE).is_err(), "{text}");
        }
    }
}
