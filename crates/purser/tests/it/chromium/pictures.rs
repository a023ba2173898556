//! The pictures in docs/screenshots. Each run takes them; `cargo xtask screenshots` keeps them.

use std::path::{Path, PathBuf};

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

/// The address of the first object of a list.
async fn first(tab: &Tab, list: &str) -> String {
    tab.go(list).await;
    let link = tab.run("return document.querySelector('tbody th a').getAttribute('href')", json!([])).await;
    link.as_str().unwrap().to_owned()
}

#[test]
fn the_pictures_in_the_documentation_show_the_pages_of_today() {
    assert!(kept().is_none_or(|folder| folder.is_dir()), "a folder for the pictures");
    purser_testkit::run(Sqlite, crate::migrations(), take_all, crate::after);
}

async fn take_all(db: TestDb) {
    let (_installation, serving, tab) = demo(&db).await;
    let seller = first(&tab, "/admin/charge/sellers/?sort=name").await;
    let id = Path::new(&seller).file_name().unwrap().to_str().unwrap().to_owned();
    for (name, path) in [
        ("console", "/admin/"),
        ("sellers", "/admin/charge/sellers/?sort=name"),
        ("seller", &seller),
        ("action", &format!("/admin/charge/sellers/do/?action=increase-credit&id={id}")),
        ("inbox", "/admin/inbox/"),
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
