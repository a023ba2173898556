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

use purser_kit::console::Field;
use purser_kit::{Access, Form, Principal, Problem, Routes};
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Charge;
use crate::SELLER_BINDING;
use crate::commands;
use crate::contradiction::command::{CONTRADICTION_SETTLE, contradiction_commands};
use crate::credit::command::{CREDIT_REVERSE, credit_commands};
use crate::error::{CODES, Error, REFUSALS};
use crate::operator::command::{OPERATOR_CREATE, OPERATOR_EDIT, operator_commands};
use crate::phone::command::{PHONE_CREATE, PHONE_EDIT, PHONE_REMOVE, phone_commands};
use crate::product::command::{PRODUCT_CREATE, PRODUCT_EDIT, product_commands};
use crate::request::command::{REQUEST_APPROVE, REQUEST_CREATE, REQUEST_REJECT, REQUEST_WITHDRAW, request_commands};
use crate::sale::command::{SALE_RESOLVE, SALE_REVERSE, sale_commands};
use crate::seller::command::{
    CREDIT_DECREASE, CREDIT_INCREASE, SELLER_CREATE, SELLER_EDIT, SELLER_REMOVE, seller_commands,
};

pub(crate) use contradictions::ContradictionJson;
pub(crate) use counter::bounded;
pub(crate) use operators::OperatorJson;
pub(crate) use phones::PhoneJson;
pub(crate) use products::ProductJson;
pub(crate) use requests::RequestJson;
pub(crate) use sellers::SellerJson;
pub(crate) use transactions::{CreditJson, SaleJson};

/// Rows of a seller's own lists.
const SELLER_ROWS: u32 = 100;

/// Rows of the lists over all sellers.
const ALL_ROWS: u32 = 1_000;

pub(crate) fn routes(charge: &Arc<Charge>) -> Routes {
    let read = Access::Scope("charge.read");
    let read_all = Access::StaffScope("charge.read");
    Routes::new(&charge.context)
        .refusing(REFUSALS)
        .add(read, routes!(sellers::seller_list))
        .described(
            Access::StaffScope,
            &SELLER_CREATE.spec,
            &and_status(SELLER_CREATE.form, charge, SELLER_STATUS),
            routes!(sellers::seller_create),
        )
        .add(read, routes!(sellers::seller_read))
        .described(
            Access::StaffScope,
            &SELLER_EDIT.spec,
            &and_status(SELLER_EDIT.form, charge, SELLER_STATUS),
            routes!(sellers::seller_replace),
        )
        .described(
            Access::StaffScope,
            &SELLER_EDIT.spec,
            &and_status(SELLER_EDIT.form, charge, SELLER_STATUS),
            routes!(sellers::seller_update),
        )
        .command(Access::StaffScope, &SELLER_REMOVE.spec, routes!(sellers::seller_delete))
        .adapter(Access::StaffScope, charge.as_ref(), &CREDIT_INCREASE, routes!(counter::credit_increase))
        .adapter(Access::StaffScope, charge.as_ref(), &CREDIT_DECREASE, routes!(counter::credit_decrease))
        .command(Access::Scope, &commands::SALE_CREATE, routes!(counter::charge_sell))
        .command(Access::Scope, &commands::SALES_IMPORT, routes!(imports::sales_import))
        .add(read, routes!(counter::credit_read))
        .add(read, routes!(transactions::seller_credit_list))
        .add(read, routes!(transactions::seller_sale_list))
        .add(read, routes!(statements::seller_statement))
        .add(read_all, routes!(phones::phone_list))
        .adapter(Access::StaffScope, charge.as_ref(), &PHONE_CREATE, routes!(phones::phone_create))
        .add(read_all, routes!(phones::phone_read))
        .adapter(Access::StaffScope, charge.as_ref(), &PHONE_EDIT, routes!(phones::phone_replace))
        .adapter(Access::StaffScope, charge.as_ref(), &PHONE_EDIT, routes!(phones::phone_update))
        .command(Access::StaffScope, &PHONE_REMOVE.spec, routes!(phones::phone_delete))
        .add(read_all, routes!(operators::operator_list))
        .described(
            Access::StaffScope,
            &OPERATOR_CREATE.spec,
            &and_status(OPERATOR_CREATE.form, charge, SALE_STATUS),
            routes!(operators::operator_create),
        )
        .add(read_all, routes!(operators::operator_read))
        .described(
            Access::StaffScope,
            &OPERATOR_EDIT.spec,
            &and_status(OPERATOR_EDIT.form, charge, SALE_STATUS),
            routes!(operators::operator_replace),
        )
        .add(read_all, routes!(products::product_list))
        .described(
            Access::StaffScope,
            &PRODUCT_CREATE.spec,
            &and_status(PRODUCT_CREATE.form, charge, SALE_STATUS),
            routes!(products::product_create),
        )
        .add(read_all, routes!(products::product_read))
        .described(
            Access::StaffScope,
            &PRODUCT_EDIT.spec,
            &and_status(PRODUCT_EDIT.form, charge, SALE_STATUS),
            routes!(products::product_replace),
        )
        .add(read, routes!(transactions::credit_list))
        .add(read, routes!(transactions::credit_read))
        .adapter(Access::StaffScope, charge.as_ref(), &CREDIT_REVERSE, routes!(transactions::credit_reverse))
        .add(read, routes!(transactions::sale_list))
        .add(read, routes!(transactions::sale_by_ref))
        .add(read, routes!(transactions::sale_read))
        .adapter(Access::StaffScope, charge.as_ref(), &SALE_REVERSE, routes!(transactions::sale_reverse))
        .adapter(Access::StaffScope, charge.as_ref(), &SALE_RESOLVE, routes!(transactions::sale_resolve))
        .add(read_all, routes!(contradictions::contradiction_list))
        .add(read_all, routes!(contradictions::contradiction_read))
        .adapter(
            Access::StaffScope,
            charge.as_ref(),
            &CONTRADICTION_SETTLE,
            routes!(contradictions::contradiction_settle),
        )
        .add(read, routes!(requests::seller_request_list))
        .adapter(Access::Scope, charge.as_ref(), &REQUEST_CREATE, routes!(requests::request_create))
        .add(read, routes!(requests::request_list))
        .command(Access::StaffScope, &REQUEST_APPROVE.spec, routes!(requests::request_approve))
        .adapter(Access::StaffScope, charge.as_ref(), &REQUEST_REJECT, routes!(requests::request_reject))
        .adapter(Access::Scope, charge.as_ref(), &REQUEST_WITHDRAW, routes!(requests::request_withdraw))
        .add(Access::Public, routes!(callback::operator_callback))
        .commands("charge", "sellers", &seller_commands(charge), CODES)
        .commands("charge", "phone-numbers", &phone_commands(charge), CODES)
        .commands("charge", "credit", &credit_commands(charge), CODES)
        .commands("charge", "requests", &request_commands(charge), CODES)
        .commands("charge", "sales", &sale_commands(charge), CODES)
        .commands("charge", "contradictions", &contradiction_commands(charge), CODES)
        .commands("charge", "operators", &operator_commands(charge), CODES)
        .commands("charge", "products", &product_commands(charge), CODES)
        .with_state(Arc::clone(charge))
}

/// What `status` of a seller may be.
const SELLER_STATUS: &str = "active, frozen or inactive.";

/// What `status` of an operator or a product may be.
const SALE_STATUS: &str = "active or stopped; as it was where it is not sent.";

/// The fields of a form, and the status that the documented body has beside them.
fn and_status<I: 'static>(form: fn(&Charge) -> Form<I>, charge: &Charge, help: &'static str) -> Vec<Field> {
    let status = Field::line("status", "Status", help).optional();
    form(charge).form_fields().iter().cloned().chain([status]).collect()
}

/// Another seller's object is not found, for a key that is tied to one seller.
fn own_seller(principal: &Principal, seller: Uuid) -> Result<(), Problem> {
    if principal.may_see(SELLER_BINDING, seller) { Ok(()) } else { Err(Error::NoSeller.into()) }
}

/// The seller that a list is about: the one asked for, and for a tied key its own.
fn list_seller(principal: &Principal, asked: Option<Uuid>) -> Option<Uuid> {
    match (principal.bound_to(SELLER_BINDING), asked) {
        (Some(tied), Some(asked)) if tied != asked => Some(Uuid::nil()),
        (tied, asked) => tied.or(asked),
    }
}
