//! Every door decides a sale by the same rule. A turn of the batch, a held sale, a file of one row, a file of many rows, and
//! the portal (with and without an operator) give the same verdicts and the same postings on the same facts.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use purser_charge::connector::ConnectorName;
use purser_charge::service::{
    CreditGrantRequest, NewPhone, NewSeller, PhoneChange, SaleOrder, SaleOutcome, SellerChange, credit_increase,
    operator_put, phone_change, phone_create, price_set, product_put, sale_reserve, sale_settle, sales_create,
    seller_change, seller_create,
};
use purser_charge::{
    CallingCode, Connector, Error, LifecycleStatus, NamedProduct, OperatorRow, PhoneNumber, Product, Settings,
    credit_check,
};
use purser_kit::console::{ImportCheck, ImportCheckState, Progress, RequestContext};
use purser_kit::portal::{Invocation, PortalAction, PortalContext};
use purser_kit::{App, Fields, IdempotentRequest, Problem};
use purser_ledger::verify;
use purser_money::{Currency, Money};
use purser_outbox::Language;
use purser_store::{Engine, params};
use purser_testkit::{TestClock, TestDb};
use uuid::Uuid;

const NOW: Timestamp = TestClock::START;

/// A turn, a hold, a file for each row, the portal, the portal with an operator, a file of many rows.
const DOORS: usize = 6;

/// Numbers of each door: of no operator, of one who sells, of one who is stopped, and one that may be frozen.
const NUMBERS: u8 = 4;

/// What the database holds: the same for the seller of each door.
#[derive(Debug, Clone)]
struct SellerState {
    standing: LifecycleStatus,
    credit: i64,
    /// What the seller pays for the product, in 1/10,000.
    price: Option<i64>,
    cost: i64,
    low: i64,
    is_frozen: bool,
    /// A reference that was used before.
    used: Option<u8>,
    only_known: bool,
}

#[derive(Debug, Clone)]
struct SaleAttempt {
    number: u8,
    minor: i64,
    client_ref: Option<u8>,
}

fn facts() -> impl Strategy<Value = SellerState> {
    let standing = prop_oneof![6 => Just(LifecycleStatus::Active), 1 => Just(LifecycleStatus::Frozen), 1 => Just(LifecycleStatus::Inactive)];
    let price = proptest::option::of(9_500..11_000i64);
    let used = proptest::option::of(0..3u8);
    (standing, 1..3_000i64, price, 1..9_500i64, 1..400i64, any::<bool>(), used, any::<bool>()).prop_map(
        |(standing, credit, price, cost, low, is_frozen, used, only_known)| SellerState {
            standing,
            credit,
            price,
            cost,
            low,
            is_frozen,
            used,
            only_known,
        },
    )
}

fn asks() -> impl Strategy<Value = Vec<SaleAttempt>> {
    let amounts = prop_oneof![Just(100), Just(350), 1i64..1_500];
    let ask = (0..NUMBERS, amounts, proptest::option::weighted(0.4, 0..3u8));
    proptest::collection::vec(
        ask.prop_map(|(number, minor, client_ref)| SaleAttempt { number, minor, client_ref }),
        1..8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn all_doors_decide_alike_on_sqlite(facts in facts(), asks in asks()) {
        run(Engine::Sqlite, &facts, &asks);
    }

    #[test]
    fn all_doors_decide_alike_on_postgres(facts in facts(), asks in asks()) {
        run(Engine::Postgres, &facts, &asks);
    }
}

fn run(engine: Engine, facts: &SellerState, asks: &[SaleAttempt]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let db = TestDb::create(engine, crate::migrations()).await;
        let street = SideBySide::open(&db, facts).await;
        let (turn, hold) = (street.turn(asks).await, street.hold(asks).await);
        assert_eq!(turn, hold, "a hold decides as a turn does");
        assert_eq!(turn, street.file(asks).await, "a file of one row does");
        assert_eq!(turn, street.portal(3, &street.app, asks).await, "the portal does");
        assert_eq!(turn, street.portal(4, &street.held, asks).await, "the portal does, with an operator");
        assert_eq!(turn, street.sheets(asks).await, "a file of many rows does");
        let postings = street.postings(0).await;
        for door in 1..DOORS {
            assert_eq!(street.postings(door).await, postings, "door {door}");
        }
        assert_eq!(db.read(verify).await.expect("the audit").problems, Vec::<String>::new());
        assert!(db.read(credit_check).await.expect("the check").holds());
    });
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn number(door: usize, place: u8) -> PhoneNumber {
    PhoneNumber::parse(&format!("98{place}000000{door}"), CallingCode::INDIA).expect("a number")
}

fn client_ref(ask: &SaleAttempt) -> Option<String> {
    ask.client_ref.map(|client_ref| format!("ref-{client_ref}"))
}

/// The code of a refusal, or nothing where it was sold.
type SaleRefusal = Option<String>;

fn verdict<T>(result: Result<T, impl Into<Problem>>) -> SaleRefusal {
    result.err().map(|error| error.into().code().name.to_owned())
}

/// A sale: its number, amount, price, cost, reference and status, and its transfers.
type SaleLine = (String, i64, i64, i64, Option<String>, String, Vec<(String, String, i64)>);

/// Sellers side by side, of whom the database holds the same, each behind a door of their own.
struct SideBySide {
    db: TestDb,
    app: Arc<App>,
    /// The same app with an operator behind its sales, who charges at once.
    held: Arc<App>,
    settings: Settings,
    sellers: Vec<Uuid>,
}

impl SideBySide {
    async fn open(db: &TestDb, facts: &SellerState) -> Self {
        let settings = Settings { only_known: facts.only_known, ..Settings::standard() };
        let ids = db.ids().clone();
        let sellers: Vec<Uuid> = (0..DOORS).map(|_| ids.next()).collect();
        let (facts, rules, made, fresh) = (facts.clone(), settings.clone(), sellers.clone(), ids.clone());
        let new_ids: Vec<Uuid> = (0..80).map(|_| fresh.next()).collect();
        let set_up = db.write(move |tx| {
            let mut ids = new_ids.clone().into_iter();
            let mut id = || ids.next().expect("enough ids");
            let operator = |id, name: &str, prefix: &str, is_active| OperatorRow {
                id,
                name: name.to_owned(),
                is_active,
                prefixes: vec![prefix.to_owned()],
            };
            let north = id();
            operator_put(tx, NOW, &operator(north, "North", "+91981", true))?;
            operator_put(tx, NOW, &operator(id(), "South", "+91982", false))?;
            let product = id();
            let sold = NamedProduct {
                product: Product { id: product, low: facts.low, high: 1_000, cost: facts.cost },
                operator: north,
                operator_name: "North".to_owned(),
                name: "Top-up".to_owned(),
                is_active: true,
            };
            product_put(tx, NOW, &rules, &sold)?;
            for (door, seller) in made.iter().enumerate() {
                let new = NewSeller {
                    id: *seller,
                    name: format!("Shop {door}"),
                    email: None,
                    phone: None,
                    low_credit_alert: None,
                    language: Language::English,
                };
                seller_create(tx, NOW, &rules, &new)?;
                let amount = inr(facts.credit + 1);
                let order = CreditGrantRequest {
                    id: id(),
                    seller: *seller,
                    amount,
                    reference: None,
                    again: false,
                    actor: "test".to_owned(),
                };
                credit_increase(tx, NOW, &rules, &order)?;
                price_set(tx, &rules, *seller, product, facts.price)?;
                if let Some(used) = facts.used {
                    let any = Settings { only_known: false, ..rules.clone() };
                    let order = SaleOrder {
                        id: id(),
                        phone_id: id(),
                        now: NOW,
                        seller: *seller,
                        number: number(door, 0),
                        amount: inr(1),
                        client_ref: Some(format!("ref-{used}")),
                        idempotency: None,
                        actor: "test".to_owned(),
                    };
                    sales_create(tx, &any, &[order])?.remove(0)?;
                }
                let frozen = id();
                phone_create(tx, NOW, &rules, &NewPhone { id: frozen, number: number(door, 3), label: None })?;
                if facts.is_frozen {
                    let change = PhoneChange { status: Some(LifecycleStatus::Frozen), ..PhoneChange::default() };
                    phone_change(tx, NOW, frozen, &change)?;
                }
                let change = SellerChange { status: Some(facts.standing), ..SellerChange::default() };
                seller_change(tx, NOW, &rules, *seller, &change)?;
            }
            Ok::<_, Error>(())
        });
        set_up.await.expect("the facts");
        let context = crate::context(db);
        let app = |connector| Arc::new(purser_charge::app(&context, settings.clone(), connector));
        let (app, held) = (app(Connector::Instant), app(Connector::Simulator));
        SideBySide { db: db.clone(), app, held, settings, sellers }
    }

    fn order(&self, door: usize, ask: &SaleAttempt) -> SaleOrder {
        SaleOrder {
            id: self.db.ids().next(),
            phone_id: self.db.ids().next(),
            now: NOW,
            seller: self.sellers[door],
            number: number(door, ask.number),
            amount: inr(ask.minor),
            client_ref: client_ref(ask),
            idempotency: None,
            actor: "test".to_owned(),
        }
    }

    async fn turn(&self, asks: &[SaleAttempt]) -> Vec<SaleRefusal> {
        let orders: Vec<SaleOrder> = asks.iter().map(|ask| self.order(0, ask)).collect();
        let settings = self.settings.clone();
        let sold = self.db.write(move |tx| sales_create(tx, &settings, &orders));
        sold.await.expect("a turn").into_iter().map(verdict).collect()
    }

    async fn hold(&self, asks: &[SaleAttempt]) -> Vec<SaleRefusal> {
        let mut verdicts = Vec::new();
        for ask in asks {
            let (order, settings) = (self.order(1, ask), self.settings.clone());
            let sold = self.db.write(move |tx| {
                let sale = sale_reserve(tx, &settings, &order, ConnectorName::Simulator)?;
                sale_settle(tx, NOW, &settings, sale.id, &SaleOutcome::Completed { operator_ref: None })
            });
            verdicts.push(verdict(sold.await));
        }
        verdicts
    }

    async fn file(&self, asks: &[SaleAttempt]) -> Vec<SaleRefusal> {
        let mut verdicts = Vec::new();
        for ask in asks {
            let client_ref = client_ref(ask).unwrap_or_default();
            let (seller, number, amount) = (self.sellers[2], number(2, ask.number), inr(ask.minor));
            let file = format!("seller_id,phone_number,amount,client_ref\n{seller},{number},{amount},{client_ref}\n");
            // A doer counts its ids up from the seed, and the test's own ids are counted too.
            let seed = Uuid::from_u128((u128::from(u64::MAX) << 63) + (verdicts.len() as u128) * 100);
            let checked = self.uploaded(seed, file).await;
            verdicts.extend(row_verdicts(&checked));
        }
        verdicts
    }

    /// Files of many rows. A file names a reference once, so an ask that names one again begins another file.
    async fn sheets(&self, asks: &[SaleAttempt]) -> Vec<SaleRefusal> {
        let mut files: Vec<Vec<&SaleAttempt>> = Vec::new();
        for ask in asks {
            let is_named = |file: &Vec<&SaleAttempt>| file.iter().any(|one| one.client_ref == ask.client_ref);
            match files.last_mut() {
                Some(file) if ask.client_ref.is_none() || !is_named(file) => file.push(ask),
                _ => files.push(vec![ask]),
            }
        }
        let mut verdicts = Vec::new();
        for (place, file) in files.iter().enumerate() {
            verdicts.extend(self.sheet(place, file).await);
        }
        verdicts
    }

    /// One file of these rows, which sells nothing if one is refused, and then one of the rows that were not refused.
    async fn sheet(&self, place: usize, asks: &[&SaleAttempt]) -> Vec<SaleRefusal> {
        let row = |ask: &&SaleAttempt| {
            let (number, client_ref) = (number(5, ask.number), client_ref(ask).unwrap_or_default());
            format!("{},{number},{},{client_ref}\n", self.sellers[5], inr(ask.minor))
        };
        let file = |rows: String| format!("seller_id,phone_number,amount,client_ref\n{rows}");
        let seed =
            |part: usize| Uuid::from_u128((u128::from(u64::MAX) << 63) + (place * 2 + part + 1) as u128 * 1_000_000);
        let checked = self.uploaded(seed(0), file(asks.iter().map(row).collect())).await;
        let verdicts = row_verdicts(&checked);
        let good = asks.iter().zip(&verdicts).filter(|(_, report)| report.is_none());
        let good: Vec<String> = good.map(|(ask, _)| row(ask)).collect();
        if (1..asks.len()).contains(&good.len()) {
            let checked = self.uploaded(seed(1), file(good.concat())).await;
            assert_eq!(checked.state, ImportCheckState::Ready, "{:?}", checked.rows);
        }
        verdicts
    }

    /// Uploads a file, and sells it if nothing is wrong with it.
    async fn uploaded(&self, seed: Uuid, file: String) -> ImportCheck {
        let app = Arc::clone(&self.app);
        let checked = self.db.write(move |tx| {
            let import = app.console.imports.first().expect("files of sales");
            let mut cx = RequestContext::new(NOW, "user:test".to_owned(), seed, seed);
            let id = (import.check)(tx, &mut cx, file.as_bytes())?;
            let checked = (import.show)(tx, &cx, id)?.expect("what was kept");
            if checked.state == ImportCheckState::Ready {
                if checked.second_yes.is_some() {
                    (import.confirm.as_ref().expect("a second yes"))(tx, &mut cx, id)?;
                }
                (import.commit)(tx, &mut cx, id, &Progress::default())?;
            }
            Ok::<_, Problem>(checked)
        });
        checked.await.expect("a file")
    }

    async fn portal(&self, door: usize, app: &Arc<App>, asks: &[SaleAttempt]) -> Vec<SaleRefusal> {
        let deed = selling(app);
        let mut verdicts = Vec::new();
        for ask in asks {
            let seed = self.db.ids().next();
            let visit = PortalContext {
                user: seed,
                actor: "user:test".to_owned(),
                address: None,
                object: self.sellers[door],
                now: NOW,
                base: "/portal/charge/x/".to_owned(),
            };
            let pair = |name: &str, value: String| (name.to_owned(), value);
            let entered = vec![
                pair("phone_number", number(door, ask.number).to_string()),
                pair("amount", inr(ask.minor).to_string()),
                pair("client_ref", client_ref(ask).unwrap_or_default()),
            ];
            let (form, looker, app) = (entered.clone(), visit.clone(), Arc::clone(app));
            let looked = self
                .db
                .read(move |tx| (selling(&app).preview)(tx, &looker, None, Fields::from_form(form.clone())).map(drop));
            let looked = verdict(looked.await);
            let repeat = IdempotentRequest { owner: "test".to_owned(), key: seed.to_string(), fingerprint: [0; 32] };
            let doing = Invocation {
                portal: visit.clone(),
                target: None,
                entered,
                idempotency: repeat,
                id: seed,
                entropy: [0; 32],
            };
            let done = verdict((deed.run)(doing).await);
            assert_eq!(looked, done, "the preview says what the sale says: {ask:?}");
            verdicts.push(done);
        }
        verdicts
    }

    /// The credit that a door's seller has left, and its sales with their transfers.
    async fn postings(&self, door: usize) -> (i64, Vec<SaleLine>) {
        let seller = self.sellers[door];
        let read = self.db.read(move |tx| {
            let sql = "SELECT b.balance - b.held FROM charge_seller s JOIN ledger_balance b ON b.account = s.account WHERE s.id = ?1";
            let left = tx.query_one(sql, &params![seller], |row| row.get::<i64>(0))?;
            let sql = "SELECT p.number, c.amount, COALESCE(c.price, c.amount), COALESCE(c.cost, c.amount), c.client_ref, c.status, c.entry
                FROM charge_sale c JOIN charge_phone p ON p.id = c.phone WHERE c.seller = ?1 ORDER BY c.id";
            let sold = tx.query(sql, &params![seller], |row| {
                let number: String = row.get(0)?;
                // The last digit is the door's.
                let number = number[..number.len() - 1].to_owned();
                let line = (number, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
                Ok((line, row.get::<i64>(6)?))
            })?;
            let mut lines = Vec::new();
            for ((number, amount, price, cost, client_ref, status), entry) in sold {
                let sql = "SELECT d.path, c.path, t.amount FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit
                    JOIN ledger_account c ON c.id = t.credit WHERE t.entry = ?1 ORDER BY t.id";
                let transfers = tx.query(sql, &params![entry], |row| {
                    let kind = |path: String| path.split(':').take(2).collect::<Vec<_>>().join(":");
                    Ok((kind(row.get(0)?), kind(row.get(1)?), row.get(2)?))
                })?;
                lines.push((number, amount, price, cost, client_ref, status, transfers));
            }
            Ok::<_, purser_store::Error>((left, lines))
        });
        read.await.expect("the sales")
    }
}

/// The verdict on each row of a file.
fn row_verdicts(checked: &ImportCheck) -> Vec<SaleRefusal> {
    // Wrong rows are shown first.
    let mut rows: Vec<_> = checked.rows.iter().collect();
    rows.sort_unstable_by_key(|(line, ..)| *line);
    rows.into_iter().map(|(.., told)| told.iter().find_map(|one| told_in_a_row(one))).collect()
}

/// What is sold with in the portal.
fn selling(app: &App) -> &PortalAction {
    let portal = app.console.portal.as_ref().expect("a portal");
    portal.actions.iter().find(|deed| deed.name == "sell").expect("selling")
}

/// The code of what a row of a file is told; warnings are no refusals.
fn told_in_a_row(error: &str) -> SaleRefusal {
    let codes = [
        ("The seller is", "seller_not_active"),
        ("was used before", "duplicate_transaction"),
        ("The phone number", "phone_not_active"),
        ("No operator is known", "unknown_operator"),
        ("are stopped", "operator_stopped"),
        ("sells no charge", "no_product"),
        ("does not cover it", "insufficient_credit"),
        ("The same was sold from a file", ""),
        ("The row says the same as", ""),
    ];
    let (_, code) = codes.iter().find(|(words, _)| error.contains(words)).unwrap_or_else(|| panic!("{error}"));
    Some((*code).to_owned()).filter(|code| !code.is_empty())
}
