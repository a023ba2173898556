//! Every page that a link leads to, of every app, as a machine reads it.

use std::collections::BTreeSet;

use purser_testkit::{Sqlite, TestDb};
use serde_json::json;

use super::tab::Tab;
use super::walks::sign_in;
use crate::program::{Installation, Serving};

/// A house with three months behind it, and a browser in which its superuser is signed in.
pub(super) async fn demo(db: &TestDb) -> (Installation, Serving, Tab) {
    let installation = Installation::new(db);
    let serving = installation.serve_with("", &["--demo"]);
    let tab = Tab::open(&serving.url("")).await;
    let password = serving.told("demo: sign in as demo with the password ").expect("the demo's password").to_owned();
    sign_in(&tab, "demo", &password).await;
    (installation, serving, tab)
}

const LINKS: &str = "
    return [...document.querySelectorAll('a[href]')].map(a => new URL(a.href))
        .filter(url => url.origin === location.origin).map(url => url.pathname + url.search);";

/// Pages of one kind differ in ids and in what they are narrowed to, and not in how they are made.
fn kind(path: &str) -> Option<String> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path.ends_with(".csv") || path.ends_with(".json") || path.starts_with("/api/v1/") {
        return None;
    }
    let id = |part: &str| part.len() == 36 || part.contains('.') || part.parse::<u64>().is_ok();
    // What stands under an object, such as the language of a text, makes no other page.
    let parts = path.split('/').enumerate().map(|(depth, part)| match part {
        "" | "do" => part,
        _ if id(part) || path.starts_with("/admin/") && depth > 4 => "{}",
        _ => part,
    });
    let parts: Vec<&str> = parts.collect();
    let action = query.split('&').find(|pair| pair.starts_with("action=")).unwrap_or_default();
    Some(format!("{}?{action}", parts.join("/")))
}

#[test]
fn no_page_has_a_fault_that_a_machine_can_find() {
    purser_testkit::run(Sqlite, crate::migrations(), walk_everywhere, crate::after);
}

#[test]
fn no_page_of_the_portal_has_a_fault_that_a_machine_can_find() {
    purser_testkit::run(Sqlite, crate::migrations(), walk_the_portal, crate::after);
}

async fn walk_everywhere(db: TestDb) {
    let (_installation, _serving, tab) = demo(&db).await;
    let known = walk(&tab, &["/", "/admin/", "/admin/inbox/"]).await;
    assert!(known.len() > 40, "the way there is lost: {known:#?}");
}

/// As somebody who sells for a seller of the demo.
async fn walk_the_portal(db: TestDb) {
    let installation = Installation::new(&db);
    let serving = installation.serve_with("", &["--demo"]);
    let password = serving.told("demo: sign in as shop, who sells in the portal, with the password ");
    let tab = Tab::open(&serving.url("")).await;
    sign_in(&tab, "shop", password.expect("the shop's password")).await;
    let known = walk(&tab, &["/portal/"]).await;
    let portal: Vec<&String> = known.iter().filter(|kind| kind.starts_with("/portal/charge/")).collect();
    for page in ["sales", "sale", "requests", "statement", "keys", "do/sell", "do/ask", "do/withdraw", "do/make-key"] {
        assert!(portal.iter().any(|kind| kind.contains(&format!("/{page}/"))), "no way to {page}: {portal:#?}");
    }
    assert!(!known.iter().any(|kind| kind.starts_with("/admin/")), "the console is for staff: {known:#?}");
}

/// Goes wherever links lead from these, a page of each kind; the kinds.
async fn walk(tab: &Tab, from: &[&str]) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut ahead: Vec<String> = from.iter().map(|path| (*path).to_owned()).collect();
    let mut faults = Vec::new();
    while let Some(path) = ahead.pop() {
        tab.go(&path).await;
        faults.extend(tab.faults().await.into_iter().map(|fault| format!("{path}: {fault}")));
        for link in tab.run(LINKS, json!([])).await.as_array().unwrap() {
            let link = link.as_str().unwrap();
            let Some(kind) = kind(link) else { continue };
            if known.insert(kind) {
                ahead.push(link.to_owned());
            }
        }
    }
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    known
}
