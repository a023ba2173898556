//! The counter's turns: whatever is decided together comes out as if it had been decided one after another.

use std::collections::HashMap;

use jiff::Timestamp;
use proptest::prelude::*;
use purser_charge::service::{
    CreditGrantRequest, NewPhone, NewSeller, PhoneChange, SaleOrder, SellerChange, credit_increase, operator_put,
    phone_change, phone_create, price_set, product_put, sale_by_ref, sales_create, seller_change, seller_create,
    seller_get,
};
use purser_charge::{
    CallingCode, Error, LifecycleStatus, NamedProduct, OperatorRow, PhoneNumber, Product, SaleResult, Settings,
    credit_check,
};
use purser_kit::IdempotentRequest;
use purser_ledger::verify;
use purser_money::{Currency, Money};
use purser_outbox::Language;
use purser_store::Engine;
use purser_testkit::{TestClock, TestDb};
use uuid::Uuid;

const NOW: Timestamp = TestClock::START;

/// Sellers: the last is frozen; one more, past them, does not exist.
const SELLERS: u8 = 3;

/// Numbers: the last is frozen; the first is registered; the others are not known yet.
const NUMBERS: u8 = 4;

/// What each seller begins with, in paise.
const CREDIT: i64 = 1_000;

/// One request, everything in it small enough to meet others.
#[derive(Debug, Clone)]
struct RandomSale {
    seller: u8,
    number: u8,
    minor: i64,
    client_ref: Option<u8>,
    key: Option<u8>,
}

fn asks() -> impl Strategy<Value = RandomSale> {
    let amounts = prop_oneof![Just(100), Just(350), Just(999), Just(1_000), 1i64..1_200];
    let small = |up_to: u8| proptest::option::weighted(0.4, 0..up_to);
    let fields = (0..=SELLERS, 0..NUMBERS, amounts, small(3), small(3));
    fields.prop_map(|(seller, number, minor, client_ref, key)| RandomSale { seller, number, minor, client_ref, key })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_turn_decides_as_if_its_orders_came_one_by_one_on_sqlite(turns in proptest::collection::vec(proptest::collection::vec(asks(), 1..12), 1..6)) {
        run(Engine::Sqlite, &turns, false);
    }

    #[test]
    fn a_turn_decides_as_if_its_orders_came_one_by_one_on_postgres(turns in proptest::collection::vec(proptest::collection::vec(asks(), 1..12), 1..6)) {
        run(Engine::Postgres, &turns, false);
    }

    #[test]
    fn a_turn_prices_as_if_its_orders_came_one_by_one_on_sqlite(turns in proptest::collection::vec(proptest::collection::vec(asks(), 1..12), 1..6)) {
        run(Engine::Sqlite, &turns, true);
    }

    #[test]
    fn a_turn_prices_as_if_its_orders_came_one_by_one_on_postgres(turns in proptest::collection::vec(proptest::collection::vec(asks(), 1..12), 1..6)) {
        run(Engine::Postgres, &turns, true);
    }
}

/// `has_operator`: one of the numbers belongs to an operator, whose product takes 90 of 100 and costs the first seller 95.
fn run(engine: Engine, turns: &[Vec<RandomSale>], has_operator: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let db = TestDb::create(engine, crate::migrations()).await;
        let shop = Shop::open(&db).await;
        let mut model = Model { has_operator, ..Model::default() };
        if has_operator {
            shop.operator().await;
        }
        for turn in turns {
            let orders: Vec<SaleOrder> = turn.iter().map(|ask| shop.order(ask)).collect();
            let expected: Vec<SaleVerdict> =
                std::iter::zip(turn, &orders).map(|(ask, order)| model.decide(ask, order.id)).collect();
            assert_eq!(shop.decide(orders).await, expected, "{turn:?}");
            shop.compare(&model).await;
        }
    });
}

/// What comes of a request, as far as its sender can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SaleVerdict {
    /// Sold: the answer, and whether it is a repeat.
    Sold(String, bool),
    NoSeller,
    SellerFrozen,
    NumberFrozen,
    /// The first sale under this reference.
    Duplicate(Uuid),
    /// Its operator does not sell this amount.
    Unfit,
    /// What was available.
    Short(i64),
    KeyReused,
}

fn answer(sale: Uuid, credit: Money) -> String {
    format!("{sale} leaves {credit}")
}

/// The rules, for one request at a time.
#[derive(Default)]
struct Model {
    has_operator: bool,
    spent: HashMap<u8, i64>,
    refs: HashMap<(u8, u8), Uuid>,
    /// What was asked under a key, and what was answered.
    keys: HashMap<u8, (Vec<u8>, String)>,
}

impl Model {
    fn credit(&self, seller: u8) -> i64 {
        CREDIT - self.spent.get(&seller).copied().unwrap_or(0)
    }

    /// What the seller pays; `None` where the operator sells no such amount.
    fn price(&self, ask: &RandomSale) -> Option<i64> {
        match ask.number {
            1 if self.has_operator && !(50..=999).contains(&ask.minor) => None,
            1 if self.has_operator && ask.seller == 0 => {
                let (whole, rest) = (ask.minor * 95 / 100, ask.minor * 95 % 100);
                Some(whole + i64::from(rest > 50 || (rest == 50 && whole % 2 == 1)))
            }
            _ => Some(ask.minor),
        }
    }

    fn decide(&mut self, ask: &RandomSale, id: Uuid) -> SaleVerdict {
        if let Some((asked, told)) = ask.key.and_then(|key| self.keys.get(&key)) {
            return if *asked == body(ask) { SaleVerdict::Sold(told.clone(), true) } else { SaleVerdict::KeyReused };
        }
        match ask.seller {
            seller if seller == SELLERS => return SaleVerdict::NoSeller,
            seller if seller == SELLERS - 1 => return SaleVerdict::SellerFrozen,
            _ => {}
        }
        if let Some(first) = ask.client_ref.and_then(|client_ref| self.refs.get(&(ask.seller, client_ref))) {
            return SaleVerdict::Duplicate(*first);
        }
        if ask.number == NUMBERS - 1 {
            return SaleVerdict::NumberFrozen;
        }
        let Some(price) = self.price(ask) else { return SaleVerdict::Unfit };
        let available = self.credit(ask.seller);
        if price > available {
            return SaleVerdict::Short(available);
        }
        *self.spent.entry(ask.seller).or_default() += price;
        let told = answer(id, inr(self.credit(ask.seller)));
        if let Some(client_ref) = ask.client_ref {
            self.refs.insert((ask.seller, client_ref), id);
        }
        if let Some(key) = ask.key {
            self.keys.insert(key, (body(ask), told.clone()));
        }
        SaleVerdict::Sold(told, false)
    }
}

/// All that makes a repeat of a request the same request.
fn body(ask: &RandomSale) -> Vec<u8> {
    format!("{} {} {} {:?}", ask.seller, ask.number, ask.minor, ask.client_ref).into_bytes()
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn number(place: u8) -> PhoneNumber {
    PhoneNumber::parse(&format!("987654321{place}"), CallingCode::INDIA).expect("a number")
}

/// The real thing.
struct Shop {
    db: TestDb,
    settings: Settings,
    sellers: Vec<Uuid>,
}

impl Shop {
    async fn open(db: &TestDb) -> Self {
        let (settings, ids) = (Settings::standard(), db.ids().clone());
        let sellers: Vec<Uuid> = (0..SELLERS).map(|_| ids.next()).collect();
        let made: Vec<(Uuid, Uuid)> = sellers.iter().map(|seller| (*seller, ids.next())).collect();
        let phones = [(ids.next(), 0), (ids.next(), NUMBERS - 1)];
        let (rules, frozen_seller) = (settings.clone(), sellers[usize::from(SELLERS) - 1]);
        let opened = db.write(move |tx| {
            for (seller, credit) in &made {
                let new = NewSeller {
                    id: *seller,
                    name: "Shop".to_owned(),
                    email: None,
                    phone: None,
                    low_credit_alert: None,
                    language: Language::English,
                };
                seller_create(tx, NOW, &rules, &new)?;
                let (amount, actor) = (inr(CREDIT), "test".to_owned());
                let order =
                    CreditGrantRequest { id: *credit, seller: *seller, amount, reference: None, again: false, actor };
                credit_increase(tx, NOW, &rules, &order)?;
            }
            for (id, place) in phones {
                phone_create(tx, NOW, &rules, &NewPhone { id, number: number(place), label: None })?;
            }
            let frozen = PhoneChange { status: Some(LifecycleStatus::Frozen), ..PhoneChange::default() };
            phone_change(tx, NOW, phones[1].0, &frozen)?;
            let frozen = SellerChange { status: Some(LifecycleStatus::Frozen), ..SellerChange::default() };
            seller_change(tx, NOW, &rules, frozen_seller, &frozen)?;
            Ok::<_, Error>(())
        });
        opened.await.expect("opening the shop");
        Shop { db: db.clone(), settings, sellers }
    }

    /// Gives one of the numbers to an operator.
    async fn operator(&self) {
        let (ids, settings, seller) = (self.db.ids().clone(), self.settings.clone(), self.sellers[0]);
        let prefixes = vec![number(1).to_string()];
        let operator = OperatorRow { id: ids.next(), name: "Airtel".to_owned(), is_active: true, prefixes };
        let product = NamedProduct {
            product: Product { id: ids.next(), low: 50, high: 999, cost: 9_000 },
            operator: operator.id,
            operator_name: operator.name.clone(),
            name: "Top-up".to_owned(),
            is_active: true,
        };
        let made = self.db.write(move |tx| {
            operator_put(tx, NOW, &operator)?;
            product_put(tx, NOW, &settings, &product)?;
            price_set(tx, &settings, seller, product.product.id, Some(9_500))
        });
        made.await.expect("an operator");
    }

    fn order(&self, ask: &RandomSale) -> SaleOrder {
        let nobody = Uuid::nil();
        let repeat = |key| {
            let mut fingerprint = [0; 32];
            let body = body(ask);
            fingerprint[..body.len().min(32)].copy_from_slice(&body[..body.len().min(32)]);
            IdempotentRequest { owner: "test".to_owned(), key: format!("key-{key}"), fingerprint }
        };
        SaleOrder {
            id: self.db.ids().next(),
            phone_id: self.db.ids().next(),
            now: NOW,
            seller: self.sellers.get(usize::from(ask.seller)).copied().unwrap_or(nobody),
            number: number(ask.number),
            amount: inr(ask.minor),
            client_ref: ask.client_ref.map(|client_ref| format!("ref-{client_ref}")),
            idempotency: ask.key.map(repeat),
            actor: "test".to_owned(),
        }
    }

    async fn decide(&self, orders: Vec<SaleOrder>) -> Vec<SaleVerdict> {
        let settings = self.settings.clone();
        let decided = self.db.write(move |tx| sales_create(tx, &settings, &orders));
        decided.await.expect("a turn").into_iter().map(verdict).collect()
    }

    /// Credit, references and the books are what the model says.
    async fn compare(&self, model: &Model) {
        for (place, seller) in self.sellers.iter().copied().enumerate() {
            let settings = self.settings.clone();
            let found = self.db.read(move |tx| seller_get(tx, &settings, seller)).await.expect("a seller");
            let place = u8::try_from(place).expect("few sellers");
            assert_eq!(found.credit.minor(), model.credit(place), "seller {place}");
        }
        for ((seller, client_ref), sale) in &model.refs {
            let (settings, seller) = (self.settings.clone(), self.sellers[usize::from(*seller)]);
            let name = format!("ref-{client_ref}");
            let found = self.db.read(move |tx| sale_by_ref(tx, &settings, &name, Some(seller))).await;
            assert_eq!(found.expect("the sale").id, *sale);
        }
        let report = self.db.read(verify).await.expect("the audit");
        assert_eq!(report.problems, Vec::<String>::new());
        assert!(self.db.read(credit_check).await.expect("the check").holds());
    }
}

fn verdict(result: Result<SaleResult, Error>) -> SaleVerdict {
    match result {
        Ok(sold) => SaleVerdict::Sold(answer(sold.sale, sold.credit_after), sold.replayed),
        Err(Error::NoSeller) => SaleVerdict::NoSeller,
        Err(Error::SellerNotActive(_)) => SaleVerdict::SellerFrozen,
        Err(Error::PhoneNotActive { .. }) => SaleVerdict::NumberFrozen,
        Err(Error::DuplicateRef { sale, .. }) => SaleVerdict::Duplicate(sale),
        Err(Error::NoFittingProduct { .. }) => SaleVerdict::Unfit,
        Err(Error::InsufficientCredit { available, .. }) => SaleVerdict::Short(available.minor()),
        Err(Error::KeyReused(_)) => SaleVerdict::KeyReused,
        Err(other) => panic!("{other}"),
    }
}
