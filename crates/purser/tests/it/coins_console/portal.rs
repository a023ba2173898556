//! Somebody with coins and an account here sees them, asks for withdrawals and calls them off.

use purser_identity::{email_verify, user_by_login};
use purser_testkit::{TestDb, both};

use super::{CoinsProgram, USERS, act, first_id};
use crate::browser::{Browser, hidden, person};

/// Fills a form in, is asked, and says yes; where that leads.
async fn deed(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> String {
    let asked = browser.post(path, fields).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let once = hidden(&asked.text, "once");
    let sure: Vec<(&str, &str)> =
        [("once", once.as_str()), ("sure", "yes")].into_iter().chain(fields.iter().copied()).collect();
    let first = browser.post(path, &sure).await;
    assert_eq!(first.status, 303, "{}", first.text);
    let again = browser.post(path, &sure).await;
    assert_eq!(again.sent_to, first.sent_to, "the form sent twice does it once");
    first.sent_to
}

both! {
    async fn a_person_withdraws_their_own_coins_and_calls_it_off(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        services.award("asha <b>", 1_000).await;
        services.award("bina", 1_000).await;
        let other = services.ask("bina", 100, "bina@ybl").await;
        let user = first_id(&services.boss.page(&format!("{USERS}?q=asha")).await, USERS);
        let bina = first_id(&services.boss.page(&format!("{USERS}?q=bina")).await, USERS);
        person(&services.installation, "ravi", &[]);
        let mut ravi = Browser::signed_in(&services.serving, "ravi").await;
        let base = format!("/portal/coins/{user}/");
        assert_eq!(ravi.get(&base).await.status, 404, "nobody is let in before staff say so");
        act(&mut services.boss, USERS, "link", &[&user], &[("login", "ravi")]).await;
        assert_eq!(ravi.get("/portal/").await.sent_to, base);
        let home = ravi.page(&base).await;
        assert!(home.contains("1,000 COIN") && home.contains("₹100.00") && home.contains("asha &#60;b&#62;"), "{home}");

        let path = format!("{base}do/withdraw/");
        let fields = [("amount", "150"), ("upi_id", "Ravi@YBL")];
        let unconfirmed = ravi.post(&path, &fields).await;
        assert!(unconfirmed.status == 403 && unconfirmed.text.contains("Confirm your email address first"), "{}", unconfirmed.text);
        let now = db.clock().now();
        let confirmed: Result<(), purser_identity::Error> = db.write(move |tx| {
            let (ravi, _) = user_by_login(tx, "ravi")?.expect("ravi");
            email_verify(tx, now, ravi.id, &ravi.email)
        }).await;
        confirmed.unwrap();
        for (amount, upi_id, told) in [("99", "ravi@ybl", "from 100 to 100000"), ("1001", "ravi@ybl", "1000 available"), ("150.5", "ravi@ybl", "amount-error"), ("150", "ravi", "upi_id-error")] {
            let page = ravi.post(&path, &[("amount", amount), ("upi_id", upi_id)]).await;
            assert!(page.status == 400 && page.text.contains(told), "{amount} {upi_id}: {}", page.text);
        }
        let asked = ravi.post(&path, &fields).await;
        assert!(asked.text.contains("150 coins become ₹15.00 to ravi@ybl. 850 coins will be left."), "{}", asked.text);
        let list = deed(&mut ravi, &path, &fields).await;
        let page = ravi.page(&list).await;
        assert!(page.contains("₹15.00") && page.contains("pending"), "{page}");
        assert_eq!(services.balance("asha <b>").await, 850);
        let unknown = ravi.post(&path, &[("amount", "100"), ("upi_id", "ravi@bank"), ("sure", "yes"), ("once", &other)]).await;
        assert!(unknown.status == 400 && unknown.text.contains("@bank is not known here"), "{}", unknown.text);

        let id = page.split("do/cancel/?id=").nth(1).unwrap()[..36].to_owned();
        let cancel = format!("{base}do/cancel/");
        assert!(ravi.page(&format!("{cancel}?id={id}")).await.contains("₹15.00 will not be paid; 150 coins are back at once."));
        assert_eq!(ravi.get(&format!("{cancel}?id={other}")).await.status, 404, "another's is not there");
        let list = deed(&mut ravi, &cancel, &[("id", &id)]).await;
        assert!(ravi.page(&list).await.contains("User requested cancellation"));
        assert_eq!((services.balance("asha <b>").await, services.status(&other).await), (1_000, "pending".to_owned()));
        let moves = ravi.page(&format!("{base}transactions/")).await;
        assert!(moves.contains("Won") && moves.contains("refund") && moves.contains("-150 COIN"), "{moves}");
        assert!(ravi.page(&format!("{base}transactions/file.csv")).await.contains("refund,150,1000,"));
        assert_eq!(ravi.get(&format!("/portal/coins/{bina}/")).await.status, 404);
        let theirs = ravi.post(&format!("/portal/coins/{bina}/do/withdraw/"), &fields).await;
        assert_eq!(theirs.status, 404);
        act(&mut services.boss, USERS, "unlink", &[&user], &[]).await;
        assert_eq!(ravi.get(&base).await.status, 404);
    }
}
