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

async fn walk_everywhere(db: TestDb) {
    let (_installation, _serving, tab) = demo(&db).await;
    let mut known = BTreeSet::new();
    let mut ahead: Vec<String> = ["/", "/admin/", "/admin/inbox/"].map(str::to_owned).into();
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
    assert!(known.len() > 40, "the way there is lost: {known:#?}");
}
