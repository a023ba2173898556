//! Text that wants to be more than text: entered wherever somebody may enter something, and then every page, every
//! table and every mail is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use purser_kit::App;
use purser_notify::{Mailer, NoticeCatalog, NoticeDelivery, NoticeDeliverySetup};
use purser_outbox::{Outbox, Worker, WorkerLimits, WorkerSetup};
use purser_testkit::{FakeSmtp, TestDb, both};
use purser_web::AppSite;
use serde_json::json;

use crate::browser::{Browser, PASSWORD, hidden};
use crate::notices::settings;
use crate::program::{ApiClient, Installation};
use crate::test_site::TestSite;

/// A formula to a spreadsheet, an end of an attribute and of an element to a page, and a value to a template.
const TEXT: &str = "=1+1\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}&lt;b&gt;";

/// The same where it is shown as what it is.
const SHOWN: &str = "&#60;script&#62;alert(1)&#60;/script&#62;";

/// The members app beside the others.
fn with_members(place: &mut Vec<AppSite>, context: &purser_kit::AppContext) {
    let App { name, title, summary, scopes, codes, api, console, .. } =
        purser_members::app(context, purser_members::Settings::standard());
    place.push(AppSite { name, title, summary, scopes, codes, api, console });
}

/// What an action or a deed leads to.
async fn done(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> String {
    let sent = browser.post(path, fields).await;
    assert_eq!(sent.status, 303, "{path} {fields:?}: {}", sent.text);
    browser.page(&sent.sent_to).await
}

/// A deed of the portal: it asks, and is told yes.
async fn deed(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) {
    let asked = browser.post(path, fields).await;
    assert_eq!(asked.status, 200, "{path}: {}", asked.text);
    is_harmless(path, &asked.text);
    let once = hidden(&asked.text, "once");
    let sure = [&[("once", once.as_str()), ("sure", "yes"), ("proof_password", PASSWORD)], fields].concat();
    let sent = browser.post(path, &sure).await;
    assert!(sent.status == 303 || sent.status == 200, "{path}: {}", sent.text);
    is_harmless(path, &sent.text);
}

fn made(page: &str, resource: &str) -> String {
    let path = format!("/admin/{resource}/");
    let mut links = page.split(&path).skip(1).filter_map(|rest| rest.split('/').next());
    links.find(|id| id.len() == 36).expect("a link to what was made").to_owned()
}

/// Enters it everywhere: the seller that somebody acts for in the portal.
async fn enter_everywhere(place: &TestSite, asha: &mut Browser, meena: &mut Browser) -> String {
    let staff = ApiClient::at(&place.base, &crate::resellers::key(place, "charge.*", None).await);
    let fields = json!({ "name": TEXT, "email": "shop@example.com", "low_credit_alert": 1000 });
    let (status, seller) = staff.post("/api/sellers/", fields).await;
    assert_eq!(status, 201, "{seller}");
    let seller = seller["id"].as_str().unwrap().to_owned();
    let credit = [("action", "increase-credit"), ("id", &seller), ("amount", "500"), ("reference", TEXT)];
    done(asha, "/admin/charge/sellers/do/", &credit).await;
    let sells = [("action", "let-sell"), ("id", seller.as_str()), ("login", "meena")];
    done(asha, "/admin/charge/sellers/do/", &sells).await;
    let operator = [("action", "create"), ("name", TEXT), ("prefixes", "9810")];
    let operator = made(&done(asha, "/admin/charge/operators/do/", &operator).await, "charge/operators");
    let product = [
        ("action", "create"),
        ("operator_id", operator.as_str()),
        ("name", TEXT),
        ("low", "1"),
        ("high", "500"),
        ("cost", "97"),
    ];
    done(asha, "/admin/charge/products/do/", &product).await;
    let path = "/admin/house/new-key/";
    let key = asha.post(path, &[("label", TEXT), ("scope", "charge.read"), ("days", "30")]).await;
    is_harmless(path, &key.text);

    let portal = format!("/portal/charge/{seller}/");
    deed(
        meena,
        &format!("{portal}do/sell/"),
        &[("phone_number", "9810000001"), ("amount", "10"), ("client_ref", "till-<b>7")],
    )
    .await;
    deed(meena, &format!("{portal}do/ask/"), &[("amount", "10"), ("note", TEXT)]).await;
    deed(meena, &format!("{portal}do/ask/"), &[("amount", "20"), ("note", TEXT)]).await;
    deed(meena, &format!("{portal}do/make-key/"), &[("label", TEXT)]).await;
    let requests = asha.page("/admin/charge/requests/").await;
    let request = made(&requests, "charge/requests");
    let reject = [("action", "reject"), ("id", request.as_str()), ("reason", TEXT)];
    done(asha, "/admin/charge/requests/do/", &reject).await;

    let rest = ["last_name", "country", "address", "state", "city"].map(|name| (name, TEXT));
    let profile = [[("first_name", TEXT), ("mobile", ""), ("zip_code", "")].as_slice(), &rest].concat();
    for browser in [&mut *asha, &mut *meena] {
        let sent = browser.post("/accounts/profile/", &profile).await;
        assert!(sent.status == 303, "{}", sent.text);
    }

    let path = "/admin/members/members/do/";
    let mut last = String::new();
    for email in ["one@example.com", "two@example.com"] {
        let member = [("action", "create"), ("name", TEXT), ("email", email), ("wallet_balance", "50")];
        last = made(&done(asha, path, &member).await, "members/members");
    }
    done(asha, path, &[("action", "expire"), ("id", &last)]).await;
    seller
}

/// Nothing of it is anything but text.
fn is_harmless(path: &str, page: &str) {
    for live in ["<script>", "<img src=x", "\"'><", "&lt;b&gt;", "<b>7", "&#62;49", "&gt;49"] {
        assert!(!page.contains(live), "{path} has {live}: {page}");
    }
}

/// No cell begins a formula.
fn is_tame(path: &str, csv: &str) {
    for formula in ["\n=", ",=", "\"=", "\n+", ",+1", "\n@"] {
        assert!(!csv.contains(formula), "{path} has {formula:?}: {csv}");
    }
}

/// Pages of one kind differ in ids only.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let id = |part: &str| part.len() == 36 || part.parse::<u64>().is_ok();
    let parts: Vec<&str> = path.split('/').map(|part| if id(part) { "{}" } else { part }).collect();
    let action = query.split('&').find(|pair| pair.starts_with("action=")).unwrap_or_default();
    format!("{}?{action}", parts.join("/"))
}

/// Reads every kind of page that links lead to from here, twice; how often each shows the text.
async fn read_everything(browser: &Browser, from: &[&str]) -> BTreeMap<String, usize> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown = BTreeMap::new();
    let mut ahead: Vec<String> = from.iter().map(|path| (*path).to_owned()).collect();
    while let Some(path) = ahead.pop() {
        let page = browser.get(&path).await;
        if path.contains(".csv") {
            is_tame(&path, &page.text);
            continue;
        }
        if path.starts_with("/api/") {
            continue;
        }
        is_harmless(&path, &page.text);
        *shown.entry(kind(&path)).or_default() += page.text.matches(SHOWN).count();
        let links = page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.map(|link| link.replace("&#38;", "&")) {
            let link = if link.starts_with('?') { format!("{}{link}", path.split('?').next().unwrap()) } else { link };
            let times = kinds.entry(kind(&link)).or_default();
            if link.starts_with('/') && !link.starts_with("/assets/") && *times < 2 {
                *times += 1;
                ahead.push(link);
            }
        }
    }
    shown
}

fn all_shown(shown: &BTreeMap<String, usize>, kinds: &[&str]) {
    for kind in kinds {
        assert!(shown.get(*kind).is_some_and(|times| *times > 0), "{kind} does not show the text: {shown:#?}");
    }
}

/// A worker that tells whatever there is to tell, by mail.
fn teller(db: &TestDb, place: &TestSite, smtp: &FakeSmtp) -> Worker {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let charge =
        purser_charge::app(&place.context, purser_charge::Settings::standard(), purser_charge::Connector::Instant);
    let members = purser_members::app(&place.context, purser_members::Settings::standard());
    let kinds = [purser_web::SYSTEM_NOTICES, charge.notices, members.notices].concat();
    let post = NoticeDelivery::new(NoticeDeliverySetup {
        store: db.store(),
        clock: Arc::new(db.clock().clone()),
        texts: Arc::new(NoticeCatalog::new(kinds, "https://purser.example", "help@purser.example")),
        mail: Mailer::new(&settings(smtp)).unwrap(),
        telegram: None,
        webhook: None,
        sheets: None,
    });
    let jobs = charge.jobs.into_iter().chain(members.jobs);
    let setup = WorkerSetup {
        store: db.store(),
        clock: Arc::new(db.clock().clone()),
        owner: db.ids().next(),
        outbox: Outbox::default(),
        handlers: jobs.chain([post.handler(), post.bulk_handler()]).collect(),
        schedules: charge.schedules,
        zone: TimeZone::UTC,
        limits: WorkerLimits::default(),
    };
    Worker::new(setup).unwrap()
}

both! {
    async fn an_address_that_looks_like_another_is_refused_at_every_door(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve(&installation.key("*"));
        let caller = serving.caller();
        for (number, email) in [
            "a\u{200b}sha@example.com", "asha@exam\u{ad}ple.com", "asha＠example.com", "asha﹫example.com", "ａsha@example.com",
            "аsha@example.com", "asha..rao@example.com", ".asha@example.com", "asha@example..com", "asha@example.com.", "asha@-x.com",
            "asha@localhost", "asha@127.0.0.1", "asha@example.c", "asha\u{7}@example.com", "asha\n@example.com", "\u{202e}asha@example.com",
        ].into_iter().enumerate() {
            let seller = json!({ "name": format!("Shop {number}"), "email": email });
            let member = json!({ "name": "Asha", "email": email, "wallet_balance": 1 });
            let user = json!({ "user_id": "asha", "email": email });
            let answers = [
                caller.post("/api/sellers/", seller).await,
                caller.post("/api/members/", member).await,
                {
                    let sent = caller.send(reqwest::Method::PUT, "/api/coins/users/", Some(user)).await.unwrap();
                    (sent.status().as_u16(), sent.json().await.unwrap())
                },
            ];
            for (status, refused) in answers {
                assert_eq!((status, &refused["errors"]["email"][0]["code"]), (400, &json!("malformed")), "{email:?}: {refused}");
            }
        }
    }

    async fn a_text_is_a_text_on_every_page_in_every_table_and_in_every_mail(db: TestDb) {
        let context = crate::context(&db);
        let place = TestSite::shaped(&db, |faces, _| with_members(faces, &context)).await;
        let smtp = FakeSmtp::start().await;
        let mut teller = teller(&db, &place, &smtp);
        teller.run_due_once().await.unwrap();
        place.person("asha", "superuser", "").await;
        place.person("meena", "person", "").await;
        let (mut asha, mut meena) = (place.signed_in("asha").await, place.signed_in("meena").await);
        let seller = enter_everywhere(&place, &mut asha, &mut meena).await;

        let console = read_everything(&asha, &["/", "/admin/", "/admin/inbox/", "/accounts/"]).await;
        all_shown(&console, &[
            "/admin/charge/sellers/?", "/admin/charge/sellers/{}/?", "/admin/charge/operators/?",
            "/admin/charge/operators/{}/?", "/admin/charge/products/?", "/admin/charge/products/{}/?",
            "/admin/charge/requests/?", "/admin/charge/requests/{}/?", "/admin/charge/credit/?",
            "/admin/members/members/?", "/admin/members/members/{}/?", "/admin/members/expiries/?",
            "/admin/house/keys/?", "/admin/house/audit/{}/?", "/admin/house/people/{}/?", "/admin/inbox/?", "/accounts/?",
        ]);
        assert!(console.len() > 60, "the way there is lost: {console:#?}");
        let portal = read_everything(&meena, &["/portal/", &format!("/portal/charge/{seller}/"), "/accounts/"]).await;
        all_shown(&portal, &[
            "/portal/charge/{}/?", "/portal/charge/{}/requests/?", "/portal/charge/{}/keys/?", "/accounts/?",
        ]);

        for _ in 0..2 {
            db.clock().advance(SignedDuration::from_hours(24));
            teller.run_due_once().await.unwrap();
        }
        let mails = smtp.mails();
        let mut told: Vec<String> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
        told.sort();
        told.dedup();
        assert_eq!(told, ["one@example.com", "shop@example.com"], "{mails:?}");
        assert!(mails.len() >= 3, "low credit, a statement, an expiry: {}", mails.len());
        for mail in mails {
            let (text, html) = (mail.part("text/plain").unwrap(), mail.part("text/html").unwrap());
            is_harmless("a mail", &html);
            assert!(text.contains("<script>alert(1)</script>"), "the plain part says it as it is: {text}");
            assert!(text.contains("{{7*7}}"), "a name is no template: {text}");
            assert_eq!((mail.count("bcc"), mail.count("subject"), mail.to.len()), (0, 1, 1), "{}", mail.raw);
        }
    }

    async fn a_browser_that_calls_itself_something_hostile_is_shown_as_it_says(db: TestDb) {
        let place = TestSite::shaped(&db, |_, _| {}).await;
        place.person("meena", "person", "").await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().user_agent("<script>alert(1)</script>").build().unwrap();
        let form = format!("login=meena&password={}", PASSWORD.replace(' ', "+"));
        let request = client.post(format!("{}/accounts/login/", place.base));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        assert!(request.body(form).send().await.unwrap().status().as_u16() < 400);
        let page = place.signed_in("meena").await.page("/accounts/sessions/").await;
        is_harmless("/accounts/sessions/", &page);
        assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    }
}
