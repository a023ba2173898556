//! What the app does: one function a command, all inside the caller's transaction.

mod check;
mod contradiction;
mod credit;
mod listing;
mod operator;
mod phone;
mod quote;
mod request;
mod sale;
mod sell;
mod seller;
mod statement;
mod upload;

pub use check::{SellerCheck, seller_check};
pub use contradiction::{Heard, contradiction_fits, contradiction_get, contradiction_settle, sale_hear};
pub use credit::{
    Correction, DecreaseOrder, Grant, IncreaseOrder, correction_apply, credit_decrease, credit_get, credit_increase,
    credit_reverse, decrease_plan, grant_apply, increase_plan, seller_active,
};
pub use listing::{SaleCursor, SalePage, SaleQuery, sales_page};
pub use operator::{operator_get, operator_put, price_set, product_get, product_put};
pub(crate) use phone::Spelling;
pub use phone::{NewPhone, PhoneChange, phone_change, phone_create, phone_get, phone_remove, phones_check};
pub(crate) use quote::{SaleRequest, quote_one};
pub use request::{NewRequest, request_approve, request_create, request_get, request_reject, request_withdraw};
pub use sale::{Outcome, sale_by_ref, sale_get, sale_reserve, sale_resolve, sale_reverse, sale_settle};
pub use sell::{Order, sales_create};
pub use seller::{NewSeller, Removed, SellerChange, seller_change, seller_create, seller_get, seller_remove};
pub use statement::{DayLine, DayStatement, DayTotals, day_statement, day_totals};
pub(crate) use upload::{CheckedSheet, Selling, sheet_check, sheet_sell};

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountPath, Kind, NewAccount, account_open};
use purser_money::Currency;
use purser_store::Tx;

use crate::error::Error;

/// `charge:funding`: what sellers have paid in. An asset, so that credit given is credit paid for.
fn funding(tx: &mut Tx<'_>, now: Timestamp, currency: Currency) -> Result<AccountId, Error> {
    let path = AccountPath::new("charge:funding")?;
    Ok(account_open(tx, now, &NewAccount { path, kind: Kind::Asset, currency, floor: None })?)
}
