//! The JSON routes.

mod import;
mod members;
mod pool;
mod wallet;

use std::sync::Arc;

use purser_kit::{Needs, Routes};
use utoipa_axum::routes;

use crate::Members;
use crate::error::REFUSALS;

pub(crate) use members::{read_change as member_change_form, read_new as member_form};

/// Rows of a list.
const ROWS: u32 = 1_000;

/// Lines of a statement.
const LINES: u32 = 100;

pub(crate) fn routes(members: &Arc<Members>) -> Routes {
    let view = Needs::StaffScope("members.view");
    let operate = Needs::StaffScope("members.operate");
    Routes::new(&members.context)
        .refusing(REFUSALS)
        .add(view, routes!(members::member_list))
        .add(operate, routes!(members::member_create))
        .add(view, routes!(members::member_read))
        .add(operate, routes!(members::member_update))
        .add(operate, routes!(pool::member_expire))
        .add(operate, routes!(pool::member_revert))
        .add(operate, routes!(wallet::member_top_up))
        .add(view, routes!(wallet::member_statement))
        .add(operate, routes!(import::import_file))
        .add(operate, routes!(import::import_commit))
        .with_state(Arc::clone(members))
}
