//! The JSON routes.

mod import;
mod members;
mod pool;
mod wallet;

use std::sync::Arc;

use purser_kit::console::Field;
use purser_kit::{Access, Routes};
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
    let view = Access::StaffScope("members.view");
    Routes::new(&members.context)
        .refusing(REFUSALS)
        .add(view, routes!(members::member_list))
        .adapter(Access::StaffScope, members.as_ref(), &MEMBER_CREATE, routes!(members::member_create))
        .add(view, routes!(members::member_read))
        .described(
            Access::StaffScope,
            &MEMBER_EDIT.spec,
            &any_of((MEMBER_EDIT.form)(members).form_fields()),
            routes!(members::member_update),
        )
        .adapter(Access::StaffScope, members.as_ref(), &MEMBER_EXPIRE, routes!(pool::member_expire))
        .adapter(Access::StaffScope, members.as_ref(), &MEMBER_REVERT, routes!(pool::member_revert))
        .adapter(Access::StaffScope, members.as_ref(), &WALLET_TOP_UP, routes!(wallet::member_top_up))
        .add(view, routes!(wallet::member_statement))
        .command(Access::StaffScope, &commands::MEMBERS_IMPORT, routes!(import::import_file))
        .command(Access::StaffScope, &commands::MEMBERS_IMPORT, routes!(import::import_commit))
        .commands("members", "members", &member_commands(members), CODES)
        .with_state(Arc::clone(members))
}

/// The same fields, each of which may be left out.
fn any_of(fields: &[Field]) -> Vec<Field> {
    fields.iter().cloned().map(Field::optional).collect()
}
