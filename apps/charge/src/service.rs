//! What the app does: one function a command, all inside the caller's transaction.

mod check;
mod contradiction;
mod credit;
mod listing;
mod operator;
mod phone;
mod request;
mod sale;
mod seller;
mod statement;
mod upload;

pub use crate::sale::batch::{SaleOrder, sales_create};
pub use crate::sale::result::SaleResult;
pub use check::{SellerCheck, seller_check};
pub use contradiction::{
    ContradictionSettlement, OperatorClaimResult, contradiction_get, sale_hear, settlement_apply, settlement_plan,
};
pub use credit::{
    CreditCorrection, CreditDecreaseRequest, CreditGrant, CreditGrantRequest, CreditReversal, correction_apply,
    credit_decrease, credit_get, credit_increase, decrease_plan, grant_apply, increase_plan, reversal_apply,
    reversal_plan, seller_active,
};
pub use listing::{SaleCursor, SalePage, SaleQuery, sales_page};
pub use operator::{
    SellerRate, operator_apply, operator_get, operator_plan, operator_put, price_apply, price_plan, price_set,
    product_apply, product_get, product_plan, product_put,
};
pub use phone::{
    NewPhone, PhoneChange, phone_apply, phone_change, phone_create, phone_get, phone_plan, phone_remove, phones_check,
};
pub(crate) use phone::{Spelling, phones_register};
pub use request::{
    Approval, NewRequest, approval_apply, approval_plan, request_create, request_decide, request_get, request_pending,
};
pub use sale::{
    Resolution, SaleOutcome, SaleReversal, resolution_apply, resolution_plan, sale_by_ref, sale_get, sale_reserve,
    sale_reversal_apply, sale_reversal_plan, sale_settle, sale_unknown,
};
pub use seller::{NewSeller, Removal, SellerChange, seller_change, seller_create, seller_get, seller_remove};
pub use statement::{DayLine, DayStatement, DayTotals, day_statement, day_totals};
pub(crate) use upload::{CheckedSaleFile, FileSaleContext, sale_file_check, sale_file_sell};

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountKind, AccountPath, NewAccount, account_open};
use purser_money::Currency;
use purser_store::WriteTx;

use crate::error::Error;

/// `charge:funding`: what sellers have paid in. An asset, so that credit given is credit paid for.
fn funding(tx: &mut WriteTx<'_>, now: Timestamp, currency: Currency) -> Result<AccountId, Error> {
    let path = AccountPath::new("charge:funding")?;
    Ok(account_open(tx, now, &NewAccount { path, kind: AccountKind::Asset, currency, floor: None })?)
}
