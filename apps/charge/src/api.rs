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
use crate::error::Error;

pub(crate) use counter::{bounded, sell_reserved, sold_answer};
pub(crate) use operators::read_fields as operator_form;
pub(crate) use products::read_fields as product_form;
pub(crate) use sellers::read_fields as seller_form;

/// Rows of a seller's own lists.
const SELLER_ROWS: u32 = 100;

/// Rows of the lists over all sellers.
const ALL_ROWS: u32 = 1_000;

pub(crate) fn routes(charge: &Arc<Charge>) -> Routes {
    let read = Needs::Scope("charge.read");
    let read_all = Needs::StaffScope("charge.read");
    let manage = Needs::StaffScope("charge.manage");
    let settle = Needs::StaffScope("charge.settle");
    let credit = Needs::StaffScope("charge.credit");
    Routes::new(&charge.context)
        .add(read, routes!(sellers::seller_list))
        .add(manage, routes!(sellers::seller_create))
        .add(read, routes!(sellers::seller_read))
        .add(manage, routes!(sellers::seller_replace))
        .add(manage, routes!(sellers::seller_update))
        .add(manage, routes!(sellers::seller_delete))
        .add(credit, routes!(counter::credit_increase))
        .add(credit, routes!(counter::credit_decrease))
        .add(Needs::Scope("charge.sell"), routes!(counter::charge_sell))
        .add(Needs::Scope("charge.sell"), routes!(imports::sales_import))
        .add(read, routes!(counter::credit_read))
        .add(read, routes!(transactions::seller_credit_list))
        .add(read, routes!(transactions::seller_sale_list))
        .add(read, routes!(statements::seller_statement))
        .add(read_all, routes!(phones::phone_list))
        .add(manage, routes!(phones::phone_create))
        .add(read_all, routes!(phones::phone_read))
        .add(manage, routes!(phones::phone_replace))
        .add(manage, routes!(phones::phone_update))
        .add(manage, routes!(phones::phone_delete))
        .add(read_all, routes!(operators::operator_list))
        .add(manage, routes!(operators::operator_create))
        .add(read_all, routes!(operators::operator_read))
        .add(manage, routes!(operators::operator_replace))
        .add(read_all, routes!(products::product_list))
        .add(manage, routes!(products::product_create))
        .add(read_all, routes!(products::product_read))
        .add(manage, routes!(products::product_replace))
        .add(read, routes!(transactions::credit_list))
        .add(read, routes!(transactions::credit_read))
        .add(credit, routes!(transactions::credit_reverse))
        .add(read, routes!(transactions::sale_list))
        .add(read, routes!(transactions::sale_by_ref))
        .add(read, routes!(transactions::sale_read))
        .add(settle, routes!(transactions::sale_reverse))
        .add(settle, routes!(transactions::sale_resolve))
        .add(read_all, routes!(contradictions::contradiction_list))
        .add(read_all, routes!(contradictions::contradiction_read))
        .add(settle, routes!(contradictions::contradiction_settle))
        .add(read, routes!(requests::seller_request_list))
        .add(Needs::Scope("charge.sell"), routes!(requests::request_create))
        .add(read, routes!(requests::request_list))
        .add(credit, routes!(requests::request_approve))
        .add(credit, routes!(requests::request_reject))
        .add(Needs::Scope("charge.sell"), routes!(requests::request_withdraw))
        .add(Needs::Nothing, routes!(callback::operator_callback))
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

/// An object, as the audit log and the console name it.
fn subject(resource: &str, id: Uuid) -> String {
    format!("charge:{resource}:{id}")
}

/// The answer where something was removed: what is left of it, if anything is.
fn what_is_left<T: Serialize>(left: Option<T>) -> Response {
    left.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |left| json(StatusCode::OK, &left))
}
