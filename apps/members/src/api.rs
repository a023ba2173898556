//! The JSON routes.

mod import;
mod members;
mod pool;
mod wallet;

use std::sync::Arc;

use purser_kit::{Needs, Routes};
use utoipa_axum::routes;

use crate::Members;
use crate::commands;
use crate::error::REFUSALS;

pub(crate) use members::{read_change as member_change_form, read_new as member_form};

/// Rows of a list.
const ROWS: u32 = 1_000;

/// Lines of a statement.
const LINES: u32 = 100;

pub(crate) fn routes(members: &Arc<Members>) -> Routes {
    let view = Needs::StaffScope("members.view");
    Routes::new(&members.context)
        .refusing(REFUSALS)
        .add(view, routes!(members::member_list))
        .command(Needs::StaffScope, &commands::MEMBER_CREATE, routes!(members::member_create))
        .add(view, routes!(members::member_read))
        .command(Needs::StaffScope, &commands::MEMBER_EDIT, routes!(members::member_update))
        .command(Needs::StaffScope, &commands::MEMBER_EXPIRE, routes!(pool::member_expire))
        .command(Needs::StaffScope, &commands::MEMBER_REVERT, routes!(pool::member_revert))
        .command(Needs::StaffScope, &commands::WALLET_TOP_UP, routes!(wallet::member_top_up))
        .add(view, routes!(wallet::member_statement))
        .command(Needs::StaffScope, &commands::MEMBERS_IMPORT, routes!(import::import_file))
        .command(Needs::StaffScope, &commands::MEMBERS_IMPORT, routes!(import::import_commit))
        .with_state(Arc::clone(members))
}
