//! The pictures in docs/screenshots. Each run takes them; `cargo xtask screenshots` keeps them.

use std::path::PathBuf;

use purser_testkit::{Sqlite, TestDb};
use serde_json::json;

use super::pages::demo;
use super::tab::{DESK, PHONE, Tab};

/// Where pictures are kept, if they are. (A name with PURSER before it would be a setting, and refused as unknown.)
#[expect(clippy::disallowed_methods, reason = "a chore says so, and nothing that is tested depends on it")]
fn kept() -> Option<PathBuf> {
    std::env::var_os("SCREENSHOTS").map(PathBuf::from)
}

async fn take(tab: &Tab, name: &str) {
    let picture = tab.picture().await;
    assert!(picture.starts_with(b"\x89PNG"), "{name}");
    if let Some(folder) = kept() {
        std::fs::write(folder.join(name).with_extension("png"), picture).unwrap();
    }
}

/// What the rows of the list that is open are linked to.
async fn objects(tab: &Tab) -> Vec<String> {
    let script = "return [...document.querySelectorAll('tbody th a')].map(a => a.getAttribute('href'))";
    let links = tab.run(script, json!([])).await;
    links.as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned()).collect()
}

fn id(object: &str) -> &str {
    object.trim_end_matches('/').rsplit('/').next().unwrap()
}

#[test]
fn the_pictures_in_the_documentation_show_the_pages_of_today() {
    assert!(kept().is_none_or(|folder| folder.is_dir()), "a folder for the pictures");
    purser_testkit::run(Sqlite, crate::migrations(), take_all, crate::after);
}

async fn take_all(db: TestDb) {
    let (_installation, serving, tab) = demo(&db).await;
    tab.go("/admin/charge/sellers/?sort=name").await;
    let seller = objects(&tab).await.swap_remove(0);
    tab.go("/admin/members/members/?state=alive").await;
    let alive = objects(&tab).await;
    tab.go("/admin/coins/withdrawals/?status=pending").await;
    let withdrawal = objects(&tab).await.swap_remove(0);
    tab.go("/admin/coins/payouts/").await;
    let payout = objects(&tab).await.swap_remove(0);
    let expire = format!("/admin/members/members/do/?action=expire&id={}&id={}", id(&alive[0]), id(&alive[1]));
    for (name, path) in [
        ("console", "/admin/"),
        ("sellers", "/admin/charge/sellers/?sort=name"),
        ("seller", &seller),
        ("members", "/admin/members/members/"),
        ("action", &expire),
        ("inbox", "/admin/inbox/"),
        ("withdrawal", &withdrawal),
        ("payout", &payout),
        ("accounts", "/admin/ledger/accounts/?under=charge"),
        ("audit", "/admin/house/audit/"),
        ("second-factor", "/accounts/second-factor/"),
        ("api", "/api/docs"),
    ] {
        tab.go(path).await;
        take(&tab, name).await;
    }
    tab.go("/admin/").await;
    tab.colors("dark").await;
    take(&tab, "console-dark").await;
    tab.colors("light").await;
    tab.screen(PHONE).await;
    for (name, path) in [("console-phone", "/admin/"), ("sellers-phone", "/admin/charge/sellers/?sort=name")] {
        tab.go(path).await;
        take(&tab, name).await;
    }
    let stranger = Tab::open(&serving.url("")).await;
    stranger.screen(DESK).await;
    take(&stranger, "home").await;
    stranger.go("/accounts/login/").await;
    take(&stranger, "sign-in").await;
}
