//! Selling, and asking for credit, in the portal.

use std::sync::Arc;

use purser_kit::console::{Field, Input, Preview};
use purser_kit::portal::{Invocation, PortalAction, PortalContext, PortalOutcome};
use purser_kit::{Fields, Problem};
use purser_money::Money;
use purser_store::ReadTx;

use super::sale_address;
use crate::Charge;
use crate::api::bounded;
use crate::commands;
use crate::domain::{PhoneNumber, Settings, parse_client_ref};
use crate::sale::batch::SaleOrder;
use crate::sale::facts::quote_one;
use crate::sale::rule::SaleRequest;
use crate::sale::sell::sell as sell_order;

/// What is to be sold.
struct SaleInput {
    number: PhoneNumber,
    amount: Money,
    client_ref: Option<String>,
}

impl SaleInput {
    fn read(mut fields: Fields<'_>, settings: &Settings) -> Result<SaleInput, Problem> {
        let number = fields.parsed("phone_number", |text| PhoneNumber::parse(text.trim(), settings.country));
        let number = fields.required("phone_number", number);
        let amount = bounded(&mut fields, "amount", settings.currency, settings.max_sale);
        let client_ref = fields.parsed("client_ref", parse_client_ref);
        let (number, amount) = fields.finish(number.zip(amount))?;
        Ok(SaleInput { number, amount, client_ref })
    }
}

pub(super) fn sell(charge: &Arc<Charge>) -> PortalAction {
    let (reading, selling) = (Arc::clone(charge), Arc::clone(charge));
    PortalAction {
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
        preview: Box::new(move |tx, portal_cx, _, fields| sell_preview(tx, &reading, portal_cx, fields)),
        run: Box::new(move |invocation| Box::pin(sell_run(Arc::clone(&selling), invocation))),
    }
}

fn sell_preview(
    tx: &mut ReadTx<'_>,
    charge: &Charge,
    portal_cx: &PortalContext,
    fields: Fields<'_>,
) -> Result<Preview, Problem> {
    let wanted = SaleInput::read(fields, &charge.settings)?;
    let request = SaleRequest {
        seller: portal_cx.object,
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

async fn sell_run(charge: Arc<Charge>, invocation: Invocation) -> Result<PortalOutcome, Problem> {
    let wanted = SaleInput::read(invocation.fields(), &charge.settings)?;
    let order = SaleOrder {
        id: invocation.id,
        phone_id: charge.context.ids.next(invocation.portal.now),
        now: invocation.portal.now,
        seller: invocation.portal.object,
        number: wanted.number,
        amount: wanted.amount,
        client_ref: wanted.client_ref,
        idempotency: Some(invocation.idempotency),
        actor: invocation.portal.actor.clone(),
    };
    let sold = sell_order(&charge, order).await?;
    Ok(PortalOutcome::Redirect(sale_address(&invocation.portal, sold.sale)))
}
