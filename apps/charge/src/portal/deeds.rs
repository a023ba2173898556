//! Selling, and asking for credit, in the portal.

use std::sync::Arc;

use purser_kit::console::{Field, Input, Preview};
use purser_kit::portal::{Deed, Did, Doing, Visit};
use purser_kit::{Fields, Once, Problem, parse_reference};
use purser_money::Money;
use purser_store::Tx;
use serde::Deserialize;
use uuid::Uuid;

use super::sale_address;
use crate::Charge;
use crate::api::{bounded, request_create_recorded, request_withdraw_recorded, sell_reserved};
use crate::commands;
use crate::connector::Name;
use crate::domain::{PhoneNumber, RequestStatus, Settings, parse_client_ref};
use crate::error::Error;
use crate::service::{NewRequest, Order, SaleRequest, quote_one, request_get};

/// What is to be sold.
struct Wanted {
    number: PhoneNumber,
    amount: Money,
    client_ref: Option<String>,
}

impl Wanted {
    fn read(mut fields: Fields<'_>, settings: &Settings) -> Result<Wanted, Problem> {
        let number = fields.parsed("phone_number", |text| PhoneNumber::parse(text.trim(), settings.country));
        let number = fields.required("phone_number", number);
        let amount = bounded(&mut fields, "amount", settings.currency, settings.max_sale);
        let client_ref = fields.parsed("client_ref", parse_client_ref);
        let (number, amount) = fields.finish(number.zip(amount))?;
        Ok(Wanted { number, amount, client_ref })
    }
}

pub(super) fn sell(charge: &Arc<Charge>) -> Deed {
    let (reading, selling) = (Arc::clone(charge), Arc::clone(charge));
    Deed {
        name: "sell",
        title: "Sell",
        harms: false,
        command: &commands::SALE_CREATE,
        fields: Box::new(|_, _, _| {
            Ok(vec![
                Field::line("phone_number", "Phone number", "10 digits, or with the country's code: +919876543210."),
                Field::line("amount", "Amount", "More than zero, with at most two decimals.").input(Input::Amount),
                Field::line("client_ref", "Reference", "Your own name for the sale: it is sold once.").optional(),
            ])
        }),
        preview: Box::new(move |tx, visit, _, fields| sell_preview(tx, &reading, visit, fields)),
        run: Box::new(move |doing| Box::pin(sell_run(Arc::clone(&selling), doing))),
    }
}

fn sell_preview(tx: &mut Tx<'_>, charge: &Charge, visit: &Visit, fields: Fields<'_>) -> Result<Preview, Problem> {
    let wanted = Wanted::read(fields, &charge.settings)?;
    let request = SaleRequest {
        seller: visit.object,
        number: &wanted.number,
        amount: wanted.amount,
        client_ref: wanted.client_ref.as_deref(),
    };
    let quote = quote_one(tx, &charge.settings, &request)?.quote;
    let (price, left) = (quote.priced.price, quote.left.for_people());
    let amount = wanted.amount.for_people();
    let pays = if price == wanted.amount { String::new() } else { format!(" You pay {}.", price.for_people()) };
    Ok(Preview::sentence(format!("{amount} will be charged to {}.{pays} {left} will be left to sell.", wanted.number)))
}

/// What the counter answers of a completed sale.
#[derive(Deserialize)]
struct Sold {
    sale_id: Uuid,
}

async fn sell_run(charge: Arc<Charge>, doing: Doing) -> Result<Did, Problem> {
    let wanted = Wanted::read(doing.fields(), &charge.settings)?;
    let order = Order {
        id: doing.id,
        phone_id: charge.context.ids.next(doing.visit.now),
        now: doing.visit.now,
        seller: doing.visit.object,
        number: wanted.number,
        amount: wanted.amount,
        client_ref: wanted.client_ref,
        repeat: Some(doing.repeat),
        actor: doing.visit.actor.clone(),
    };
    let sale = if charge.connector.name() == Name::Instant {
        let once = charge.counter.submit(order).await?;
        serde_json::from_str::<Sold>(&once.answer).map_err(Problem::internal)?.sale_id
    } else {
        // In a task of its own: a browser that is closed must not stop a delivery half way.
        let delivered = tokio::spawn(async move { sell_reserved(&charge, order).await });
        delivered.await.map_err(Problem::internal)??.0.id
    };
    Ok(Did::Go(sale_address(&doing.visit, sale)))
}

/// The form of a credit request: how much, and what it is paid with.
fn ask_read(mut fields: Fields<'_>, settings: &Settings) -> Result<Asked, Problem> {
    let amount = bounded(&mut fields, "amount", settings.currency, settings.max_increase);
    let note = fields.line("note", 1, 300);
    let reference = fields.parsed("reference", parse_reference);
    Ok(Asked { amount: fields.finish(amount)?, note, reference })
}

/// Credit that is asked for.
struct Asked {
    amount: Money,
    note: Option<String>,
    reference: Option<String>,
}

pub(super) fn ask(charge: &Arc<Charge>) -> Deed {
    let (reading, asking) = (Arc::clone(charge), Arc::clone(charge));
    Deed {
        name: "ask",
        title: "Ask for credit",
        harms: false,
        command: &commands::REQUEST_CREATE,
        fields: Box::new(|_, _, _| {
            Ok(vec![
                Field::line("amount", "Amount", "More than zero, with at most two decimals.").input(Input::Amount),
                Field::line("reference", "Reference", "The payment's own, as your bank shows it: it is credited once.")
                    .optional(),
                Field::line("note", "Note", "Anything else that staff should know.").optional(),
            ])
        }),
        preview: Box::new(move |_, _, _, fields| {
            let amount = ask_read(fields, &reading.settings)?.amount;
            Ok(Preview::sentence(format!("{} will be asked for. Staff decide.", amount.for_people())))
        }),
        run: Box::new(move |doing| {
            let charge = Arc::clone(&asking);
            Box::pin(async move {
                let Asked { amount, note, reference } = ask_read(doing.fields(), &charge.settings)?;
                let mut doer = doing.visit.doer(doing.id);
                let id = doer.fresh_id();
                let Doing { visit, repeat, .. } = doing;
                let (now, base, settings) = (visit.now, visit.base.clone(), Arc::clone(&charge.settings));
                let new = NewRequest { id, seller: visit.object, amount, note, reference, asked_by: visit.actor };
                let asked = charge.context.store.write(move |tx| {
                    Once::run(tx, now, Some(&repeat), |tx| {
                        let request = request_create_recorded(tx, &settings, &mut doer.clone(), &new)?;
                        Ok(request.id.to_string())
                    })
                });
                asked.await.map_err(|error: Error| Problem::from(error))?;
                Ok(Did::Go(format!("{base}requests/")))
            })
        }),
    }
}

pub(super) fn withdraw(charge: &Arc<Charge>) -> Deed {
    let (reading, withdrawing) = (Arc::clone(charge), Arc::clone(charge));
    Deed {
        name: "withdraw",
        title: "Withdraw",
        harms: true,
        command: &commands::REQUEST_WITHDRAW,
        fields: Box::new(|_, _, _| Ok(Vec::new())),
        preview: Box::new(move |tx, visit, target, fields| {
            fields.finish(Some(()))?;
            let request = own_request(tx, &reading.settings, visit.object, target)?;
            Ok(Preview::sentence(format!("The request for {} is taken back.", request.for_people())))
        }),
        run: Box::new(move |doing| {
            let charge = Arc::clone(&withdrawing);
            Box::pin(async move {
                let doer = doing.visit.doer(doing.id);
                let Doing { visit, target, repeat, .. } = doing;
                let (now, go, settings) = (visit.now, format!("{}requests/", visit.base), Arc::clone(&charge.settings));
                let withdrawn = charge.context.store.write(move |tx| {
                    Once::run(tx, now, Some(&repeat), |tx| {
                        own_request(tx, &settings, visit.object, target)?;
                        let id = target.ok_or(Error::NoRequest)?;
                        let request = request_withdraw_recorded(tx, &settings, &mut doer.clone(), id)?;
                        Ok(request.id.to_string())
                    })
                });
                withdrawn.await.map_err(|error: Error| Problem::from(error))?;
                Ok(Did::Go(go))
            })
        }),
    }
}

/// How much the request is for, where it is this seller's and still open. Another's is not there.
fn own_request(tx: &mut Tx<'_>, settings: &Settings, seller: Uuid, id: Option<Uuid>) -> Result<Money, Error> {
    let request = request_get(tx, settings, id.ok_or(Error::NoRequest)?)?;
    match request.status {
        _ if request.seller != seller => Err(Error::NoRequest),
        RequestStatus::Pending => Ok(request.amount),
        decided => Err(Error::Decided(decided)),
    }
}
