//! What the app does: one function a command, all inside the caller's transaction.

mod expire;
mod import;
mod member;
mod preview;
mod wallet;

pub use expire::{
    ExpiryResult, RevertResult, expire_apply, expiries_lock, members_expire, members_revert, revert_apply,
};
pub use import::{
    ImportRefusal, ImportResult, import_check, import_commit, import_good, import_judge, import_report, import_save,
    import_show,
};
pub use member::{
    MemberChange, NewMember, member_apply, member_change, member_change_apply, member_change_plan, member_create,
    member_get, member_plan, room_left,
};
pub use preview::{ExpirePreview, RevertPreview, Revival, expire_preview, revert_preview};
pub use wallet::{
    MovementReason, PaymentReference, WalletMovement, WalletPlan, debts_owed, pool_balance, wallet_apply, wallet_move,
    wallet_plan,
};

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountKind, AccountPath, NewAccount, account_open};
use purser_money::Currency;
use purser_store::{ReadTx, WriteTx};

use crate::domain::Settings;
use crate::error::Error;
use crate::store;

/// `members:funding`: what members have paid in. An asset, so that what is in the wallets and the pool is there.
fn funding(tx: &mut WriteTx<'_>, now: Timestamp, currency: Currency) -> Result<AccountId, Error> {
    let path = AccountPath::new("members:funding")?;
    Ok(account_open(tx, now, &NewAccount { path, kind: AccountKind::Asset, currency, floor: None })?)
}

/// `members:pool`: the levies.
fn pool(tx: &mut WriteTx<'_>, now: Timestamp, currency: Currency) -> Result<AccountId, Error> {
    let path = AccountPath::new("members:pool")?;
    Ok(account_open(tx, now, &NewAccount { path, kind: AccountKind::Liability, currency, floor: Some(0) })?)
}

/// How many more members there may be; none for any number.
fn room(tx: &mut ReadTx<'_>, settings: &Settings) -> Result<Option<i64>, Error> {
    if settings.max == 0 {
        return Ok(None);
    }
    Ok(Some((i64::from(settings.max) - store::tally(tx)?.members).max(0)))
}
