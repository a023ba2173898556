//! Every door asks the same of a session: what moves money or hands on power takes a recent reauthentication, and of staff
//! a second factor. These tests walk all routes, actions, portal actions, uploads and forms; one that nobody classified fails them.

mod keys;
mod persons;
mod refusals;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use purser_identity::Right;
use purser_kit::Effect;
use purser_store::params;
use purser_testkit::{TestDb, both};
use reqwest::Method;
use uuid::Uuid;

use crate::browser::{Browser, PASSWORD};
use crate::program::client;
use crate::test_site::TestSite;

/// How long a reauthentication lasts from the last decision.
const LASTS: SignedDuration = SignedDuration::from_mins(15);

/// What a page says where the password is asked for, and where a second factor must be set up first.
const PROVE: &str = "Prove that it is you";
const ENROLL: &str = "This needs a second factor";

/// Gives somebody a second factor, as if they had set one up.
pub(crate) async fn second_factor(db: &TestDb, person: Uuid) {
    let now = db.clock().now();
    let sql = "INSERT INTO identity_totp (person, sealed, created_at, confirmed_at) VALUES (?1, ?2, ?3, ?3)";
    db.write(move |tx| tx.execute(sql, &params![person, &[7_u8; 60][..], now])).await.unwrap();
}

async fn first(db: &TestDb, sql: String) -> Option<Uuid> {
    db.read(move |tx| tx.query_opt(&sql, &[], |row| row.get::<Uuid>(0))).await.unwrap()
}

/// Three sessions of superusers: an old one, one without a second factor, and one that lacks nothing.
struct Sessions {
    stale: Browser,
    bare: Browser,
    fresh: Browser,
}

impl Sessions {
    async fn open(place: &TestSite) -> (Sessions, Uuid) {
        let (boss, other) =
            (place.person("boss", "superuser", "").await, place.person("novice", "superuser", "").await);
        let stale = place.signed_in("boss").await;
        place.db.clock().advance(LASTS);
        let (fresh, bare) = (place.signed_in("boss").await, place.signed_in("novice").await);
        second_factor(&place.db, boss).await;
        let _ = other;
        (Sessions { stale, bare, fresh }, boss)
    }
}

/// The status and the text of an answer of the API to a session.
async fn call(place: &TestSite, browser: &Browser, method: &Method, path: &str) -> (u16, String) {
    let path = path.replace("{id}", &Uuid::nil().to_string()).replace("{client_ref}", "x");
    let request = client().request(method.clone(), format!("{}{path}", place.base));
    let request = request.header("cookie", browser.cookie().unwrap()).json(&serde_json::json!({}));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

both! {
    async fn every_route_that_changes_something_says_what_it_does_and_asks_a_session_for_it(db: TestDb) {
        let place = TestSite::furnished(&db, |_| {}).await;
        let (sessions, _) = Sessions::open(&place).await;
        let mut walked = 0;
        for route in place.table.iter().filter(|route| !route.method.is_safe()) {
            let name = format!("{} {}", route.method, route.path);
            let Some(command) = route.command else {
                assert_eq!(name, "POST /api/charge-callbacks/http/", "it is signed; any other route names its command");
                continue;
            };
            let (old, bare, fresh) = (
                call(&place, &sessions.stale, &route.method, &route.path).await,
                call(&place, &sessions.bare, &route.method, &route.path).await,
                call(&place, &sessions.fresh, &route.method, &route.path).await,
            );
            if command.requires_reauth() {
                assert!(old.0 == 403 && old.1.contains("proof_needed"), "{name}: {old:?}");
                assert!(bare.0 == 403 && bare.1.contains("second_factor_needed"), "{name}: {bare:?}");
            }
            for (status, text) in [&old, &bare, &fresh] {
                let lacks = text.contains("proof_needed") || text.contains("second_factor_needed");
                assert!(!lacks || (*status == 403 && command.requires_reauth()), "{name}: {text}");
            }
            assert!(!fresh.1.contains("_needed"), "{name}: {fresh:?}");
            walked += 1;
        }
        assert!(walked > 30, "{walked}");
    }

    async fn what_takes_the_right_to_approve_requires_a_reauthentication_and_each_scope_is_known(db: TestDb) {
        let place = TestSite::furnished(&db, |_| {}).await;
        let routes = place.table.iter().filter_map(|route| route.command);
        let commands: BTreeMap<&str, _> =
            place.doors.iter().flat_map(|door| door.commands.iter().copied()).chain(routes).map(|it| (it.name, it)).collect();
        for command in commands.values() {
            let scope = crate::scopes().into_iter().find(|scope| scope.name == command.scope);
            let scope = scope.unwrap_or_else(|| panic!("{}: nobody knows {}", command.name, command.scope));
            assert!(scope.right != Right::Approve || command.requires_reauth(), "{}", command.name);
            assert_ne!(scope.right, Right::View, "{}", command.name);
        }
        // What no money depends on and nobody's power: a new one is thought about, and then added here.
        let records: BTreeSet<&str> =
            commands.values().filter(|command| command.effect == Effect::Records).map(|command| command.name).collect();
        let expected = [
            "charge.phone-numbers.create", "charge.phone-numbers.remove", "charge.requests.create",
            "charge.requests.withdraw", "charge.sellers.create", "charge.sellers.remove",
            "coins.users.contact", "coins.withdrawals.notes", "house.job.discard", "house.job.requeue",
            "house.notice.again", "house.notice.send-kept", "house.notice.test", "house.schedule.run",
            "house.text.change", "members.members.edit",
        ];
        assert_eq!(records, BTreeSet::from(expected));
        let own: BTreeSet<&str> =
            place.doors.iter().filter(|door| door.own.is_some()).map(|door| door.path.as_str()).collect();
        assert!(own.iter().all(|path| path.starts_with("/accounts/")), "{own:?}");
    }

    async fn every_action_of_the_console_asks_a_session_for_what_it_requires(db: TestDb) {
        let mut tables = BTreeMap::new();
        let place = TestSite::furnished(&db, |faces| {
            for face in faces {
                for resource in &face.console.resources {
                    let sql = format!("SELECT {} FROM {} LIMIT 1", resource.listing.id, resource.listing.from);
                    tables.insert(format!("/admin/{}/{}/do/?action=", face.name, resource.name), sql);
                }
            }
        })
        .await;
        let (mut sessions, _) = Sessions::open(&place).await;
        let key = sessions.fresh.post("/admin/house/new-key/", &[("label", "till"), ("scope", "charge.sell")]).await;
        assert_eq!(key.status, 200, "{}", key.text);
        for (name, table) in [("people", "identity_user"), ("keys", "identity_api_key"), ("notices", "outbox_notice")] {
            tables.insert(format!("/admin/house/{name}/do/?action="), format!("SELECT id FROM {table} LIMIT 1"));
        }
        let mut walked = 0;
        for door in place.doors.iter().filter(|door| door.path.contains("/do/?action=")) {
            let command = door.commands[0];
            let (base, action) = door.path.split_once("?action=").unwrap();
            let ask = async |browser: &mut Browser, fields: &[(&str, &str)]| {
                let fields: Vec<(&str, &str)> = [("action", action)].into_iter().chain(fields.iter().copied()).collect();
                browser.post(base, &fields).await
            };
            if !command.requires_reauth() {
                continue;
            }
            // One that makes something takes no object; all others one.
            let none = ask(&mut sessions.stale, &[]).await;
            let sql = tables.get(&format!("{base}?action=")).unwrap_or_else(|| panic!("{base}: no table")).clone();
            let id = first(&db, sql).await;
            assert!(none.status != 400 || id.is_some(), "{base}: the demo has none");
            let id = id.unwrap_or_default().to_string();
            let fields: &[(&str, &str)] = if none.status == 400 { &[("id", &id)] } else { &[] };
            let old = ask(&mut sessions.stale, fields).await;
            assert!(old.status == 403 && old.text.contains(PROVE), "{}: {} {}", door.path, old.status, old.text);
            let bare = ask(&mut sessions.bare, fields).await;
            assert!(bare.status == 403 && bare.text.contains(ENROLL), "{}: {} {}", door.path, bare.status, bare.text);
            let id = if fields.is_empty() { String::new() } else { format!("&id={id}") };
            let page = sessions.fresh.page(&format!("{}{id}", door.path)).await;
            assert!(!page.contains(PROVE) && !page.contains(ENROLL), "{}", door.path);
            walked += 1;
        }
        assert!(walked > 30, "{walked}");
    }

    async fn uploads_and_the_console_s_own_forms_ask_a_session_too(db: TestDb) {
        let place = TestSite::furnished(&db, |_| {}).await;
        let (mut sessions, _) = Sessions::open(&place).await;
        for door in place.doors.iter().filter(|door| door.path.contains("/import/")) {
            let template = sessions.fresh.page(&format!("{}template.csv", door.path)).await;
            let checked = sessions.fresh.upload(&format!("{}check/", door.path), "file", "a.csv", template.as_bytes()).await;
            assert_eq!(checked.status, 303, "{}: {}", door.path, checked.text);
            let commit = format!("{}commit/", checked.sent_to);
            let (old, bare) = (sessions.stale.post(&commit, &[]).await, sessions.bare.post(&commit, &[]).await);
            assert_eq!((old.status, bare.status), (403, 403), "{}", door.path);
            assert!(!sessions.fresh.page(&checked.sent_to).await.contains(PROVE), "{}", door.path);
        }
        let forms = [
            ("/admin/house/new-key/", vec![("label", "till"), ("scope", "charge.sell")]),
            ("/admin/house/texts/house.password-reset/email/en/", vec![("do", "reset")]),
        ];
        for (path, fields) in forms {
            let old = sessions.stale.post(path, &fields).await;
            assert!(old.status == 403 && old.text.contains(PROVE), "{path}: {} {}", old.status, old.text);
            let bare = sessions.bare.post(path, &fields).await;
            assert!(bare.status == 403 && bare.text.contains(ENROLL), "{path}: {} {}", bare.status, bare.text);
            let fresh = sessions.fresh.post(path, &fields).await;
            assert!(fresh.status < 400, "{path}: {} {}", fresh.status, fresh.text);
        }
        let known = ["/admin/house/backups/", "/admin/house/new-key/", "/admin/house/schedules/", "/admin/house/texts/{kind}/{channel}/{language}/"];
        let own: Vec<&str> = place.doors.iter().map(|door| door.path.as_str()).filter(|path| path.starts_with("/admin/house/") && !path.contains("/do/")).collect();
        assert_eq!(own, known, "a form of the console is tried here");
    }

    async fn every_deed_of_the_portal_asks_a_session_for_what_it_requires(db: TestDb) {
        let place = TestSite::furnished(&db, |_| {}).await;
        let (mut sessions, boss) = Sessions::open(&place).await;
        let novice = first(&db, "SELECT id FROM identity_user WHERE username = 'novice'".to_owned()).await.unwrap();
        let meena = place.person("meena", "person", "").await;
        let seller = first(&db, "SELECT id FROM charge_seller WHERE status = 'active' LIMIT 1".to_owned()).await.unwrap();
        let now = db.clock().now();
        for person in [boss, novice, meena] {
            let sql = "INSERT INTO charge_seller_person (seller, person, created_at, created_by) VALUES (?1, ?2, ?3, 'test')";
            db.write(move |tx| tx.execute(sql, &params![seller, person, now])).await.unwrap();
        }
        let user = first(&db, "SELECT owner FROM coins_withdrawal WHERE status = 'pending' LIMIT 1".to_owned()).await.unwrap();
        let withdrawal = first(&db, "SELECT id FROM coins_withdrawal WHERE status = 'pending' LIMIT 1".to_owned()).await.unwrap().to_string();
        let link = async |person: Uuid| {
            let sql = "UPDATE coins_user SET person = ?2 WHERE id = ?1";
            db.write(move |tx| tx.execute(sql, &params![user, person])).await.unwrap();
        };
        let made = sessions.fresh.post(&format!("/portal/charge/{seller}/do/make-key/"), &[("label", "till"), ("sure", "yes"), ("once", &Uuid::from_u128(7).to_string())]).await;
        assert!(made.text.contains("pk_"), "{} {}", made.status, made.text);
        let key = first(&db, "SELECT id FROM identity_api_key WHERE maker IS NOT NULL LIMIT 1".to_owned()).await.unwrap().to_string();
        let (mut walked, mut once) = (0, 100);
        for door in place.doors.iter().filter(|door| door.path.starts_with("/portal/")) {
            let command = door.commands[0];
            let object = if door.path.contains("/charge/") { seller } else { user };
            let path = door.path.replace("{object}", &object.to_string());
            let target = match path.rsplit('/').nth(1).unwrap() {
                "revoke-key" => Some(key.as_str()),
                "cancel" => Some(withdrawal.as_str()),
                _ => None,
            };
            once += 1;
            let once = Uuid::from_u128(once).to_string();
            let fields = [
                ("sure", "yes"), ("once", once.as_str()), ("phone_number", "9876543210"), ("amount", "100"), ("label", "till"),
                ("upi_id", "meena@okhdfcbank"),
            ];
            let target = target.map(|id| ("id", id));
            let fields: Vec<(&str, &str)> = fields.into_iter().chain(target).collect();
            if !command.requires_reauth() {
                continue;
            }
            link(boss).await;
            let old = sessions.stale.post(&path, &fields).await;
            assert_eq!(old.status, 403, "{path}: {}", old.text);
            link(novice).await;
            let bare = sessions.bare.post(&path, &fields).await;
            assert_eq!(bare.status, 403, "{path}: {}", bare.text);
            link(boss).await;
            let fresh = sessions.fresh.post(&path, &fields).await;
            assert!(fresh.status < 403, "{path}: {} {}", fresh.status, fresh.text);
            walked += 1;
        }
        assert_eq!(walked, 5, "sell, make-key, revoke-key, withdraw, cancel");
        // Whoever is no staff needs no second factor, and the same reauthentication.
        let mut meena = place.signed_in("meena").await;
        let sell = format!("/portal/charge/{seller}/do/sell/");
        let once = Uuid::from_u128(500).to_string();
        let fields = [("sure", "yes"), ("once", once.as_str()), ("phone_number", "9876543211"), ("amount", "1")];
        db.clock().advance(LASTS);
        assert_eq!(meena.post(&sell, &fields).await.status, 403);
        let proved = [fields.as_slice(), &[("proof_password", PASSWORD)]].concat();
        let sold = meena.post(&sell, &proved).await;
        assert!(sold.status == 303 || sold.text.contains("does not cover"), "{} {}", sold.status, sold.text);
    }

    async fn a_reauthentication_lasts_from_the_last_decision_and_eight_hours_at_most(db: TestDb) {
        let place = crate::test_site::TestSite::with(&db, crate::test_site::TestSiteOptions { sign_up: true, second_factor: false }).await;
        place.person("boss", "superuser", "").await;
        let mut boss = place.signed_in("boss").await;
        let made = boss.post("/admin/charge/sellers/do/", &[("action", "create"), ("name", "Corner Shop")]).await;
        assert_eq!(made.status, 303, "{}", made.text);
        let id = first(&db, "SELECT id FROM charge_seller".to_owned()).await.unwrap();
        let give = async || {
            let request = client().post(format!("{}/api/sellers/{id}/increase_credit/", place.base));
            let request = request.header("cookie", boss.cookie().unwrap());
            request.json(&serde_json::json!({ "amount": "5.00" })).send().await.unwrap().status().as_u16()
        };
        for _ in 0..47 {
            assert_eq!(give().await, 200);
            db.clock().advance(SignedDuration::from_mins(10));
        }
        assert_eq!(give().await, 200, "seven hours and fifty minutes");
        db.clock().advance(SignedDuration::from_mins(10));
        assert_eq!(give().await, 403, "eight hours are the most");
    }
}
