//! Believable data for an empty database: sellers with three months of sales behind them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use purser_identity::{Email, NewUser, Username, user_create};
use purser_kit::Problem;
use purser_money::Money;
use purser_outbox::Language;
use purser_store::WriteTx;
use uuid::Uuid;

use crate::Charge;
use crate::catalog::Product;
use crate::connector::ConnectorName;
use crate::contradiction::WordSource;
use crate::domain::{NamedProduct, OperatorRow, PhoneNumber, Settings};
use crate::error::Error;
use crate::service::{
    CreditGrantRequest, NewRequest, NewSeller, SaleOrder, SaleOutcome, credit_increase, operator_put, price_set,
    product_put, request_create, sale_hear, sale_reserve, sale_settle, sales_create, seller_create,
};
use crate::store::person::person_add;

const SELLERS: [&str; 12] = [
    "Anand Mobile Centre",
    "Bharat Recharge",
    "City Telecom",
    "Deepak General Store",
    "Everest Communications",
    "Friends Cyber Cafe",
    "Ganga Enterprises",
    "Hari Om Stores",
    "Indra Electronics",
    "Jai Ambe Telecom",
    "Kaveri Supermarket",
    "Lotus Mobile Point",
];

/// Who sells for the first seller in the portal.
const PERSON: &str = "shop";

const DAYS: i64 = 90;

/// What people usually charge, in major units.
const AMOUNTS: [i64; 8] = [10, 19, 49, 99, 149, 199, 239, 299];

/// Fills the app; what it returns is printed.
pub(crate) async fn fill(charge: Arc<Charge>) -> Result<Vec<String>, Problem> {
    let past = DemoHistory::new(&charge)?;
    let sellers = past.sellers(&charge).await?;
    past.operators(&charge, &sellers).await?;
    for day in 0..DAYS {
        past.day(&charge, &sellers, day).await?;
    }
    past.pending(&charge, &sellers).await?;
    let first = sellers.first().copied().unwrap_or_default();
    past.person(&charge, first).await?;
    Ok(vec![format!("charge: {} sellers with {DAYS} days of sales; the first is {first}", sellers.len())])
}

struct DemoHistory {
    start: Timestamp,
    settings: Arc<Settings>,
}

impl DemoHistory {
    fn new(charge: &Charge) -> Result<Self, Problem> {
        let start =
            charge.context.now().checked_sub(SignedDuration::from_hours(24 * DAYS)).map_err(Problem::internal)?;
        Ok(DemoHistory { start, settings: Arc::clone(&charge.settings) })
    }

    fn at(&self, day: i64, minute: i64) -> Timestamp {
        let since = SignedDuration::from_mins(day * 1_440 + minute);
        self.start.checked_add(since).unwrap_or(self.start)
    }

    async fn sellers(&self, charge: &Charge) -> Result<Vec<Uuid>, Problem> {
        let new: Vec<NewSeller> = SELLERS
            .into_iter()
            .map(|name| NewSeller {
                id: charge.context.ids.next(self.start),
                name: name.to_owned(),
                email: Some(format!("{}@example.com", name.to_lowercase().replace(' ', "."))),
                phone: None,
                low_credit_alert: Some(Money::new(50_000, self.settings.currency)),
                language: Language::English,
            })
            .collect();
        let ids = new.iter().map(|seller| seller.id).collect();
        let (start, settings) = (self.start, Arc::clone(&self.settings));
        let create = move |tx: &mut WriteTx<'_>| {
            new.iter().try_for_each(|new| seller_create(tx, start, &settings, new).map(drop))
        };
        charge.context.store.write(create).await?;
        Ok(ids)
    }

    /// Two operators, each with a product that every other seller pays a little less for.
    async fn operators(&self, charge: &Charge, sellers: &[Uuid]) -> Result<(), Problem> {
        let mut made = Vec::new();
        for (name, prefixes, cost) in
            [("Himal Mobile", ["981000", "981001"], 9_700), ("Sagar Telecom", ["981002", "981003"], 9_650)]
        {
            let [id, product] = [(); 2].map(|()| charge.context.ids.next(self.start));
            let prefixes = prefixes.map(|prefix| self.number(prefix).to_string()).to_vec();
            let product = Product { id: product, low: self.unit(), high: self.settings.max_sale.minor(), cost };
            let name = name.to_owned();
            let named = NamedProduct {
                product,
                operator: id,
                operator_name: name.clone(),
                name: "Top-up".to_owned(),
                is_active: true,
            };
            made.push((OperatorRow { id, name, is_active: true, prefixes }, named));
        }
        let (start, settings) = (self.start, Arc::clone(&self.settings));
        let payers: Vec<Uuid> = sellers.iter().step_by(2).copied().collect();
        let run = move |tx: &mut WriteTx<'_>| {
            for (operator, product) in &made {
                operator_put(tx, start, operator)?;
                product_put(tx, start, &settings, product)?;
                for seller in &payers {
                    price_set(tx, &settings, *seller, product.product.id, Some(9_850))?;
                }
            }
            Ok(())
        };
        charge.context.store.write(run).await.map_err(|error: Error| Problem::from(error))
    }

    /// One day: credit for who runs low, then each seller's sales.
    async fn day(&self, charge: &Charge, sellers: &[Uuid], day: i64) -> Result<(), Problem> {
        let mut increases = Vec::new();
        let mut orders = Vec::new();
        for (index, seller) in (0_i64..).zip(sellers) {
            let mut random = DemoRandom::new(day * 100 + index);
            if day % 10 == index % 10 {
                increases.push((self.at(day, 540 + index), self.increase(charge, *seller, day, index, &mut random)));
            }
            let sales = 2 + random.below(5);
            orders.extend(
                (0..sales).map(|_| self.order(charge, *seller, self.at(day, 600 + random.below(720)), &mut random)),
            );
        }
        orders.sort_by_key(|order| order.now);
        // Lists are in the order of ids, and these were drawn seller by seller.
        for order in &mut orders {
            order.id = charge.context.ids.next(order.now);
        }
        let settings = Arc::clone(&self.settings);
        let run = move |tx: &mut WriteTx<'_>| {
            for (now, increase) in &increases {
                credit_increase(tx, *now, &settings, increase)?;
            }
            // Who has run out sells nothing more that day, as in life.
            sales_create(tx, &settings, &orders).map(drop)
        };
        Ok(charge.context.store.write(run).await?)
    }

    fn increase(
        &self,
        charge: &Charge,
        seller: Uuid,
        day: i64,
        place: i64,
        random: &mut DemoRandom,
    ) -> CreditGrantRequest {
        let amount = (3_000 + random.below(5) * 1_000) * self.unit();
        CreditGrantRequest {
            id: charge.context.ids.next(self.start),
            seller,
            amount: Money::new(amount.min(self.settings.max_increase.minor()), self.settings.currency),
            reference: Some(format!("NEFT-{:06}", day * 1_000 + place)),
            again: false,
            actor: "system:demo".to_owned(),
        }
    }

    fn order(&self, charge: &Charge, seller: Uuid, now: Timestamp, random: &mut DemoRandom) -> SaleOrder {
        let number = format!("98{:08}", 10_000_000 + random.below(400) * 97);
        SaleOrder {
            id: charge.context.ids.next(self.start),
            phone_id: charge.context.ids.next(self.start),
            now,
            seller,
            number: self.number(&number),
            amount: Money::new(random.pick(&AMOUNTS) * self.unit(), self.settings.currency),
            client_ref: None,
            idempotency: None,
            actor: "system:demo".to_owned(),
        }
    }

    /// Some sales of today that wait for an answer, and one that an operator refused and then says it has made.
    async fn pending(&self, charge: &Charge, sellers: &[Uuid]) -> Result<(), Problem> {
        let now = charge.context.now();
        for (minutes, number) in [(9_i64, "9810000093"), (6, "9820000093"), (3, "9830000090")] {
            let at = now.checked_sub(SignedDuration::from_mins(minutes)).map_err(Problem::internal)?;
            let mut random = DemoRandom::new(minutes);
            let seller = sellers.first().copied().unwrap_or_default();
            let order = SaleOrder { number: self.number(number), ..self.order(charge, seller, at, &mut random) };
            let (settings, contradiction) = (Arc::clone(&self.settings), charge.context.ids.next(at));
            let is_refused = number.ends_with("90");
            let outcome = if is_refused {
                SaleOutcome::Failed { reason: "The simulated operator refuses this number.".to_owned() }
            } else {
                SaleOutcome::Unknown { reason: "The simulated operator does not answer.".to_owned() }
            };
            let run = move |tx: &mut WriteTx<'_>| {
                let credit = CreditGrantRequest {
                    id: order.phone_id,
                    seller: order.seller,
                    amount: order.amount,
                    reference: None,
                    again: false,
                    actor: order.actor.clone(),
                };
                credit_increase(tx, at, &settings, &credit)?;
                sale_reserve(tx, &settings, &order, ConnectorName::Simulator)?;
                sale_settle(tx, at, &settings, order.id, &outcome)?;
                if is_refused {
                    let made = SaleOutcome::Completed { operator_ref: Some("SIM-9830000090".to_owned()) };
                    sale_hear(tx, now, &settings, order.id, &made, WordSource::Callback, contradiction)?;
                }
                Ok(())
            };
            charge.context.store.write(run).await.map_err(|error: Error| Problem::from(error))?;
        }
        Ok(())
    }

    /// Somebody who sells for a seller in the portal, and has asked for credit there. Whoever starts the demo gives them
    /// their password.
    async fn person(&self, charge: &Charge, seller: Uuid) -> Result<(), Problem> {
        let now = charge.context.now();
        let [id, request] = [(); 2].map(|()| charge.context.ids.next(now));
        let person = NewUser {
            id,
            username: Username::parse(PERSON).map_err(Problem::internal)?,
            email: Email::parse("shop@example.com").map_err(Problem::internal)?,
            first_name: "Anita".to_owned(),
            last_name: "Anand".to_owned(),
            is_staff: false,
            is_superuser: false,
            password: None,
            actor: "system:demo".to_owned(),
        };
        let asked = NewRequest {
            id: request,
            seller,
            amount: Money::new((5_000 * self.unit()).min(self.settings.max_increase.minor()), self.settings.currency),
            note: Some("Paid by NEFT this morning".to_owned()),
            reference: Some("NEFT-990001".to_owned()),
            asked_by: format!("user:{id}"),
        };
        let settings = Arc::clone(&self.settings);
        let run = move |tx: &mut WriteTx<'_>| {
            user_create(tx, now, &person).map_err(Problem::internal)?;
            person_add(tx, seller, person.id, "system:demo", now)?;
            request_create(tx, now, &settings, &asked).map(drop)?;
            Ok::<_, Problem>(())
        };
        charge.context.store.write(run).await
    }

    fn number(&self, text: &str) -> PhoneNumber {
        PhoneNumber::of(self.settings.country, text)
    }

    /// Minor units in one major unit.
    fn unit(&self) -> i64 {
        10_i64.pow(self.settings.currency.scale().into())
    }
}

/// Made-up choices that come out the same every time. Nothing secret is drawn with it.
struct DemoRandom(u64);

impl DemoRandom {
    fn new(seed: i64) -> Self {
        DemoRandom(seed.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap_or(0) % end
    }

    fn pick(&mut self, from: &[i64]) -> i64 {
        let index = self.below(i64::try_from(from.len()).unwrap_or(1));
        usize::try_from(index).ok().and_then(|index| from.get(index)).copied().unwrap_or(1)
    }
}
