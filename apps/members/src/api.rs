//! The JSON routes.

mod import;
mod members;
mod pool;
mod wallet;

use std::sync::Arc;

use purser_kit::console::Field;
use purser_kit::{Needs, Routes};
use utoipa_axum::routes;

use crate::Members;
use crate::commands;
use crate::error::{CODES, REFUSALS};
use crate::member::command::{MEMBER_CREATE, MEMBER_EDIT, member_commands};
use crate::member::expiry::{MEMBER_EXPIRE, MEMBER_REVERT};
use crate::member::wallet::WALLET_TOP_UP;

pub(crate) use members::MemberJson;

/// Rows of a list.
const ROWS: u32 = 1_000;

/// Lines of a statement.
const LINES: u32 = 100;

pub(crate) fn routes(members: &Arc<Members>) -> Routes {
    let view = Needs::StaffScope("members.view");
    Routes::new(&members.context)
        .refusing(REFUSALS)
        .add(view, routes!(members::member_list))
        .adapter(Needs::StaffScope, members.as_ref(), &MEMBER_CREATE, routes!(members::member_create))
        .add(view, routes!(members::member_read))
        .described(
            Needs::StaffScope,
            &MEMBER_EDIT.spec,
            &any_of((MEMBER_EDIT.form)(members).shown()),
            routes!(members::member_update),
        )
        .adapter(Needs::StaffScope, members.as_ref(), &MEMBER_EXPIRE, routes!(pool::member_expire))
        .adapter(Needs::StaffScope, members.as_ref(), &MEMBER_REVERT, routes!(pool::member_revert))
        .adapter(Needs::StaffScope, members.as_ref(), &WALLET_TOP_UP, routes!(wallet::member_top_up))
        .add(view, routes!(wallet::member_statement))
        .command(Needs::StaffScope, &commands::MEMBERS_IMPORT, routes!(import::import_file))
        .command(Needs::StaffScope, &commands::MEMBERS_IMPORT, routes!(import::import_commit))
        .commands("members", "members", &member_commands(members), CODES)
        .with_state(Arc::clone(members))
}

/// The same fields, each of which may be left out.
fn any_of(fields: &[Field]) -> Vec<Field> {
    fields.iter().cloned().map(Field::optional).collect()
}
