//! What stands around every page of the console.

use super::{Desk, Visitor, books};
use crate::pages::Shell;

/// The pages of one app.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) links: Vec<NavLink>,
}

/// A page of it.
pub(crate) struct NavLink {
    pub(crate) title: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// The shell of a page, and the way to what this visitor may open.
pub(super) fn shell(desk: &Desk, visitor: &Visitor, title: impl Into<String>) -> Shell {
    let link = |title, href: String| {
        let current = visitor.path == href || href != "/admin/" && visitor.path.starts_with(&href);
        NavLink { title, href, current }
    };
    let mut groups = vec![Group {
        title: "Console",
        links: vec![link("Today", "/admin/".to_owned()), link("Approvals", "/admin/inbox/".to_owned())],
    }];
    for shelf in &desk.apps {
        let open = shelf.console.resources.iter().filter(|resource| visitor.caller.has(resource.view));
        let links: Vec<NavLink> =
            open.map(|resource| link(resource.title, format!("/admin/{}/{}/", shelf.name, resource.name))).collect();
        if !links.is_empty() {
            groups.push(Group { title: shelf.title, links });
        }
    }
    if visitor.caller.has(books::SCOPE) {
        let links = vec![link("Chart of accounts", "/admin/ledger/accounts/".to_owned())];
        groups.push(Group { title: "Ledger", links });
    }
    Shell { groups, ..Shell::new(title, Some(&visitor.session.user)) }
}
