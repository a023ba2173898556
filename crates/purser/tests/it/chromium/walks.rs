//! Whole ways through the house.

use purser_identity::TotpSeed;
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::tab::Tab;
use crate::browser::PASSWORD;
use crate::program::Installation;
use crate::test_site::TestSite;

const NEW: &str = "granite willow echo tangent";

/// Signs in, and waits for the page after it: an address typed before that would call the answer off.
pub(super) async fn sign_in(tab: &Tab, username: &str, password: &str) {
    hand_in(tab, username, password).await;
    tab.sees(&format!("{username} Sign out")).await;
}

/// Fills in the page that asks who somebody is.
async fn hand_in(tab: &Tab, login: &str, password: &str) {
    tab.go("/accounts/login/").await;
    tab.fill("Username or email", login).await;
    tab.fill("Password", password).await;
    tab.press("Sign in").await;
}

async fn sign_out(tab: &Tab) {
    tab.press("Sign out").await;
    tab.sees("Sign in").await;
}

/// The app on a phone that cannot see the picture: somebody types the letters.
pub(super) async fn phone(tab: &Tab) -> TotpSeed {
    let letters = tab.words(".typed").await;
    TotpSeed::of(&base32(&letters)).unwrap()
}

/// What the app shows `steps` of thirty seconds from now, by the browser's clock.
pub(super) async fn code(tab: &Tab, seed: &TotpSeed, steps: i64) -> String {
    let now = tab.run("return Date.now()", json!([])).await.as_i64().unwrap();
    seed.code(jiff::Timestamp::from_millisecond(now + steps * 30_000).unwrap())
}

fn base32(letters: &str) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut held = 0_u64;
    let mut bytes = Vec::new();
    for letter in letters.bytes().filter(u8::is_ascii_alphanumeric) {
        let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter.to_ascii_uppercase() - b'A' };
        (held, bits) = (held << 5 | u64::from(value), bits + 5);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xFF).unwrap());
        }
    }
    bytes
}

both! {
    async fn the_printed_link_leads_from_an_empty_house_through_the_second_factor_to_the_console(db: TestDb) {
        let serving = Installation::new(&db).serve("");
        let tab = Tab::open(&serving.url("")).await;
        tab.sees("There is no superuser yet.").await;
        let link = serving.setup_link().expect("a link").to_owned();
        tab.go(link.strip_prefix(&serving.url("")).unwrap()).await;
        tab.fill("Username", "asha").await;
        tab.fill("Email", "asha").await;
        tab.fill("Password", "12345678").await;
        tab.press("Create the superuser").await;
        tab.sees("The two passwords differ.").await;
        tab.is_without_fault().await;
        tab.fill("Email", "asha@example.com").await;
        tab.fill("Password", PASSWORD).await;
        tab.fill("The same password again", PASSWORD).await;
        tab.press("Create the superuser").await;
        tab.sees("Scan this picture").await;
        let seed = phone(&tab).await;
        tab.fill("Code", &code(&tab, &seed, 0).await).await;
        tab.fill("Password", PASSWORD).await;
        tab.press("Turn it on").await;
        tab.sees("The second factor is on.").await;
        tab.is_without_fault().await;
        tab.follow("I have kept them").await;
        tab.sees("Waiting for a decision").await;
        assert_eq!(tab.path().await, "/admin/");

        sign_out(&tab).await;
        hand_in(&tab, "asha", PASSWORD).await;
        tab.fill("Code", "000000").await;
        tab.press("Sign in").await;
        tab.sees("wrong").await;
        tab.is_without_fault().await;
        tab.fill("Code", &code(&tab, &seed, 1).await).await;
        tab.press("Sign in").await;
        tab.sees("Console API asha Sign out").await;
    }

    async fn whoever_signs_up_follows_the_mailed_links_and_signs_in_by_email_and_by_username(db: TestDb) {
        let place = TestSite::open(&db).await;
        let tab = Tab::open(&place.base).await;
        tab.follow("Sign in").await;
        tab.follow("I have no account yet").await;
        tab.press("Sign up").await;
        tab.sees_a_refusal().await;
        tab.is_without_fault().await;
        tab.fill("Username", "asha").await;
        tab.fill("Email", "asha@example.com").await;
        tab.fill("Password", PASSWORD).await;
        tab.fill("The same password again", PASSWORD).await;
        tab.press("Sign up").await;
        tab.sees("Look into your mail").await;
        tab.is_without_fault().await;
        tab.go(&place.link("asha@example.com", "house.confirm-email").await).await;
        tab.is_without_fault().await;
        tab.fill("Password", PASSWORD).await;
        tab.press("Confirm").await;
        tab.sees("is confirmed").await;

        for login in ["asha@example.com", "asha"] {
            hand_in(&tab, login, PASSWORD).await;
            tab.sees("asha Sign out").await;
            sign_out(&tab).await;
        }
        tab.go("/accounts/login/").await;
        tab.follow("I forgot my password").await;
        tab.fill("Email", "asha@example.com").await;
        tab.press("Mail").await;
        tab.sees("Look into your mail").await;
        tab.go(&place.link("asha@example.com", "house.password-reset").await).await;
        tab.is_without_fault().await;
        tab.fill("New password", NEW).await;
        tab.fill("The same password again", NEW).await;
        tab.press("Set").await;
        tab.sees("is changed").await;
        hand_in(&tab, "asha", PASSWORD).await;
        tab.sees("The name or the password is wrong.").await;
        tab.is_without_fault().await;
        sign_in(&tab, "asha", NEW).await;
    }
}
