//! Nobody needs a mouse.

use purser_testkit::{Sqlite, TestDb};
use serde_json::json;

use super::tab::Tab;
use super::walks::sign_in;
use crate::browser::PASSWORD;
use crate::console::many::{ask, desk, seller};
use crate::test_site::TestSite;

pub(super) const TABULATOR: &str = "\u{E004}";
pub(super) const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";
const DOWN: &str = "\u{E015}";
const SPACE: &str = " ";

/// What the focus is on, and whether that can be seen.
pub(super) const FOCUSED: &str = "
    const on = document.activeElement;
    const label = on.labels && on.labels[0] ? on.labels[0].innerText : on.innerText;
    return [label.trim(), getComputedStyle(on).outlineStyle !== 'none' && on.getBoundingClientRect().height > 0];";

/// Moves on until the focus is on what begins with these words.
pub(super) async fn reach(tab: &Tab, words: &str) {
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
    let place = TestSite::open(&db).await;
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

/// How many rows are chosen, and the number of the row that has the focus, from 1; 0 for none.
const ROWS: &str = "
    const rows = [...document.querySelectorAll('tbody tr')];
    const seen = getComputedStyle(document.activeElement).outlineStyle !== 'none';
    const at = rows.findIndex(row => row.contains(document.activeElement)) + 1;
    return [rows.filter(row => row.querySelector('input:checked')).length, seen ? at : 0];";

#[test]
fn a_hundred_and_twenty_requests_are_approved_by_a_handful_of_keys() {
    purser_testkit::run(Sqlite, crate::migrations(), approve_all, crate::after);
}

async fn approve_all(db: TestDb) {
    let (place, _, _) = desk(&db).await;
    let corner = seller(&place, "Corner Shop").await;
    ask(&place, corner, 120, "user:ravi").await;
    let tab = Tab::open(&place.base).await;
    sign_in(&tab, "asha", PASSWORD).await;
    tab.go("/admin/").await;
    tab.sees("Waiting for a decision").await;
    tab.keys("gi").await;
    tab.sees("Everything in this section (120)").await;
    tab.is_without_fault().await;
    tab.keys(&format!("Ad{TABULATOR}")).await;
    assert_eq!(tab.run(FOCUSED, json!([])).await, json!(["Go on", true]));
    tab.keys(ENTER).await;
    tab.sees("₹1,200.00 in 120 requests will be given at once.").await;
    tab.is_without_fault().await;
    tab.keys("d").await;
    assert_eq!(tab.run(FOCUSED, json!([])).await, json!(["Approve: all 120", true]));
    tab.keys(ENTER).await;
    tab.sees("120 requests approved; the credit is there.").await;
    tab.is_without_fault().await;
    assert_eq!(tab.run(FOCUSED, json!([])).await, json!(["Approvals", true]));
    tab.keys(ENTER).await;
    tab.sees("Nothing waits.").await;
    tab.is_without_fault().await;
}

#[test]
fn keys_move_and_choose_among_rows_and_leave_typing_alone() {
    purser_testkit::run(Sqlite, crate::migrations(), among_rows, crate::after);
}

async fn among_rows(db: TestDb) {
    let (place, me, _) = desk(&db).await;
    let corner = seller(&place, "Corner Shop").await;
    ask(&place, corner, 3, "user:ravi").await;
    ask(&place, corner, 1, &format!("user:{me}")).await;
    let tab = Tab::open(&place.base).await;
    sign_in(&tab, "asha", PASSWORD).await;
    tab.go("/admin/charge/requests/?status=pending").await;
    tab.sees("That is all.").await;
    let at = async || tab.run(ROWS, json!([])).await;
    for (keys, expected) in [
        (DOWN, [0, 0]), // The arrows are the page's until a row has the focus.
        ("j", [0, 1]),
        ("j", [0, 2]),
        (DOWN, [0, 3]),
        ("jj", [0, 4]),
        ("kx", [1, 3]),
        ("x", [0, 3]),
        ("a", [4, 3]),
        ("*", [0, 3]),
    ] {
        tab.keys(keys).await;
        assert_eq!(at().await, json!(expected), "{keys:?}");
    }
    tab.keys("/jxa").await;
    let typed = "const on = document.activeElement; return [on.name, on.value]";
    assert_eq!(tab.run(typed, json!([])).await, json!(["q", "jxa"]), "in a field a key is a letter");
    assert_eq!(at().await[0], 0);

    tab.keys(&format!("{TABULATOR}{TABULATOR}?")).await;
    tab.sees("the row before").await;
    tab.is_without_fault().await;
    tab.keys("j").await;
    assert_eq!(at().await, json!([0, 0]), "nothing moves behind the dialog");
    let focused = tab.run(FOCUSED, json!([])).await;
    assert_eq!(focused, json!(["Single keys do these things in this browser", true]));
    tab.keys(SPACE).await;
    tab.keys(ESCAPE).await;
    assert_eq!(tab.run("return document.querySelector('dialog[open]')", json!([])).await, json!(null));
    tab.keys("j").await;
    assert_eq!(at().await, json!([0, 0]), "who has turned them off has none");
    tab.run("localStorage.clear()", json!([])).await;

    // A row is opened, decided on, and the next that waits is an Enter away.
    tab.keys(&format!("jj{ENTER}")).await;
    tab.sees("Asked by").await;
    reach(&tab, "Approve").await;
    tab.keys(ENTER).await;
    tab.sees("will be given at once.").await;
    tab.keys(&format!("d{ENTER}")).await;
    tab.sees("1 request approved").await;
    tab.is_without_fault().await;
    tab.keys(ENTER).await;
    tab.sees("Asked by").await;
    assert!(tab.path().await.ends_with("?list=status%3Dpending"), "the list is not forgotten");

    // Of those that are left one is asha's own.
    tab.go("/admin/charge/requests/?status=pending").await;
    tab.sees("That is all.").await;
    tab.keys(&format!("ad{TABULATOR}{ENTER}")).await;
    tab.sees("₹20.00 in 2 requests will be given at once. 1 not, for the reason beside it.").await;
    tab.keys(&format!("d{ENTER}")).await;
    tab.sees("2 requests approved; the credit is there. 1 not, for the reason beside it.").await;
    tab.sees("You asked for this credit yourself").await;
    tab.is_without_fault().await;
    tab.keys(ENTER).await;
    tab.sees("That is all.").await;
    assert!(tab.path().await.ends_with("/admin/charge/requests/?status=pending"));
}
