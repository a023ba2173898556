//! Deciding on many: choosing all that match, a report row by row, the inbox, and what waits next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use purser_charge::service::{NewRequest, NewSeller, SellerChange, request_create, seller_change, seller_create};
use purser_charge::{CallingCode, Error, LifecycleStatus, Settings};
use purser_money::{Currency, Money};
use purser_testkit::{Sqlite, TestDb, both};
use serde_json::json;
use uuid::Uuid;

use crate::browser::{Browser, hidden};
use crate::program::client;
use crate::test_site::{TestSite, TestSiteOptions, faces};

const REQUESTS: &str = "/admin/charge/requests/";
const DO: &str = "/admin/charge/requests/do/";

fn settings() -> Settings {
    let limit = Money::parse("10000.00", Currency::INR).unwrap();
    let country = CallingCode::parse("91").unwrap();
    Settings {
        currency: Currency::INR,
        max_sale: limit,
        max_increase: limit,
        country,
        max_increase_alone: None,
        only_known: false,
    }
}

/// Every page of the console counts what waits: among a million sales it must find the few without reading the others.
#[test]
fn what_waits_is_counted_by_an_index() {
    purser_testkit::run(Sqlite, crate::migrations(), by_an_index, crate::after);
}

async fn by_an_index(db: TestDb) {
    let mut looked = 0;
    for resource in faces(&crate::context(&db)).into_iter().flat_map(|face| face.console.resources) {
        let Some((filter, value)) = resource.inbox else { continue };
        let choices = resource.listing.filters.iter().find(|known| known.name == filter).unwrap().choices;
        let (.., waits) = choices.iter().find(|(known, ..)| *known == value).unwrap();
        let listing = resource.listing;
        let sql = format!("EXPLAIN QUERY PLAN SELECT {} FROM {} WHERE {waits} LIMIT 100", listing.id, listing.from);
        let plan = db.read(move |tx| tx.query(&sql, &[], |row| row.get::<String>(3))).await.unwrap();
        let by_index = |step: &String| !step.starts_with("SCAN") || step.contains(" USING ");
        assert!(!plan.is_empty() && plan.iter().all(by_index), "{}: {plan:?}", resource.name);
        looked += 1;
    }
    assert!(looked >= 3, "credit requests, sales and withdrawals wait for decisions");
}

/// A place with a superuser, asha; her id, and a browser in which she is signed in.
pub(crate) async fn desk(db: &TestDb) -> (TestSite, Uuid, Browser) {
    let place = TestSite::with(db, TestSiteOptions { sign_up: true, second_factor: false }).await;
    let asha = place.person("asha", "superuser", "").await;
    let browser = place.signed_in("asha").await;
    (place, asha, browser)
}

pub(crate) async fn seller(place: &TestSite, name: &str) -> Uuid {
    let (now, id) = place.context.stamp();
    let name = name.to_owned();
    let new = NewSeller { id, name, email: None, phone: None, low_credit_alert: None, language: Default::default() };
    place.db.write(move |tx| seller_create(tx, now, &settings(), &new)).await.unwrap();
    id
}

async fn freeze(place: &TestSite, seller: Uuid) {
    let now = place.context.now();
    let change = SellerChange { status: Some(LifecycleStatus::Frozen), ..SellerChange::default() };
    place.db.write(move |tx| seller_change(tx, now, &settings(), seller, &change)).await.unwrap();
}

/// Requests of ₹10.00 each, oldest first.
pub(crate) async fn ask(place: &TestSite, seller: Uuid, count: usize, asked_by: &str) -> Vec<Uuid> {
    let (now, ids): (_, Vec<Uuid>) = (place.context.now(), (0..count).map(|_| place.context.stamp().1).collect());
    let (asked, asked_by) = (ids.clone(), asked_by.to_owned());
    let made = place.db.write(move |tx| {
        for id in &asked {
            let amount = Money::parse("10.00", Currency::INR).unwrap();
            let new = NewRequest { id: *id, seller, amount, note: None, reference: None, asked_by: asked_by.clone() };
            request_create(tx, now, &settings(), &new)?;
        }
        Ok::<_, Error>(())
    });
    made.await.unwrap();
    ids
}

/// The ids that a page's form would send.
fn ids(page: &str) -> Vec<String> {
    let hidden = page.split("type=\"hidden\" name=\"id\" value=\"").skip(1);
    hidden.map(|rest| rest[..36].to_owned()).collect()
}

/// Does what a page shows, with more fields.
async fn go_on(browser: &mut Browser, page: &str, action: &str, more: &[(&str, &str)]) -> (String, String) {
    let (ids, once) = (ids(page), hidden(page, "once"));
    let mut fields = vec![("action", action), ("once", once.as_str())];
    fields.extend(ids.iter().map(|id| ("id", id.as_str())));
    fields.extend(more);
    let sent = browser.post(DO, &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    (browser.page(&sent.sent_to).await, sent.sent_to)
}

/// What the audit log says was done to these.
async fn recorded(place: &TestSite, ids: &[Uuid]) -> usize {
    let subjects: Vec<String> = ids.iter().map(|id| format!("charge:requests:{id}")).collect();
    let read = place.db.read(move |tx| {
        let mut count = 0;
        for subject in &subjects {
            count += purser_identity::audit_of(tx, subject, 10)?.len();
        }
        Ok::<_, purser_identity::Error>(count)
    });
    read.await.unwrap()
}

both! {
    async fn all_that_match_are_chosen_and_what_was_shown_is_what_is_done(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        let (corner, other) = (seller(&place, "Corner Shop").await, seller(&place, "Other Shop").await);
        ask(&place, corner, 60, "user:ravi").await;
        ask(&place, other, 3, "user:ravi").await;
        let list = asha.page(&format!("{REQUESTS}?status=pending&q=corner")).await;
        assert!(list.contains("Choose all 60 that match"), "{list}");
        assert!(list.contains("name=\"list\" value=\"status=pending&#38;q=corner\""), "{list}");
        let preview = asha.page(&format!("{DO}?action=reject&every=1&list=status%3Dpending%26q%3Dcorner")).await;
        assert!(preview.contains("₹600.00 in 60 requests will not be given."), "{preview}");
        assert!(preview.contains(">Reject: all 60</button>"), "{preview}");
        assert_eq!(ids(&preview).len(), 60);
        let late = ask(&place, corner, 1, "user:ravi").await;
        let more = [("reason", "no payment"), ("list", "status=pending&q=corner")];
        let (done, at) = go_on(&mut asha, &preview, "reject", &more).await;
        assert!(done.contains("60 requests rejected."), "{done}");
        assert!(done.contains("href=\"/admin/charge/requests/?status=pending&#38;q=corner\" autofocus"), "{done}");
        let report = asha.page(&format!("{}report.csv", at.split('?').next().unwrap())).await;
        assert_eq!(report.lines().count(), 61, "{report}");
        let left = asha.page(&format!("{REQUESTS}?status=pending&q=corner")).await;
        assert!(left.contains(&late[0].to_string()) && !left.contains("that match"), "what came later waits: {left}");
        let none = asha.get(&format!("{DO}?action=reject&every=1&list=status%3Dwithdrawn")).await;
        assert!(none.status == 400 && none.text.contains("Choose at least one credit request"), "{}", none.text);
    }

    async fn of_more_than_a_thousand_the_first_thousand_of_the_list_are_taken(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        let corner = seller(&place, "Corner Shop").await;
        let asked = ask(&place, corner, 1_002, "user:ravi").await;
        let list = asha.page(&format!("{REQUESTS}?status=pending")).await;
        assert!(list.contains("Choose the first 1,000 that match"), "{list}");
        let preview = asha.page(&format!("{DO}?action=approve&every=1&list=status%3Dpending")).await;
        assert!(preview.contains("More than 1,000 match") && preview.contains("₹10,000.00 in 1000 requests"), "{preview}");
        let chosen = ids(&preview);
        assert_eq!((chosen.len(), chosen.first()), (1_000, asked.last().map(Uuid::to_string).as_ref()), "newest first, as in the list");
        assert!(!preview.contains(&asked[1].to_string()), "the oldest are left for the next time");
        let (done, _) = go_on(&mut asha, &preview, "approve", &[]).await;
        assert!(done.contains("1000 requests approved") && !done.contains("each with its reason"), "{done}");
        let left = asha.page(&format!("{REQUESTS}?status=pending")).await;
        assert!(asked[..2].iter().all(|id| left.contains(&id.to_string())), "{left}");
        assert_eq!(left.matches("name=\"id\"").count(), 2);
    }

    async fn an_inbox_of_thousands_says_so(db: TestDb) {
        let (place, _, asha) = desk(&db).await;
        let corner = seller(&place, "Corner Shop").await;
        ask(&place, corner, 1_002, "user:ravi").await;
        let inbox = asha.page("/admin/inbox/").await;
        assert!(inbox.contains("The first 1,000 in this section") && inbox.contains("<strong>1,002</strong> waiting"), "{inbox}");
        assert!(inbox.contains("99+"), "{inbox}");
    }

    async fn a_page_of_hundreds_is_looked_at_by_a_form_and_nothing_is_done_yet(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        let corner = seller(&place, "Corner Shop").await;
        let asked = ask(&place, corner, 120, "user:ravi").await;
        let list = asha.page(&format!("{REQUESTS}?size=200&all=1")).await;
        assert!(list.contains("<form method=\"post\" action=\"/admin/charge/requests/do/\""), "{list}");
        assert!(list.contains("name=\"look\"") && list.matches(" checked").count() == 120, "{list}");
        assert!(list.contains("size=500") && !list.contains("that match"), "{list}");
        let ticked: Vec<String> = asked.iter().map(Uuid::to_string).collect();
        let mut fields = vec![("look", "1"), ("action", "approve"), ("list", "size=200")];
        fields.extend(ticked.iter().map(|id| ("id", id.as_str())));
        let preview = asha.post(DO, &fields).await;
        assert!(preview.status == 200 && preview.text.contains("₹1,200.00 in 120 requests will be given"), "{}", preview.text);
        assert!(asha.page(&format!("{REQUESTS}?status=approved")).await.contains("No credit request fits."));
        let nonsense = asha.page(&format!("{REQUESTS}?size=7")).await;
        assert_eq!(nonsense.matches("name=\"id\"").count(), 50);
    }

    async fn each_refused_row_says_why_and_the_others_are_done(db: TestDb) {
        let (place, me, mut asha) = desk(&db).await;
        let (corner, frozen) = (seller(&place, "Corner Shop").await, seller(&place, "Frozen Shop").await);
        let good = ask(&place, corner, 2, "user:ravi").await;
        let own = ask(&place, corner, 1, &format!("user:{me}")).await;
        let cold = ask(&place, frozen, 1, "user:ravi").await;
        freeze(&place, frozen).await;
        let all: Vec<Uuid> = [good.clone(), own.clone(), cold.clone()].concat();
        let address: String = all.iter().map(|id| format!("&id={id}")).collect();
        let preview = asha.page(&format!("{DO}?action=approve{address}")).await;
        assert!(preview.contains(">Approve: 2 of 4</button>"), "{preview}");
        assert!(preview.contains("₹20.00 in 2 requests will be given at once. 2 not, each with its reason."), "{preview}");
        assert!(preview.contains("Frozen Shop, ₹10.00") && preview.contains("The seller is frozen."), "{preview}");
        let (done, _) = go_on(&mut asha, &preview, "approve", &[]).await;
        assert!(done.contains("<h1>Done in part</h1>"), "{done}");
        assert!(done.contains("2 requests approved; the credit is there. 2 not, each with its reason."), "{done}");
        let (reason, row) = (done.find("You asked for this credit yourself").unwrap(), done.find("has ₹20.00 now").unwrap());
        assert!(reason < row, "refused rows come first: {done}");
        assert!(!done.contains("report.csv"), "four rows are read where they are");
        assert_eq!((recorded(&place, &good).await, recorded(&place, &own).await, recorded(&place, &cold).await), (2, 0, 0));
        // None of these can be done: there is nothing to press, and pressing does nothing.
        let address: String = good.iter().map(|id| format!("&id={id}")).collect();
        let preview = asha.page(&format!("{DO}?action=approve{address}")).await;
        assert!(preview.contains("Nothing can be done. 2 not") && !preview.contains(">Approve: "), "{preview}");
        let (done, _) = go_on(&mut asha, &preview, "approve", &[]).await;
        assert!(done.contains("<h1>Nothing was done</h1>") && done.contains("The credit request is approved already."), "{done}");
        assert_eq!(recorded(&place, &good).await, 2, "nothing new on record");
        // A single one is refused beside the form.
        let single = asha.post(DO, &[("action", "approve"), ("id", &own[0].to_string())]).await;
        assert!(single.status == 403 && single.text.contains("You asked for this credit yourself"), "{}", single.text);
    }

    async fn two_who_approve_the_same_at_once_give_the_credit_once(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        place.person("bela", "superuser", "").await;
        let corner = seller(&place, "Corner Shop").await;
        // The first credit of all opens the account that it comes from.
        let first = ask(&place, corner, 1, "user:ravi").await[0].to_string();
        assert_eq!(asha.post(DO, &[("action", "approve"), ("id", &first)]).await.status, 303);
        ask(&place, corner, 30, "user:ravi").await;
        let mut told = Vec::new();
        for name in ["asha", "bela"] {
            let mut browser = place.signed_in(name).await;
            let preview = browser.page(&format!("{DO}?every=1&list=status%3Dpending&action=approve")).await;
            told.push(async move { go_on(&mut browser, &preview, "approve", &[]).await.0 });
        }
        let told = told.into_iter().map(tokio::spawn).collect::<Vec<_>>();
        let mut approved = 0;
        for page in told {
            let page = page.await.unwrap();
            if page.contains("30 requests approved") {
                approved += 1;
            } else {
                assert!(page.contains("Nothing was done. 30 not") && page.contains("approved already"), "{page}");
            }
        }
        assert_eq!(approved, 1);
        let credit = asha.page(&format!("/admin/charge/sellers/{corner}/")).await;
        assert!(credit.contains("₹310.00") && !credit.contains("₹610.00"), "{credit}");
    }

    async fn hundreds_are_approved_while_sellers_go_on_selling(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        let busy = seller(&place, "Busy Shop").await;
        ask(&place, busy, 90, "user:ravi").await;
        let preview = asha.page(&format!("{DO}?every=1&list=status%3Dpending&action=approve")).await;
        go_on(&mut asha, &preview, "approve", &[]).await;
        for number in 0..30 {
            let other = seller(&place, &format!("Shop {number}")).await;
            ask(&place, other, 10, "user:ravi").await;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let selling = (0..2).map(|_| {
            let (is_over, cookie) = (Arc::clone(&is_over), asha.cookie().unwrap());
            let url = format!("{}/api/sellers/{busy}/sell_charge/", place.base);
            tokio::spawn(async move {
                let mut sold = 0_u32;
                while !is_over.load(Ordering::Relaxed) {
                    let body = json!({ "phone_number": "9876543210", "amount": "0.01" });
                    let sale = client().post(&url).header("cookie", &cookie).json(&body).send().await.unwrap();
                    assert_eq!(sale.status(), 200, "{:?}", sale.text().await);
                    sold += 1;
                }
                sold
            })
        });
        let selling: Vec<_> = selling.collect();
        let preview = asha.page(&format!("{DO}?every=1&list=status%3Dpending&action=approve")).await;
        let (done, _) = go_on(&mut asha, &preview, "approve", &[]).await;
        is_over.store(true, Ordering::Relaxed);
        assert!(done.contains("300 requests approved"), "{done}");
        for task in selling {
            assert!(task.await.unwrap() > 0, "sales went on");
        }
    }

    async fn the_inbox_counts_sums_and_decides_on_all_of_a_section(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        let empty = asha.page("/admin/inbox/").await;
        assert!(empty.contains("Nothing waits.") && !empty.contains("class=\"count\""), "{empty}");
        let corner = seller(&place, "Corner Shop").await;
        ask(&place, corner, 52, "user:ravi").await;
        db.clock().advance(SignedDuration::from_mins(3));
        ask(&place, corner, 2, "user:ravi").await;
        let inbox = asha.page("/admin/inbox/").await;
        assert!(inbox.contains("<strong>54</strong> waiting, <strong>₹540.00</strong> in all; the oldest since"), "{inbox}");
        assert!(inbox.contains("3 minutes ago") && inbox.contains("Everything in this section (54)"), "{inbox}");
        assert!(inbox.contains("54<span class=\"unseen\"> waiting</span>"), "{inbox}");
        assert_eq!(inbox.matches("name=\"id\"").count(), 50, "a page of them");
        assert!(asha.page("/admin/").await.contains("<span class=\"figure\">54</span> Credit requests"));
        let preview = asha.page(&format!("{DO}?every=1&list=status%3Dpending&way=inbox&action=approve")).await;
        let (done, at) = go_on(&mut asha, &preview, "approve", &[("list", "status=pending"), ("way", "inbox")]).await;
        assert!(at.ends_with("/?list=status%3Dpending&way=inbox"), "{at}");
        assert!(done.contains("54 requests approved") && done.contains("href=\"/admin/inbox/\" autofocus"), "{done}");
        assert!(asha.page("/admin/inbox/").await.contains("Nothing waits."));
    }

    async fn the_inbox_shows_nobody_what_they_may_not_see_or_do(db: TestDb) {
        let (place, _, _) = desk(&db).await;
        let corner = seller(&place, "Corner Shop").await;
        ask(&place, corner, 2, "user:ravi").await;
        place.person("novice", "staff", "").await;
        place.person("viewer", "staff", "charge.view").await;
        let (novice, viewer) = (place.signed_in("novice").await, place.signed_in("viewer").await);
        let page = novice.page("/admin/inbox/").await;
        assert!(page.contains("Nothing waits.") && !page.contains("class=\"count\""), "{page}");
        let page = viewer.page("/admin/inbox/").await;
        assert!(page.contains("Corner Shop") && !page.contains("name=\"action\""), "who only looks has nothing to tick: {page}");
        for stranger in [&novice, &viewer] {
            assert_eq!(stranger.get(&format!("{DO}?every=1&list=status%3Dpending&action=approve")).await.status, 403);
        }
    }

    async fn after_one_decision_the_next_that_waits_is_offered(db: TestDb) {
        let (place, _, mut asha) = desk(&db).await;
        let corner = seller(&place, "Corner Shop").await;
        let asked = ask(&place, corner, 2, "user:ravi").await;
        for (index, id) in asked.iter().enumerate() {
            let object = asha.page(&format!("{REQUESTS}{id}/?list=status%3Dpending&way=inbox")).await;
            let way = format!("do/?action=approve&#38;id={id}&#38;list=status%3Dpending&#38;way=inbox");
            assert!(object.contains(&way), "{object}");
            let preview = asha.page(&format!("{DO}?action=approve&id={id}&way=inbox")).await;
            let (done, _) = go_on(&mut asha, &preview, "approve", &[("way", "inbox")]).await;
            let next = format!("href=\"{REQUESTS}{}/?way=inbox\" autofocus", asked[1]);
            assert_eq!(done.contains("Next one that waits"), index == 0, "{done}");
            assert_eq!(done.contains(&next), index == 0, "{done}");
        }
    }
}
