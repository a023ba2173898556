//! What stands around every page of the console.

use super::commands::{SECRET_TEXT_CHANGE, TEXT_CHANGE};
use super::{ConsoleState, StaffUser, backups, books, health, inbox, schedules, texts};
use crate::pages::Shell;

/// The pages of one app.
pub(crate) struct NavGroup {
    pub(crate) title: &'static str,
    pub(crate) links: Vec<NavLink>,
}

/// A page of it.
pub(crate) struct NavLink {
    pub(crate) title: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
    /// How many things wait there, where any do.
    pub(crate) count: Option<String>,
}

/// The shell of a page, and the way to what this visitor may open.
pub(super) fn shell(console: &ConsoleState, staff: &StaffUser, title: impl Into<String>) -> Shell {
    let link = |title, href: String| {
        let current = staff.path == href || href != "/admin/" && staff.path.starts_with(&href);
        NavLink { title, href, current, count: None }
    };
    let approvals = NavLink { count: inbox::badge(staff.waiting), ..link("Approvals", "/admin/inbox/".to_owned()) };
    let mut groups = vec![NavGroup { title: "Console", links: vec![link("Today", "/admin/".to_owned()), approvals] }];
    for section in &console.apps {
        let open = section.console.resources.iter().filter(|resource| staff.principal.has(resource.view));
        let mut links: Vec<NavLink> =
            open.map(|resource| link(resource.title, format!("/admin/{}/{}/", section.name, resource.name))).collect();
        if section.name == "house" {
            links.extend(own_pages(staff).into_iter().map(|(title, href)| link(title, href.to_owned())));
        }
        if !links.is_empty() {
            groups.push(NavGroup { title: section.title, links });
        }
    }
    if staff.principal.has(books::SCOPE) {
        let links = vec![link("Chart of accounts", "/admin/ledger/accounts/".to_owned())];
        groups.push(NavGroup { title: "Ledger", links });
    }
    Shell { groups, ..Shell::new(title, Some(&staff.session.user)) }
}

/// The house's pages that are no lists of objects.
fn own_pages(staff: &StaffUser) -> Vec<(&'static str, &'static str)> {
    let pages = [
        ("Health", health::BASE, [health::SCOPE].as_slice()),
        ("Schedules", schedules::BASE, &[schedules::SCOPE]),
        ("Notice texts", texts::BASE, &[TEXT_CHANGE.scope, SECRET_TEXT_CHANGE.scope]),
        ("Backups", backups::BASE, &[backups::SCOPE]),
    ];
    let open = pages.into_iter().filter(|(.., scopes)| scopes.iter().any(|scope| staff.principal.has(scope)));
    open.map(|(title, href, _)| (title, href)).collect()
}
