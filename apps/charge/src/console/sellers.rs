//! Sellers in the console.

use std::sync::Arc;

use purser_kit::console::{
    Action, Cell, Column, Detail, DetailTable, Done, Field, Filter, Input, Kind, Listing, Preview, Resource, Search,
    Target, Tone,
};
use purser_kit::{Fields, Problem, Rule, parse_reference};
use purser_money::Money;
use purser_outbox::Language;
use purser_store::Tx;
use uuid::Uuid;

use super::credit::kind as credit_kind;
use super::{ROWS, STANDINGS, counted, one, people, products, reason, sales, second_yes, standing};
use crate::Charge;
use crate::commands;
use crate::domain::{Seller, Settings, Standing};
use crate::service::{self, DecreaseOrder, IncreaseOrder, NewRequest, NewSeller, SellerChange, SellerCheck};
use crate::store;
use crate::store::credit::{CreditFilter, credits_list};

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(charge);
    Resource {
        name: "sellers",
        title: "Sellers",
        one: "seller",
        about: "Resellers with prepaid credit.",
        view: "charge.read",
        listing: Listing {
            from: store::SELLERS_FROM,
            id: "s.id",
            columns: vec![
                Column::new("name", "Name", "s.name", Kind::Text).sorted(),
                Column::new("status", "Status", "s.status", Kind::Choice(STANDINGS)),
                Column::new("credit", "Credit", "b.balance", Kind::Money(currency)).sorted(),
                Column::new("held", "Held", "b.held", Kind::Money(currency)),
                Column::new("email", "Email", "s.email", Kind::Text),
                Column::new("created_at", "Since", "s.created_at", Kind::Time),
            ],
            search: &[Search::Within("s.name"), Search::Within("s.email"), Search::Begins("s.phone")],
            filters: &[
                Filter {
                    name: "status",
                    title: "Status",
                    choices: &[
                        ("active", "active", "s.status = 'active'"),
                        ("frozen", "frozen", "s.status = 'frozen'"),
                        ("inactive", "inactive", "s.status = 'inactive'"),
                    ],
                },
                Filter {
                    name: "credit",
                    title: "Credit",
                    choices: &[
                        ("low", "below its alert", "b.balance - b.held < s.low_credit_alert"),
                        ("none", "used up", "b.balance - b.held <= 0"),
                    ],
                },
            ],
        },
        inbox: None,
        detail: Box::new(move |tx, id| seller_detail(tx, &reading.settings, id)),
        actions: vec![
            seller_make(charge),
            seller_edit(charge),
            seller_increase(charge),
            seller_decrease(charge),
            seller_request(charge),
            seller_standing(charge, "activate", "Make active", Standing::Active),
            seller_standing(charge, "freeze", "Freeze", Standing::Frozen),
            products::set_price(charge),
            people::let_sell(charge),
            people::stop_selling(),
        ],
    }
}

fn seller_detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(seller) = store::seller_find(tx, id, settings.currency)? else { return Ok(None) };
    let (sales, _) = service::sales_page(tx, settings, &service::SaleQuery::of_seller(id, ROWS))?;
    let filter = CreditFilter { seller: Some(id), limit: ROWS, ..CreditFilter::default() };
    let credits = credits_list(tx, &filter, settings.currency)?.into_iter().map(|one| {
        vec![
            Cell::Time(one.created_at),
            credit_kind(one.kind),
            Cell::object(one.amount.for_people(), "charge", "credit", one.id),
            Cell::Money(one.credit_after),
            Cell::text(one.reference),
            Cell::Text(one.actor),
        ]
    });
    let (verdict, equation) = check(service::seller_check(tx, settings, id, MOST_CHECKED)?);
    Ok(Some(Detail {
        title: seller.name.clone(),
        facts: vec![
            ("Status", standing(seller.standing)),
            ("Credit", Cell::Money(seller.credit)),
            ("Held", Cell::Money(seller.held)),
            ("Available", Cell::Money(seller.available())),
            ("Check", verdict),
            ("Adds up as", equation),
            ("Alert below", seller.low_credit_alert.map_or(Cell::Nothing, Cell::Money)),
            ("Email", Cell::text(seller.email.clone())),
            ("Language", Cell::Text(seller.language.title().to_owned())),
            ("Phone", Cell::text(seller.phone.as_ref().map(ToString::to_string))),
            ("Since", Cell::Time(seller.created_at)),
            ("Id", Cell::Text(seller.id.to_string())),
        ],
        accounts: vec![("Credit account", seller.account)],
        tables: vec![
            DetailTable {
                title: "Newest sales",
                empty: "Nothing has been sold yet.",
                columns: vec!["When", "Number", "Amount", "Status", "Credit after"],
                rows: sales.iter().map(sales::row).collect(),
            },
            DetailTable {
                title: "Credit given and taken",
                empty: "No credit has been given yet.",
                columns: vec!["When", "What", "Amount", "Credit after", "Reference", "By"],
                rows: credits.collect(),
            },
            people::table(tx, id)?,
            people::keys(tx, id)?,
            products::prices(tx, id)?,
        ],
        ..Detail::default()
    }))
}

/// Entries that the check of a seller's page adds up, at most.
const MOST_CHECKED: usize = 10_000;

/// Whether the seller's equation holds, and the equation.
fn check(check: Option<SellerCheck>) -> (Cell, Cell) {
    let Some(check) = check else {
        let many = format!("More than {MOST_CHECKED} sales: `purser ledger verify` checks them.");
        return (Cell::Nothing, Cell::Text(many));
    };
    let SellerCheck { increases, decreases, taken_back, credit, sold, reversed } = check;
    let people = [increases, decreases, taken_back, credit, sold, reversed].map(|money| money.for_people());
    let [increases, decreases, taken_back, credit, sold, reversed] = people;
    let equation = format!(
        "{increases} given − {decreases} taken − {taken_back} taken back = {credit} left + {sold} sold − {reversed} reversed"
    );
    let (tone, word) = if check.holds() { (Tone::Good, "adds up") } else { (Tone::Bad, "does not add up") };
    (Cell::Badge(tone, word.to_owned()), Cell::Text(equation))
}

fn seller_fields(seller: Option<&Seller>) -> Vec<Field> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let languages = Language::ALL.map(|language| (language.code().to_owned(), language.title().to_owned())).to_vec();
    vec![
        Field::line("name", "Name", "1 to 100 characters.").with(seller.map_or("", |seller| &seller.name)),
        Field::line("email", "Email", "Where low credit and daily statements are written to.")
            .input(Input::Email)
            .optional()
            .with(text(seller.and_then(|seller| seller.email.clone()))),
        Field::line("phone", "Phone", "10 to 15 digits, such as 9876543210.")
            .optional()
            .with(text(seller.and_then(|seller| seller.phone.as_ref().map(ToString::to_string)))),
        Field::line("low_credit_alert", "Alert below", "The credit below which the seller is told, such as 500.00.")
            .input(Input::Amount)
            .optional()
            .with(text(seller.and_then(|seller| seller.low_credit_alert).map(|alert| alert.to_string()))),
        Field::line("language", "Language", "Which the seller is written to in.")
            .input(Input::Choice(languages))
            .optional()
            .with(seller.map_or(Language::default(), |seller| seller.language).code()),
    ]
}

/// What a form says of a seller: all of it, so that what is left empty is emptied.
fn seller_read(mut fields: Fields<'_>, settings: &Settings) -> Result<SellerChange, Problem> {
    let change = crate::api::seller_form(&mut fields, settings);
    let name = fields.required("name", change.name.clone());
    let name = fields.finish(name)?;
    Ok(SellerChange {
        name: Some(name),
        email: Some(change.email.flatten()),
        phone: Some(change.phone.flatten()),
        low_credit_alert: Some(change.low_credit_alert.flatten()),
        language: change.language,
        standing: None,
    })
}

fn seller_make(charge: &Arc<Charge>) -> Action {
    let settings = Arc::clone(&charge.settings);
    Action {
        name: "create",
        title: "New seller",
        command: &commands::SELLER_CREATE,
        target: Target::Nothing,
        harms: false,
        fields: Box::new(|_, _| Ok(seller_fields(None))),
        preview: Box::new(|_, _, _| Ok(Preview::sentence("The seller begins without credit."))),
        run: Box::new(move |tx, doer, _, fields| {
            let SellerChange { name, email, phone, low_credit_alert, language, .. } = seller_read(fields, &settings)?;
            let new = NewSeller {
                id: doer.fresh_id(),
                name: name.unwrap_or_default(),
                email: email.flatten(),
                phone: phone.flatten(),
                low_credit_alert: low_credit_alert.flatten(),
                language: language.unwrap_or_default(),
            };
            let seller = service::seller_create(tx, doer.now, &settings, &new)?;
            Ok(Done::sentence(format!("{} is registered. Increase its credit next.", seller.name), seller.id))
        }),
    }
}

fn seller_edit(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "edit",
        title: "Edit",
        command: &commands::SELLER_EDIT,
        target: Target::One,
        harms: false,
        fields: Box::new(move |tx, ids| Ok(seller_fields(Some(&service::seller_get(tx, &reading, one(ids)?)?)))),
        preview: Box::new(|_, _, _| Ok(Preview::default())),
        run: Box::new(move |tx, doer, ids, fields| {
            let change = seller_read(fields, &settings)?;
            let seller = service::seller_change(tx, doer.now, &settings, one(ids)?, &change)?;
            Ok(Done::sentence(format!("{} is changed.", seller.name), seller.id))
        }),
    }
}

fn seller_increase(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    let most = settings.max_increase;
    Action {
        name: "increase-credit",
        title: "Increase credit",
        command: &commands::CREDIT_INCREASE,
        target: Target::One,
        harms: false,
        fields: Box::new(move |_, _| {
            Ok(vec![
                Field::line("amount", "Amount", "More than zero, with at most two decimals.").input(Input::Amount),
                Field::line("reference", "Reference", "The payment that this answers, such as a bank reference.")
                    .optional(),
                second_yes(),
            ])
        }),
        preview: Box::new(move |tx, _, ids| {
            let seller = service::seller_get(tx, &reading, one(ids)?)?;
            let obstacle = (seller.standing != Standing::Active)
                .then(|| format!("{} is {}; make it active first.", seller.name, seller.standing.name()));
            let sentence = format!(
                "{} has {} now. It gets the amount at once, and can sell from it. At most {} at a time.",
                seller.name,
                seller.credit.for_people(),
                most.for_people()
            );
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let amount = amount(&mut fields, settings.max_increase);
            let reference = fields.parsed("reference", parse_reference);
            let again = fields.flag("again") == Some(true);
            let amount = fields.finish(amount)?;
            let seller = one(ids)?;
            let (id, actor) = (doer.fresh_id(), doer.actor.clone());
            let order = IncreaseOrder { id, seller, amount, reference, again, actor };
            let increase = service::credit_increase(tx, doer.now, &settings, &order)?;
            let (given, now) = (amount.for_people(), increase.credit_after.for_people());
            Ok(Done::sentence(format!("{given} is given. The credit is {now} now."), seller))
        }),
    }
}

fn seller_decrease(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "decrease-credit",
        title: "Decrease credit",
        command: &commands::CREDIT_DECREASE,
        target: Target::One,
        harms: true,
        fields: Box::new(move |_, _| {
            Ok(vec![
                Field::line("amount", "Amount", "At most what is available.").input(Input::Amount),
                reason(),
                Field::line("reference", "Reference", "What this answers, such as a bank reference.").optional(),
            ])
        }),
        preview: Box::new(move |tx, _, ids| {
            let seller = service::seller_get(tx, &reading, one(ids)?)?;
            let obstacle = (seller.standing != Standing::Active)
                .then(|| format!("{} is {}; make it active first.", seller.name, seller.standing.name()));
            let available = seller.available().for_people();
            let sentence = format!("{} has {available} available. It loses the amount at once.", seller.name);
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let amount = amount(&mut fields, Money::new(i64::MAX, settings.currency));
            let reason = fields.line("reason", 1, 300);
            let reason = fields.required("reason", reason);
            let reference = fields.parsed("reference", parse_reference);
            let (amount, reason) = fields.finish(amount.zip(reason))?;
            let seller = one(ids)?;
            let (id, actor) = (doer.fresh_id(), doer.actor.clone());
            let order = DecreaseOrder { id, seller, amount, reason, reference, actor };
            let decrease = service::credit_decrease(tx, doer.now, &settings, &order)?;
            let (taken, now) = (amount.for_people(), decrease.credit_after.for_people());
            Ok(Done::sentence(format!("{taken} is taken. The credit is {now} now."), seller))
        }),
    }
}

/// Credit that one member of staff asks for and another approves: whatever is too much for one person alone.
fn seller_request(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "request-credit",
        title: "Request credit",
        command: &commands::CREDIT_REQUEST,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| {
            Ok(vec![
                Field::line("amount", "Amount", "More than zero, with at most two decimals.").input(Input::Amount),
                Field::line("reference", "Reference", "The payment that this answers, such as a bank reference.")
                    .optional(),
                Field::line("note", "Note", "What whoever approves should know.").optional(),
            ])
        }),
        preview: Box::new(move |tx, _, ids| {
            let seller = service::seller_get(tx, &reading, one(ids)?)?;
            Ok(Preview::sentence(format!("Somebody else approves it; then {} gets the amount.", seller.name)))
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let amount = amount(&mut fields, settings.max_increase);
            let reference = fields.parsed("reference", parse_reference);
            let note = fields.line("note", 1, 300);
            let amount = fields.finish(amount)?;
            let seller = one(ids)?;
            let (id, asked_by) = (doer.fresh_id(), doer.actor.clone());
            let new = NewRequest { id, seller, amount, note, reference, asked_by };
            service::request_create(tx, doer.now, &settings, &new)?;
            Ok(Done::sentence(format!("{} is requested. Somebody else must approve it.", amount.for_people()), seller))
        }),
    }
}

/// An amount of more than zero and at most `most`.
fn amount(fields: &mut Fields<'_>, most: Money) -> Option<Money> {
    let amount = fields.amount("amount", most.currency());
    let amount = fields.required("amount", amount)?;
    match amount.positive().and_then(|amount| amount.at_most(most)) {
        Ok(amount) => Some(amount),
        Err(error) => fields.refuse("amount", &amount.to_string(), Rule::new(error.code(), error.rule())),
    }
}

fn seller_standing(charge: &Arc<Charge>, name: &'static str, title: &'static str, to: Standing) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    let consequence = if to == Standing::Active { "can sell again" } else { "cannot sell until made active again" };
    Action {
        name,
        title,
        command: &commands::SELLER_EDIT,
        target: Target::Many,
        harms: to != Standing::Active,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, _, ids| {
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                let seller = service::seller_get(tx, &reading, *id)?;
                let what = if seller.standing == to { "stays as it is" } else { consequence };
                rows.push((seller.name, what.to_owned()));
            }
            let sentence = match rows.as_slice() {
                [(name, what)] => format!("{name} {what}."),
                rows => format!("{} sellers: each {consequence}. Their credit stays theirs.", rows.len()),
            };
            Ok(Preview { sentence, rows, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let change = SellerChange { standing: Some(to), ..SellerChange::default() };
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                let seller = service::seller_change(tx, doer.now, &settings, *id, &change)?;
                rows.push((seller.name, format!("is {}", to.name())));
            }
            let go = if let [only] = ids { Some(*only) } else { None };
            Ok(Done { rows, ..Done::sentence(format!("{} done.", counted(ids.len(), "seller")), go) })
        }),
    }
}
