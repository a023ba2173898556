//! Sales that complete at once, in batches: every order that waits is decided in one batch.
//!
//! The batch reads the facts of all orders, decides them in order by the rule ([`super::rule`]), and writes what was sold,
//! each with one statement a table. A refused order leaves no trace, not even the
//! registration of an unknown number.

use std::collections::HashMap;

use jiff::Timestamp;
use purser_kit::IdempotentRequest;
use purser_ledger::{
    AccountId, Book, Entries, IdempotencyRecord, NewEntry, PostedEntry, Transfer, idempotency_find_many,
    idempotency_store_many,
};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::facts::{facts_load, running_begin};
use super::result::SaleResult;
use super::rule::{RemainingCredit, SaleFacts, SaleRequest, first, quote};
use crate::catalog::PricedItem;
use crate::domain::{Phone, PhoneNumber, SaleStatus, Settings};
use crate::error::Error;
use crate::service::{NewPhone, phones_register};
use crate::store::{self, NewSale};

/// A charge that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleOrder {
    /// The sale's id, fresh.
    pub id: Uuid,
    /// The number's id, fresh, should this be its first sale.
    pub phone_id: Uuid,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who sells.
    pub seller: Uuid,
    /// To whom.
    pub number: PhoneNumber,
    /// How much, more than zero and at most the settings' maximum.
    pub amount: Money,
    /// The seller's own name for it.
    pub client_ref: Option<String>,
    /// Whether the request may be repeated, and how to know it again.
    pub idempotency: Option<IdempotentRequest>,
    /// Who asks.
    pub actor: String,
}

impl SaleOrder {
    /// What of it is decided on.
    pub(crate) fn request(&self) -> SaleRequest<'_> {
        let SaleOrder { seller, number, amount, client_ref, .. } = self;
        SaleRequest { seller: *seller, number, amount: *amount, client_ref: client_ref.as_deref() }
    }
}

/// Decides `orders` one after another and completes those that are good, in this one transaction.
///
/// # Errors
/// Only where the whole batch cannot stand; each order has a result of its own.
pub fn sales_create(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    orders: &[SaleOrder],
) -> Result<Vec<Result<SaleResult, Error>>, Error> {
    let known = BatchFacts::load(tx, settings, orders)?;
    let mut book = Book::open(tx, known.facts.sellers.values().map(|seller| seller.account))?;
    let verdicts = decide(&known, &book, orders)?;
    let phones = register_missing(tx, settings, &known, orders, &verdicts)?;
    let margin =
        known.facts.catalog.margin.filter(|_| accepted(orders, &verdicts).any(|one| one.priced.margin().is_positive()));
    book.load(tx, phones.values().map(|phone| phone.account).chain(margin))?;
    let sales = post(&mut book, &known, &phones, orders, &verdicts)?;
    let entries = book.write(tx)?;
    write(tx, orders, &sales, &entries)?;
    answers(orders, verdicts, &sales)
}

/// What the database knows of these orders.
struct BatchFacts {
    facts: SaleFacts,
    /// First answers to these requests, by owner and key, with the fingerprints of the requests.
    recorded: HashMap<(String, String), ([u8; 32], SaleResult)>,
}

impl BatchFacts {
    fn load(tx: &mut ReadTx<'_>, settings: &Settings, orders: &[SaleOrder]) -> Result<Self, Error> {
        let refs = orders.iter().filter_map(|order| Some((order.seller, order.client_ref.as_deref()?)));
        let sellers = orders.iter().map(|order| order.seller).collect();
        let numbers = orders.iter().map(|order| &order.number).collect();
        let keys: Vec<(&str, &str)> = orders
            .iter()
            .filter_map(|order| order.idempotency.as_ref())
            .map(|repeat| (repeat.owner.as_str(), repeat.key.as_str()))
            .collect();
        let mut recorded = HashMap::new();
        for IdempotencyRecord { owner, key, fingerprint, answer } in idempotency_find_many(tx, &keys)? {
            recorded.insert((owner, key), (fingerprint, SaleResult::recorded(tx, settings, &answer)?));
        }
        Ok(BatchFacts { facts: facts_load(tx, settings, sellers, numbers, refs.collect())?, recorded })
    }
}

fn by_number(phones: Vec<Phone>) -> HashMap<PhoneNumber, Phone> {
    phones.into_iter().map(|phone| (phone.number.clone(), phone)).collect()
}

/// What is decided about an order.
enum BatchDecision {
    /// It will be sold, for this.
    Sell(PricedItem),
    /// It is refused.
    Refuse(Error),
    /// It was answered before.
    Replay(SaleResult),
    /// It repeats the earlier order with this index, which will be sold.
    Same(usize),
}

/// The rules, one order after another, seeing what the earlier ones of this batch will have done.
fn decide(known: &BatchFacts, book: &Book, orders: &[SaleOrder]) -> Result<Vec<BatchDecision>, Error> {
    let mut turn = BatchUsage { running: running_begin(&known.facts, book)?, keys: HashMap::new() };
    Ok(orders.iter().enumerate().map(|(index, order)| turn.decide(known, index, order)).collect())
}

/// What the orders of this batch that will be sold have used up.
struct BatchUsage<'o> {
    running: RemainingCredit,
    keys: HashMap<(&'o str, &'o str), (usize, [u8; 32])>,
}

impl<'o> BatchUsage<'o> {
    fn decide(&mut self, known: &BatchFacts, index: usize, order: &'o SaleOrder) -> BatchDecision {
        if let Some(repeat) = &order.idempotency {
            match self.repeated(known, repeat) {
                Ok(Some(decision)) => return decision,
                Ok(None) => {}
                Err(refusal) => return BatchDecision::Refuse(refusal),
            }
        }
        let request = order.request();
        let quote = match quote(&known.facts, &self.running, &request) {
            Ok(quote) => quote,
            Err(against) => return BatchDecision::Refuse(first(against)),
        };
        self.running.take(&request, &quote, Some(order.id));
        if let Some(repeat) = &order.idempotency {
            self.keys.insert((&repeat.owner, &repeat.key), (index, repeat.fingerprint));
        }
        BatchDecision::Sell(quote.priced)
    }

    /// The verdict on a request that came before, in an earlier batch or in this one.
    fn repeated(&self, known: &BatchFacts, repeat: &IdempotentRequest) -> Result<Option<BatchDecision>, Error> {
        let reused = || Err(Error::KeyReused(repeat.key.clone()));
        if let Some((fingerprint, sold)) = known.recorded.get(&(repeat.owner.clone(), repeat.key.clone())) {
            let same = *fingerprint == repeat.fingerprint;
            return if same { Ok(Some(BatchDecision::Replay(sold.clone()))) } else { reused() };
        }
        match self.keys.get(&(repeat.owner.as_str(), repeat.key.as_str())) {
            Some((index, fingerprint)) if *fingerprint == repeat.fingerprint => Ok(Some(BatchDecision::Same(*index))),
            Some(_) => reused(),
            None => Ok(None),
        }
    }
}

/// The numbers of all orders that will be sold; those that nobody has sold to yet are registered.
fn register_missing(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    known: &BatchFacts,
    orders: &[SaleOrder],
    verdicts: &[BatchDecision],
) -> Result<HashMap<PhoneNumber, Phone>, Error> {
    let mut phones = HashMap::with_capacity(orders.len());
    let mut missing: HashMap<&PhoneNumber, &SaleOrder> = HashMap::new();
    for AcceptedOrder { order, .. } in accepted(orders, verdicts) {
        match known.facts.phones.get(&order.number) {
            Some(phone) => drop(phones.insert(order.number.clone(), phone.clone())),
            None => drop(missing.entry(&order.number).or_insert(order)),
        }
    }
    let Some(now) = missing.values().map(|order| order.now).max() else { return Ok(phones) };
    let new: Vec<NewPhone> = missing
        .into_values()
        .map(|order| NewPhone { id: order.phone_id, number: order.number.clone(), label: None })
        .collect();
    phones.extend(by_number(phones_register(tx, now, settings, &new)?));
    Ok(phones)
}

/// An order that will be sold.
struct AcceptedOrder<'a> {
    index: usize,
    order: &'a SaleOrder,
    priced: PricedItem,
}

fn accepted<'a>(orders: &'a [SaleOrder], verdicts: &'a [BatchDecision]) -> impl Iterator<Item = AcceptedOrder<'a>> {
    orders.iter().zip(verdicts).enumerate().filter_map(|(index, (order, decision))| match decision {
        BatchDecision::Sell(priced) => Some(AcceptedOrder { index, order, priced: *priced }),
        _ => None,
    })
}

/// A sale that the book has accepted.
struct BookedSale {
    index: usize,
    phone: Uuid,
    priced: PricedItem,
    posted: PostedEntry,
    credit_after: Money,
}

/// Seller's credit → phone and margin, for each order that will be sold. The book checks what `decide` foresaw; should it ever
/// disagree, the batch is undone and its orders are tried one by one.
fn post(
    book: &mut Book,
    known: &BatchFacts,
    phones: &HashMap<PhoneNumber, Phone>,
    orders: &[SaleOrder],
    verdicts: &[BatchDecision],
) -> Result<Vec<BookedSale>, Error> {
    let mut made = Vec::with_capacity(orders.len());
    for AcceptedOrder { index, order, priced } in accepted(orders, verdicts) {
        let seller = known.facts.sellers.get(&order.seller).ok_or(Error::NoSeller)?;
        let phone = phones.get(&order.number).ok_or(Error::NoPhone)?;
        let parts = sale_parts(&priced, phone.account, known.facts.catalog.margin)?.into_iter();
        let transfers: Vec<Transfer> =
            parts.map(|(credit, amount)| Transfer { debit: seller.account, credit, amount }).collect();
        let posted = book.post(order.now, sale_entry(order), &transfers)?;
        made.push(BookedSale { index, phone: phone.id, priced, posted, credit_after: book.balance(seller.account)? });
    }
    Ok(made)
}

/// Where a sale's price goes: what the operator takes to the number, what is beyond it to the margin.
pub(crate) fn sale_parts(
    priced: &PricedItem,
    phone: AccountId,
    margin: Option<AccountId>,
) -> Result<Vec<(AccountId, Money)>, Error> {
    let mut parts = vec![(phone, priced.cost)];
    if priced.margin().is_positive() {
        // The account is opened with the first product, so it is there wherever there is a margin.
        parts.push((margin.ok_or(Error::Bug("a sale has a margin and no account for it"))?, priced.margin()));
    }
    Ok(parts)
}

/// The journal entry of a sale.
fn sale_entry(order: &SaleOrder) -> NewEntry {
    NewEntry {
        kind: "charge.sale",
        actor: order.actor.clone(),
        memo: format!("Charge for {}", order.number),
        reference: Some(order.id.to_string()),
    }
}

fn write(tx: &mut WriteTx<'_>, orders: &[SaleOrder], made: &[BookedSale], entries: &Entries) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(made.len());
    let mut answered = Vec::new();
    for one in made {
        let order = &orders[one.index];
        let entry = entries.of(one.posted)?;
        rows.push(NewSale {
            id: order.id,
            seller: order.seller,
            phone: one.phone,
            amount: order.amount,
            priced: one.priced,
            status: SaleStatus::Completed,
            connector: "instant",
            client_ref: order.client_ref.as_deref(),
            actor: &order.actor,
            credit_after: one.credit_after,
            entry: Some(entry),
            created_at: order.now,
            settled_at: Some(order.now),
        });
        if let Some(repeat) = &order.idempotency {
            answered.push(repeat.recorded(SaleResult::completed(order.id, one.credit_after).record()));
        }
    }
    store::sales_insert(tx, &rows)?;
    let Some(now) = orders.iter().map(|order| order.now).max() else { return Ok(()) };
    Ok(idempotency_store_many(tx, now, &answered)?)
}

fn answers(
    orders: &[SaleOrder],
    verdicts: Vec<BatchDecision>,
    made: &[BookedSale],
) -> Result<Vec<Result<SaleResult, Error>>, Error> {
    let mut sold: Vec<Option<SaleResult>> = vec![None; orders.len()];
    for one in made {
        sold[one.index] = Some(SaleResult::completed(orders[one.index].id, one.credit_after));
    }
    let sold = |index: usize| sold[index].clone().ok_or(Error::Bug("an accepted sale was not made"));
    let mut answers = Vec::with_capacity(orders.len());
    for (index, decision) in verdicts.into_iter().enumerate() {
        answers.push(match decision {
            BatchDecision::Sell(_) => Ok(sold(index)?),
            BatchDecision::Same(first) => Ok(sold(first)?.again()),
            BatchDecision::Replay(first) => Ok(first.again()),
            BatchDecision::Refuse(refusal) => Err(refusal),
        });
    }
    Ok(answers)
}
