//! The facts that the rule of a sale asks for, read from the database.

use purser_ledger::Book;
use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use super::rule::{Quote, RemainingCredit, SaleFacts, SaleRequest, first, quote};
use crate::domain::{Phone, PhoneNumber, Settings};
use crate::error::Error;
use crate::store;

/// Reads what concerns these sellers, numbers and references (each perhaps more than once), with one statement a table.
pub(crate) fn facts_load(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    mut sellers: Vec<Uuid>,
    mut numbers: Vec<&PhoneNumber>,
    mut refs: Vec<(Uuid, &str)>,
) -> Result<SaleFacts, Error> {
    sellers.sort_unstable();
    sellers.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    refs.sort_unstable();
    refs.dedup();
    let phones = store::phones_by_number(tx, &numbers)?;
    Ok(SaleFacts {
        sellers: store::seller_keys(tx, &sellers)?,
        catalog: store::operator::catalog_load(tx)?,
        phones: phones.into_iter().map(|phone| (phone.number.clone(), phone)).collect(),
        refs: store::sales_by_ref(tx, &refs)?.into_iter().collect(),
        only_known: settings.only_known,
    })
}

/// The running state before the first request: the book's available credit of all sellers of the facts.
pub(crate) fn running_begin(facts: &SaleFacts, book: &Book) -> Result<RemainingCredit, Error> {
    let accounts = facts.sellers.values().map(|seller| Ok((seller.account, book.available(seller.account)?)));
    Ok(RemainingCredit::begin(accounts.collect::<Result<_, Error>>()?))
}

/// One request alone, decided.
pub(crate) struct QuoteDetail {
    pub(crate) quote: Quote,
    /// Its number, where that is registered.
    pub(crate) phone: Option<Phone>,
    /// The seller's credit before it, holds included.
    pub(crate) credit: Money,
}

/// Loads the facts of one request, and decides it.
///
/// # Errors
/// The first rule that refuses it.
pub(crate) fn quote_one(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    request: &SaleRequest<'_>,
) -> Result<QuoteDetail, Error> {
    let refs = request.client_ref.map(|client_ref| (request.seller, client_ref));
    let mut facts = facts_load(tx, settings, vec![request.seller], vec![request.number], refs.into_iter().collect())?;
    let book = Book::open(tx, facts.sellers.values().map(|seller| seller.account))?;
    let running = running_begin(&facts, &book)?;
    let quote = quote(&facts, &running, request).map_err(first)?;
    Ok(QuoteDetail { quote, phone: facts.phones.remove(request.number), credit: book.balance(quote.account)? })
}
