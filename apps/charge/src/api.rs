//! The JSON routes.

mod callback;
mod contradictions;
mod counter;
mod imports;
mod operators;
mod phones;
mod products;
mod requests;
mod sellers;
mod statements;
mod transactions;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_kit::{Caller, Needs, Problem, Routes, json};
use serde::Serialize;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Charge;
use crate::SELLER_TIE;
use crate::commands;
use crate::error::{CODES, Error, REFUSALS};
use crate::seller::command::{CREDIT_DECREASE, CREDIT_INCREASE, SELLER_CREATE, SELLER_EDIT, seller_commands};

pub(crate) use counter::{bounded, sell_reserved, sold_answer};
pub(crate) use operators::read_fields as operator_form;
pub(crate) use products::read_fields as product_form;
pub(crate) use requests::{request_create_recorded, request_withdraw_recorded};
pub(crate) use sellers::SellerJson;

/// Rows of a seller's own lists.
const SELLER_ROWS: u32 = 100;

/// Rows of the lists over all sellers.
const ALL_ROWS: u32 = 1_000;

pub(crate) fn routes(charge: &Arc<Charge>) -> Routes {
    let read = Needs::Scope("charge.read");
    let read_all = Needs::StaffScope("charge.read");
    Routes::new(&charge.context)
        .refusing(REFUSALS)
        .add(read, routes!(sellers::seller_list))
        .adapter(Needs::StaffScope, charge.as_ref(), &SELLER_CREATE, routes!(sellers::seller_create))
        .add(read, routes!(sellers::seller_read))
        .adapter(Needs::StaffScope, charge.as_ref(), &SELLER_EDIT, routes!(sellers::seller_replace))
        .adapter(Needs::StaffScope, charge.as_ref(), &SELLER_EDIT, routes!(sellers::seller_update))
        .command(Needs::StaffScope, &commands::SELLER_REMOVE, routes!(sellers::seller_delete))
        .adapter(Needs::StaffScope, charge.as_ref(), &CREDIT_INCREASE, routes!(counter::credit_increase))
        .adapter(Needs::StaffScope, charge.as_ref(), &CREDIT_DECREASE, routes!(counter::credit_decrease))
        .command(Needs::Scope, &commands::SALE_CREATE, routes!(counter::charge_sell))
        .command(Needs::Scope, &commands::SALES_IMPORT, routes!(imports::sales_import))
        .add(read, routes!(counter::credit_read))
        .add(read, routes!(transactions::seller_credit_list))
        .add(read, routes!(transactions::seller_sale_list))
        .add(read, routes!(statements::seller_statement))
        .add(read_all, routes!(phones::phone_list))
        .command(Needs::StaffScope, &commands::PHONE_CREATE, routes!(phones::phone_create))
        .add(read_all, routes!(phones::phone_read))
        .command(Needs::StaffScope, &commands::PHONE_EDIT, routes!(phones::phone_replace))
        .command(Needs::StaffScope, &commands::PHONE_EDIT, routes!(phones::phone_update))
        .command(Needs::StaffScope, &commands::PHONE_REMOVE, routes!(phones::phone_delete))
        .add(read_all, routes!(operators::operator_list))
        .command(Needs::StaffScope, &commands::OPERATOR_CREATE, routes!(operators::operator_create))
        .add(read_all, routes!(operators::operator_read))
        .command(Needs::StaffScope, &commands::OPERATOR_EDIT, routes!(operators::operator_replace))
        .add(read_all, routes!(products::product_list))
        .command(Needs::StaffScope, &commands::PRODUCT_CREATE, routes!(products::product_create))
        .add(read_all, routes!(products::product_read))
        .command(Needs::StaffScope, &commands::PRODUCT_EDIT, routes!(products::product_replace))
        .add(read, routes!(transactions::credit_list))
        .add(read, routes!(transactions::credit_read))
        .command(Needs::StaffScope, &commands::CREDIT_REVERSE, routes!(transactions::credit_reverse))
        .add(read, routes!(transactions::sale_list))
        .add(read, routes!(transactions::sale_by_ref))
        .add(read, routes!(transactions::sale_read))
        .command(Needs::StaffScope, &commands::SALE_REVERSE, routes!(transactions::sale_reverse))
        .command(Needs::StaffScope, &commands::SALE_RESOLVE, routes!(transactions::sale_resolve))
        .add(read_all, routes!(contradictions::contradiction_list))
        .add(read_all, routes!(contradictions::contradiction_read))
        .command(Needs::StaffScope, &commands::CONTRADICTION_SETTLE, routes!(contradictions::contradiction_settle))
        .add(read, routes!(requests::seller_request_list))
        .command(Needs::Scope, &commands::REQUEST_CREATE, routes!(requests::request_create))
        .add(read, routes!(requests::request_list))
        .command(Needs::StaffScope, &commands::REQUEST_APPROVE, routes!(requests::request_approve))
        .command(Needs::StaffScope, &commands::REQUEST_REJECT, routes!(requests::request_reject))
        .command(Needs::Scope, &commands::REQUEST_WITHDRAW, routes!(requests::request_withdraw))
        .add(Needs::Nothing, routes!(callback::operator_callback))
        .commands("charge", "sellers", &seller_commands(charge), CODES)
        .with_state(Arc::clone(charge))
}

/// Another seller's object is not found, for a key that is tied to one seller.
fn own_seller(caller: &Caller, seller: Uuid) -> Result<(), Problem> {
    if caller.may_see(SELLER_TIE, seller) { Ok(()) } else { Err(Error::NoSeller.into()) }
}

/// The seller that a list is about: the one asked for, and for a tied key its own.
fn list_seller(caller: &Caller, asked: Option<Uuid>) -> Option<Uuid> {
    match (caller.tied_to(SELLER_TIE), asked) {
        (Some(tied), Some(asked)) if tied != asked => Some(Uuid::nil()),
        (tied, asked) => tied.or(asked),
    }
}

/// An answer's text, to be kept with its effect.
fn answer(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Answer(error.to_string()))
}

/// An object, as the audit log and the console name it.
fn subject(resource: &str, id: Uuid) -> String {
    format!("charge:{resource}:{id}")
}

/// The answer where something was removed: what is left of it, if anything is.
fn what_is_left<T: Serialize>(left: Option<T>) -> Response {
    left.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |left| json(StatusCode::OK, &left))
}
