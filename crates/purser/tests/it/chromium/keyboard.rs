//! Nobody needs a mouse.

use purser_testkit::{Sqlite, TestDb};
use serde_json::json;

use super::tab::Tab;
use crate::browser::PASSWORD;
use crate::place::Place;

const TABULATOR: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";

/// What the focus is on, and whether that can be seen.
const FOCUSED: &str = "
    const on = document.activeElement;
    const label = on.labels && on.labels[0] ? on.labels[0].innerText : on.innerText;
    return [label.trim(), getComputedStyle(on).outlineStyle !== 'none' && on.getBoundingClientRect().height > 0];";

/// Moves on until the focus is on what begins with these words.
async fn reach(tab: &Tab, words: &str) {
    let mut passed = Vec::new();
    for _ in 0..80 {
        tab.keys(TABULATOR).await;
        let focused = tab.run(FOCUSED, json!([])).await;
        let label = focused[0].as_str().unwrap_or_default().to_owned();
        assert!(focused[1] == true, "nobody sees that the focus is on {label:?}");
        if label.starts_with(words) {
            return;
        }
        passed.push(label);
    }
    panic!("{words} is not reached: {passed:?}");
}

#[test]
fn everything_is_done_by_keyboard_alone() {
    purser_testkit::run(Sqlite, crate::migrations(), without_a_mouse, crate::after);
}

async fn without_a_mouse(db: TestDb) {
    let place = Place::open(&db).await;
    place.person("asha", "superuser", "").await;
    let tab = Tab::open(&place.base).await;
    reach(&tab, "Skip to the content").await;
    tab.keys(ENTER).await;
    assert_eq!(tab.run("return document.activeElement.id", json!([])).await, "main");
    tab.go("/").await;
    reach(&tab, "Sign in").await;
    tab.keys(ENTER).await;
    tab.sees("Username or email").await;
    tab.keys(&format!("asha{TABULATOR}{PASSWORD}{ENTER}")).await;
    tab.sees("asha Sign out").await;
    reach(&tab, "Console").await;
    tab.keys(ENTER).await;
    tab.sees("Waiting for a decision").await;
    reach(&tab, "Sellers").await;
    tab.keys(ENTER).await;
    tab.sees("There is no seller yet.").await;
    reach(&tab, "New seller").await;
    tab.keys(ENTER).await;
    tab.sees("Alert below").await;
    reach(&tab, "Name").await;
    tab.keys(&format!("Corner Shop{ENTER}")).await;
    tab.sees("Done").await;
    reach(&tab, "Open the seller").await;
    tab.keys(ENTER).await;
    tab.sees("Corner Shop").await;
}
