//! Roles: who may see and do what, and who may say so.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};

use crate::browser::{Browser, PASSWORD, hidden};
use crate::test_site::{TestSite, TestSiteOptions};

const PEOPLE: &str = "/admin/house/people/";

async fn open(db: &TestDb) -> TestSite {
    TestSite::with(db, TestSiteOptions { sign_up: true, second_factor: false }).await
}

async fn seller(browser: &mut Browser) -> u16 {
    let fields =
        [("action", "create"), ("name", "Corner Shop"), ("email", ""), ("phone", ""), ("low_credit_alert", "")];
    browser.post("/admin/charge/sellers/do/", &fields).await.status
}

both! {
    async fn a_role_opens_its_own_pages_and_no_others(db: TestDb) {
        let place = open(&db).await;
        let pages = [
            ("/admin/", ["viewer", "operator", "approver", "auditor", "keeper"].as_slice()),
            ("/admin/charge/sellers/", &["viewer", "operator", "approver", "auditor"]),
            ("/admin/charge/sellers/export.csv", &["viewer", "operator", "approver", "auditor"]),
            ("/admin/charge/sellers/do/?action=create", &["operator"]),
            ("/admin/house/people/", &["auditor", "keeper"]),
            ("/admin/house/people/do/?action=invite", &["keeper"]),
            ("/admin/house/audit/", &["auditor", "keeper"]),
            ("/admin/house/new-key/", &["keeper"]),
            ("/admin/ledger/accounts/", &["auditor"]),
        ];
        let people = [("viewer", "charge.view"), ("operator", "charge.operate"), ("approver", "charge.approve"), ("auditor", "auditor"), ("keeper", "house.approve"), ("nobody", "")];
        for (name, roles) in people {
            place.person(name, "staff", roles).await;
            db.clock().advance(SignedDuration::from_mins(2));
            let mut browser = place.signed_in(name).await;
            for (path, allowed) in pages {
                let expected = if path == "/admin/" || allowed.contains(&name) { 200 } else { 403 };
                assert_eq!(browser.get(path).await.status, expected, "{name} {path}");
            }
            assert_eq!(seller(&mut browser).await, if name == "operator" { 303 } else { 403 }, "{name}");
        }
        place.person("former", "person", "charge.operate").await;
        db.clock().advance(SignedDuration::from_mins(2));
        assert_eq!(place.signed_in("former").await.get("/admin/charge/sellers/").await.status, 403, "roles are for staff");
    }

    async fn rights_are_given_by_those_who_have_them_and_end_what_was_open(db: TestDb) {
        let place = open(&db).await;
        let boss = place.person("boss", "superuser", "").await.to_string();
        place.person("keeper", "staff", "house.approve charge.view").await;
        let ravi = place.person("ravi", "staff", "charge.view").await.to_string();
        let (mut asha, mut keeper, old) =
            (place.signed_in("boss").await, place.signed_in("keeper").await, place.signed_in("ravi").await);
        let path = format!("{PEOPLE}do/");
        let access = |id: &str, kind: &str, role: &str| {
            [("action", "access"), ("id", id), ("kind", kind), ("roles[]", role), ("roles[]", "charge.view")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let send = async |browser: &mut Browser, fields: [(String, String); 5]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            browser.post(&path, &fields).await
        };
        let refused = send(&mut keeper, access(&ravi, "staff", "charge.operate")).await;
        assert!(refused.status == 403 && refused.text.contains("you do not have it yourself"), "{}", refused.text);
        assert_eq!(send(&mut keeper, access(&ravi, "superuser", "charge.view")).await.status, 403);
        assert_eq!(send(&mut keeper, access(&boss, "staff", "charge.view")).await.status, 403);
        assert_eq!(send(&mut keeper, access(&ravi, "staff", "house.view")).await.status, 303, "what one has, one gives");
        assert_eq!(old.get("/admin/").await.status, 303, "no session goes on with other rights");
        assert_eq!(send(&mut asha, access(&ravi, "staff", "charge.operate")).await.status, 303);
        let wrong = send(&mut asha, access(&ravi, "king", "charge.rule")).await;
        assert!(wrong.status == 400 && wrong.text.contains("kind-error") && wrong.text.contains("roles-error"), "{}", wrong.text);
        let last = send(&mut asha, access(&boss, "staff", "charge.view")).await;
        assert!(last.status == 409 && last.text.contains("last superuser"), "{}", last.text);
        let stop = [("action", "stop"), ("id", boss.as_str())];
        assert_eq!(asha.post(&path, &stop).await.status, 409, "nor may they be stopped");
        db.clock().advance(SignedDuration::from_mins(2));
        let mut new = place.signed_in("ravi").await;
        assert_eq!(seller(&mut new).await, 303);
        let page = asha.page(&format!("{PEOPLE}{ravi}/")).await;
        assert!(page.contains("Roles: charge.view house.view → charge.operate charge.view"), "before and after: {page}");
        let stop = [("action", "stop"), ("id", ravi.as_str())];
        assert_eq!(asha.post(&path, &stop).await.status, 303);
        assert_eq!(new.get("/admin/").await.status, 303);
        db.clock().advance(SignedDuration::from_mins(6));
        let closed = Browser::at(&place.base).post("/accounts/login/", &[("login", "ravi"), ("password", PASSWORD)]).await;
        assert_eq!(closed.status, 401);
    }

    async fn whoever_is_let_in_sets_their_own_password(db: TestDb) {
        let place = open(&db).await;
        place.person("boss", "superuser", "").await;
        let mut boss = place.signed_in("boss").await;
        let page = boss.page(&format!("{PEOPLE}do/?action=invite")).await;
        assert!(page.contains("charge.operate: ") && page.contains("auditor: "), "{page}");
        let path = format!("{PEOPLE}do/");
        let invite = [("action", "invite"), ("once", &hidden(&page, "once")), ("username", "dina"), ("email", "dina@example.com"), ("kind", "staff"), ("roles[]", "auditor")];
        assert!(boss.submit(&path, &invite).await.contains("dina may sign in"));
        let again = boss.post(&path, &[("action", "invite"), ("username", "DINA"), ("email", "x@example.com"), ("kind", "staff")]).await;
        assert!(again.status == 400 && again.text.contains("Somebody has this username"), "{}", again.text);
        let link = place.link("dina@example.com", "house.invited").await;
        db.clock().advance(SignedDuration::from_hours(71));
        let mut dina = Browser::at(&place.base);
        assert!(dina.post(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await.text.contains("is changed"));
        dina.sign_in("dina@example.com").await;
        assert!(dina.page("/accounts/").await.contains("confirmed"));
        assert_eq!(dina.get("/admin/charge/sellers/").await.status, 200);
        assert_eq!(seller(&mut dina).await, 403);
    }

    async fn a_session_alone_lets_no_money_leave_by_the_api(db: TestDb) {
        let place = open(&db).await;
        place.person("boss", "superuser", "").await;
        let mut boss = place.signed_in("boss").await;
        assert_eq!(seller(&mut boss).await, 303);
        let list = boss.page("/api/sellers/").await;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let id = list[0]["id"].as_str().unwrap();
        let give = async || {
            let url = format!("{}/api/sellers/{id}/increase_credit/", place.base);
            let request = crate::program::client().post(url).header("cookie", boss.cookie().unwrap());
            let answer = request.json(&serde_json::json!({ "amount": "5.00" })).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        assert_eq!(give().await.0, 200);
        db.clock().advance(SignedDuration::from_mins(15));
        let (status, text) = give().await;
        assert!(status == 403 && text.contains("proof_needed"), "{status} {text}");
        assert_eq!(boss.get("/api/sellers/").await.status, 200, "looking is not money");
    }

    async fn every_page_of_the_console_is_closed_to_whoever_has_no_right_to_it(db: TestDb) {
        let place = open(&db).await;
        for (name, kind) in [("boss", "superuser"), ("stranger", "person"), ("novice", "staff")] {
            place.person(name, kind, "").await;
        }
        let mut boss = place.signed_in("boss").await;
        assert_eq!(seller(&mut boss).await, 303);
        let pages = crawl(&boss).await;
        for known in ["/admin/charge/sellers/", "/admin/house/people/", "/admin/house/schedules/", "/admin/ledger/accounts/", "/admin/house/new-key/"] {
            assert!(pages.iter().any(|page| page == known), "{known}: {pages:?}");
        }
        assert!(pages.iter().any(|page| page.contains("/do/?action=increase-credit")), "{pages:?}");
        let (anybody, stranger, novice) =
            (Browser::at(&place.base), place.signed_in("stranger").await, place.signed_in("novice").await);
        for page in &pages {
            let sent = anybody.get(page).await;
            assert!(sent.status == 303 && sent.sent_to.starts_with("/accounts/login/?next="), "{page}: {}", sent.status);
            assert_eq!(stranger.get(page).await.status, 403, "{page}");
            // A first page and an inbox are for every member of staff, and show what each may see.
            let open = page == "/admin/" || page.starts_with("/admin/inbox/");
            assert_eq!(novice.get(page).await.status, if open { 200 } else { 403 }, "{page}");
        }
        assert!(!novice.page("/admin/").await.contains("/admin/charge/"), "nor does anything lead there");
    }
}

/// Every page of the console that links lead to; of a list in its many orders, one.
async fn crawl(browser: &Browser) -> Vec<String> {
    let mut found = vec!["/admin/".to_owned()];
    let mut next = 0;
    while next < found.len() && next < 400 {
        let base = found[next].split('?').next().unwrap().to_owned();
        let page = browser.get(&found[next]).await;
        assert!(page.status < 400, "{}: {} {}", found[next], page.status, page.text);
        next += 1;
        for link in page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let link = link.replace("&#38;", "&").replace("&amp;", "&");
            let link = if link.starts_with('?') { format!("{base}{link}") } else { link };
            if link.starts_with("/admin/") && !found.iter().any(|known| what(known) == what(&link)) {
                found.push(link);
            }
        }
    }
    assert_eq!(next, found.len(), "the console has more pages than this test has patience");
    found
}

/// A page but for how its list is ordered and narrowed: its path, and the action that it asks about.
fn what(link: &str) -> (&str, Option<&str>) {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    (path, query.split('&').find(|pair| pair.starts_with("action=")))
}
