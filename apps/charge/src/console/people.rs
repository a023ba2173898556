//! Who may act for a seller in the portal.

use purser_identity::{ResourceBinding, api_keys_of, user_get};
use purser_kit::Problem;
use purser_kit::console::{Cell, DetailTable, keys_table};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::SELLER_BINDING;
use crate::store::person::persons_of;

pub(super) fn table(tx: &mut ReadTx<'_>, seller: Uuid) -> Result<DetailTable, Problem> {
    let mut rows = Vec::new();
    for (person, since) in persons_of(tx, seller)? {
        let user = user_get(tx, person)?;
        rows.push(vec![Cell::Text(user.username.to_string()), Cell::Text(user.email.to_string()), Cell::Time(since)]);
    }
    Ok(DetailTable {
        title: "Who sells in the portal",
        empty: "Nobody yet: let somebody sell who has an account here.",
        columns: vec!["Username", "Email", "Since"],
        rows,
    })
}

/// The programs that act for a seller.
pub(super) fn keys(tx: &mut ReadTx<'_>, seller: Uuid) -> Result<DetailTable, Problem> {
    let empty = "No program acts for it yet. Whoever sells for it makes keys in the portal.";
    Ok(keys_table("API keys", empty, api_keys_of(tx, &binding(seller))?))
}

fn binding(seller: Uuid) -> ResourceBinding {
    ResourceBinding { kind: SELLER_BINDING.to_owned(), id: seller }
}
