//! The rule of a sale: whether it may be made, and for what. It is decided here alone, from facts and a request.
//!
//! The batch, the held sale, the file and the portal's preview load the facts ([`super::facts`]) and ask. None of them has a
//! rule of its own.

use std::collections::HashMap;

use purser_ledger::AccountId;
use purser_money::Money;
use uuid::Uuid;

use crate::catalog::{Catalog, PricedItem};
use crate::domain::{LifecycleStatus, Phone, PhoneNumber};
use crate::error::Error;
use crate::seller::rule::check_active;
use crate::store::SellerKey;

/// A charge that somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SaleRequest<'a> {
    pub(crate) seller: Uuid,
    pub(crate) number: &'a PhoneNumber,
    /// More than zero, at most the settings' maximum.
    pub(crate) amount: Money,
    pub(crate) client_ref: Option<&'a str>,
}

/// What the database knows of some requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct SaleFacts {
    pub(crate) sellers: HashMap<Uuid, SellerKey>,
    pub(crate) catalog: Catalog,
    pub(crate) phones: HashMap<PhoneNumber, Phone>,
    /// Sales under these sellers' references.
    pub(crate) refs: HashMap<(Uuid, String), Uuid>,
    /// Whether a number of no known operator is refused.
    pub(crate) only_known: bool,
}

/// What requests that were accepted before leave for those after them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemainingCredit {
    available: HashMap<AccountId, Money>,
    /// References that were used, and the sale, where it has an id already.
    refs: HashMap<(Uuid, String), Option<Uuid>>,
}

impl RemainingCredit {
    /// The state before the first request. `available` is the credit that each seller's account can spend.
    pub(crate) fn begin(available: HashMap<AccountId, Money>) -> Self {
        RemainingCredit { available, refs: HashMap::new() }
    }

    /// Takes what an accepted request uses up. `sale` is the id that it will have.
    pub(crate) fn take(&mut self, request: &SaleRequest<'_>, quote: &Quote, sale: Option<Uuid>) {
        self.available.insert(quote.account, quote.left);
        if let Some(client_ref) = request.client_ref {
            self.refs.insert((request.seller, client_ref.to_owned()), sale);
        }
    }
}

/// What a request that may be sold comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    /// The seller's credit.
    pub(crate) account: AccountId,
    /// What is sold, its cost and its price.
    pub(crate) priced: PricedItem,
    /// What is available to the seller after it.
    pub(crate) left: Money,
}

/// Whether a request may be sold, and for what; or all that is against it, in the order in which it is told.
pub(crate) fn quote(
    facts: &SaleFacts,
    running: &RemainingCredit,
    request: &SaleRequest<'_>,
) -> Result<Quote, Vec<Error>> {
    let mut against = objections(facts, running, request.seller, Some(request.number), request.client_ref);
    let Some(seller) = facts.sellers.get(&request.seller) else { return Err(against) };
    let priced = facts.catalog.price(&seller.prices, request.number, request.amount, facts.only_known);
    let priced = match priced {
        Ok(priced) if against.is_empty() => priced,
        Ok(_) => return Err(against),
        Err(refused) => {
            against.push(refused);
            return Err(against);
        }
    };
    let available = running.available.get(&seller.account).copied().unwrap_or(Money::zero(priced.price.currency()));
    match available.checked_sub(priced.price).filter(|left| left.minor() >= 0) {
        Some(left) => Ok(Quote { account: seller.account, priced, left }),
        None => Err(vec![Error::InsufficientCredit { available, needed: priced.price }]),
    }
}

/// What is against a request as far as it can be read: its seller, its number, its reference.
pub(crate) fn objections(
    facts: &SaleFacts,
    running: &RemainingCredit,
    seller: Uuid,
    number: Option<&PhoneNumber>,
    client_ref: Option<&str>,
) -> Vec<Error> {
    let Some(key) = facts.sellers.get(&seller) else { return vec![Error::NoSeller] };
    let mut against = Vec::new();
    against.extend(check_active(key.status).err());
    against.extend(client_ref.and_then(|client_ref| used(facts, running, seller, client_ref)));
    if let Some(phone) = number.and_then(|number| facts.phones.get(number))
        && phone.status != LifecycleStatus::Active
    {
        against.push(Error::PhoneNotActive { number: phone.number.clone(), status: phone.status });
    }
    against
}

fn used(facts: &SaleFacts, running: &RemainingCredit, seller: Uuid, client_ref: &str) -> Option<Error> {
    let named = (seller, client_ref.to_owned());
    let sale = facts.refs.get(&named).copied().map(Some).or_else(|| running.refs.get(&named).copied())?;
    Some(match sale {
        Some(sale) => Error::DuplicateRef { client_ref: named.1, sale },
        None => Error::RefAbove(named.1),
    })
}

/// What a turn or a door for one request tells: the first of what is against it.
pub(crate) fn first(against: Vec<Error>) -> Error {
    against.into_iter().next().unwrap_or(Error::NoSeller)
}

#[cfg(test)]
mod tests {
    use purser_money::Currency;

    use super::*;
    use crate::domain::CallingCode;

    fn inr(minor: i64) -> Money {
        Money::new(minor, Currency::INR)
    }

    fn account() -> AccountId {
        AccountId::from_column(1)
    }

    fn number() -> PhoneNumber {
        PhoneNumber::parse("9876543210", CallingCode::INDIA).unwrap()
    }

    /// One seller of this standing, who has sold under the reference `old`.
    fn facts(status: LifecycleStatus) -> SaleFacts {
        let seller = SellerKey { account: account(), status, prices: Vec::new() };
        SaleFacts {
            sellers: HashMap::from([(Uuid::nil(), seller)]),
            refs: HashMap::from([((Uuid::nil(), "old".to_owned()), Uuid::max())]),
            ..SaleFacts::default()
        }
    }

    fn running(minor: i64) -> RemainingCredit {
        RemainingCredit::begin(HashMap::from([(account(), inr(minor))]))
    }

    fn codes(
        facts: &SaleFacts,
        running: &RemainingCredit,
        seller: Uuid,
        amount: i64,
        client_ref: Option<&str>,
    ) -> Vec<&'static str> {
        let number = number();
        let request = SaleRequest { seller, number: &number, amount: inr(amount), client_ref };
        let against = quote(facts, running, &request).err().unwrap_or_default();
        against.into_iter().map(|error| purser_kit::Problem::from(error).code().name).collect()
    }

    #[test]
    fn a_sale_leaves_what_the_credit_has_beyond_its_price() {
        let (number, facts) = (number(), facts(LifecycleStatus::Active));
        let request = SaleRequest { seller: Uuid::nil(), number: &number, amount: inr(300), client_ref: None };
        let quote = quote(&facts, &running(1_000), &request).unwrap();
        assert_eq!((quote.priced.price, quote.left), (inr(300), inr(700)));
    }

    #[test]
    fn credit_is_spent_to_the_last_and_not_beyond() {
        let facts = facts(LifecycleStatus::Active);
        assert_eq!(codes(&facts, &running(300), Uuid::nil(), 300, None), [""; 0]);
        assert_eq!(codes(&facts, &running(299), Uuid::nil(), 300, None), ["insufficient_credit"]);
    }

    #[test]
    fn a_request_sees_what_those_before_it_took() {
        let (number, facts, mut running) = (number(), facts(LifecycleStatus::Active), running(500));
        let request = SaleRequest { seller: Uuid::nil(), number: &number, amount: inr(300), client_ref: Some("new") };
        let taken = quote(&facts, &running, &request).unwrap();
        running.take(&request, &taken, Some(Uuid::max()));
        assert_eq!(codes(&facts, &running, Uuid::nil(), 300, None), ["insufficient_credit"]);
        assert_eq!(codes(&facts, &running, Uuid::nil(), 200, Some("new")), ["duplicate_transaction"]);
        assert_eq!(codes(&facts, &running, Uuid::nil(), 200, Some("newer")), [""; 0]);
    }

    #[test]
    fn all_that_is_against_a_request_is_told_and_an_unknown_seller_alone() {
        let facts = facts(LifecycleStatus::Frozen);
        let both = ["seller_not_active", "duplicate_transaction"];
        assert_eq!(codes(&facts, &running(1_000), Uuid::nil(), 1, Some("old")), both);
        assert_eq!(codes(&facts, &running(1_000), Uuid::max(), 1, Some("old")), ["not_found"]);
    }
}
