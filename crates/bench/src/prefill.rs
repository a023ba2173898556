//! Databases to measure on: sellers with credit, phone numbers, and as many sales as wanted, made by the same functions
//! that the server uses.

use std::time::{Duration, Instant};

use purser_charge::service::{
    CreditGrantRequest, NewPhone, NewSeller, credit_increase, phone_create, sales_create, seller_create,
};
use purser_charge::{CreditCheck, Error, PhoneNumber, SaleOrder, Settings, credit_check};
use purser_money::{Currency, Money};
use purser_store::{ReadTx, Store, WriteTx};
use purser_testkit::TestIds;
use uuid::Uuid;

use crate::clock;
use crate::load::FIRST_PHONE;
use crate::place::BenchDatabase;
use crate::split_mix::SplitMix;

/// Who sells.
pub(crate) const SELLERS: usize = 10_000;

/// Whom they sell to.
pub(crate) const PHONES: usize = 100_000;

/// What each seller has to begin with, in minor units: no run uses it up.
const CREDIT: i64 = 10_000_000_000;

/// Sellers or numbers made in one transaction.
const BATCH: usize = 500;

/// Sales made in one transaction: as many as the counter takes in one turn.
const TURN: usize = 512;

/// Makes the contents of databases. Ids go on from one to the next.
pub(crate) struct Prefill {
    ids: TestIds,
    settings: Settings,
    /// The sellers made so far.
    pub(crate) sellers: Vec<Uuid>,
}

impl Prefill {
    pub(crate) fn new() -> Self {
        Prefill { ids: TestIds::default(), settings: Settings::standard(), sellers: Vec::new() }
    }

    /// Fills a migrated database with `sellers` sellers and `phones` numbers.
    pub(crate) fn stock(&mut self, place: &BenchDatabase, sellers: usize, phones: usize) -> Result<(), String> {
        self.sellers = (0..sellers).map(|_| self.ids.next()).collect();
        with_store(place, async |store| {
            for batch in self.sellers.chunks(BATCH) {
                self.sellers_create(store, batch.to_vec()).await?;
            }
            for first in (0..phones).step_by(BATCH) {
                self.phones_create(store, first..phones.min(first + BATCH)).await?;
            }
            Ok(())
        })
    }

    async fn sellers_create(&self, store: &Store, sellers: Vec<Uuid>) -> Result<(), Error> {
        let (now, settings) = (clock::now(), self.settings.clone());
        let amount = Money::new(CREDIT, Currency::INR);
        let new: Vec<(NewSeller, CreditGrantRequest)> = sellers
            .into_iter()
            .map(|seller| {
                let name = format!("Seller {seller}");
                let new = NewSeller {
                    id: seller,
                    name,
                    email: None,
                    phone: None,
                    low_credit_alert: None,
                    language: Default::default(),
                };
                let actor = "system:bench".to_owned();
                (new, CreditGrantRequest { id: self.ids.next(), seller, amount, reference: None, again: false, actor })
            })
            .collect();
        let create = move |tx: &mut WriteTx<'_>| {
            new.iter().try_for_each(|(seller, credit)| {
                seller_create(tx, now, &settings, seller)?;
                credit_increase(tx, now, &settings, credit).map(drop)
            })
        };
        store.write(create).await
    }

    async fn phones_create(&self, store: &Store, range: std::ops::Range<usize>) -> Result<(), Error> {
        let (now, settings) = (clock::now(), self.settings.clone());
        let new = |index| Some(NewPhone { id: self.ids.next(), number: self.number(index)?, label: None });
        let new: Vec<NewPhone> = range.filter_map(new).collect();
        let create = move |tx: &mut WriteTx<'_>| {
            new.iter().try_for_each(|phone| phone_create(tx, now, &settings, phone).map(drop))
        };
        store.write(create).await
    }

    /// Makes `count` sales between what [`Prefill::stock`] made, one turn after another, and says how long that took.
    pub(crate) fn sell(&self, place: &BenchDatabase, phones: usize, count: usize) -> Result<Duration, String> {
        let mut random = SplitMix::new(2);
        with_store(place, async |store| {
            let began = Instant::now();
            for first in (0..count).step_by(TURN) {
                let turn = (first..count.min(first + TURN)).filter_map(|_| self.order(phones, &mut random));
                let (orders, settings): (Vec<SaleOrder>, _) = (turn.collect(), self.settings.clone());
                store.write(move |tx| sell_all(tx, &settings, &orders)).await?;
            }
            Ok(began.elapsed())
        })
    }

    fn order(&self, phones: usize, random: &mut SplitMix) -> Option<SaleOrder> {
        Some(SaleOrder {
            id: self.ids.next(),
            phone_id: self.ids.next(),
            now: clock::now(),
            seller: self.sellers[random.below(self.sellers.len())],
            number: self.number(random.below(phones))?,
            amount: Money::new(100, Currency::INR),
            client_ref: None,
            idempotency: None,
            actor: "system:bench".to_owned(),
        })
    }

    /// The nth number; none past the last that ten digits have.
    fn number(&self, index: usize) -> Option<PhoneNumber> {
        PhoneNumber::parse(&(FIRST_PHONE + index).to_string(), self.settings.country).ok()
    }
}

fn sell_all(tx: &mut WriteTx<'_>, settings: &Settings, orders: &[SaleOrder]) -> Result<(), Error> {
    sales_create(tx, settings, orders)?.into_iter().try_for_each(|sold| sold.map(drop))
}

/// How many sales a database holds, once it is certain that no credit went astray.
pub(crate) fn sales_counted(place: &BenchDatabase) -> Result<u64, String> {
    let (sales, check) = with_store(place, async |store| {
        let count = |tx: &mut ReadTx<'_>| {
            let sales: i64 = tx.query_one("SELECT COUNT(*) FROM charge_sale", &[], |row| row.get(0))?;
            Ok::<_, Error>((sales, credit_check(tx)?))
        };
        store.read(count).await
    })?;
    match check {
        check if check.holds() => Ok(sales.unsigned_abs()),
        CreditCheck { granted, left, sold } => Err(format!("of {granted} granted, {left} is left and {sold} sold")),
    }
}

fn with_store<T>(place: &BenchDatabase, work: impl AsyncFnOnce(&Store) -> Result<T, Error>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let store = place.open()?;
    let done = runtime.block_on(work(&store));
    store.close();
    done.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use purser_store::Migration;

    use super::*;

    #[test]
    fn a_prefilled_database_holds_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let place = BenchDatabase::File(folder.path().join("bench.db"));
        let rooms = [purser_identity::MIGRATIONS, purser_ledger::MIGRATIONS, purser_charge::MIGRATIONS];
        let tables: Vec<Migration> = rooms.concat();
        let migrate = async |store: &Store| Ok(store.migrate(tables, clock::now()).await.map(drop)?);
        with_store(&place, migrate).unwrap();

        let mut prefill = Prefill::new();
        prefill.stock(&place, 3, 510).unwrap();
        assert_eq!(sales_counted(&place), Ok(0));
        prefill.sell(&place, 510, 1_000).unwrap();
        assert_eq!(sales_counted(&place), Ok(1_000));
    }
}
