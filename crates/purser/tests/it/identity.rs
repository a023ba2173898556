//! Who is asking: keys, people, sessions, the set-up link, rate limits, the audit log.

mod rates;

use jiff::SignedDuration;
use purser_identity::{
    ApiKey, AuditEvent, Email, Error, HashCost, NewApiKey, NewUser, PasswordHash, RequestOrigin, ResourceBinding,
    Scopes, Secret, SecretHash, Session, SessionRules, User, Username, api_key_by_hash, api_key_create, api_key_list,
    api_key_revoke, api_key_used, audit, audit_list, password_hash, password_set, password_verify, session_create,
    session_find, session_revoke, session_seen, sessions_revoke_all, setup_issue, setup_live, setup_redeem,
    superuser_exists, user_by_login, user_create, user_get,
};
use purser_store::{Error as StoreError, params};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn new_key(db: &TestDb) -> NewApiKey {
    NewApiKey {
        id: db.ids().next(),
        label: "the till".to_owned(),
        scopes: Scopes::parse("charge.*").unwrap(),
        binding: None,
        expires_at: None,
        created_by: "system:cli".to_owned(),
    }
}

async fn key_create(db: &TestDb, new: NewApiKey, hash: SecretHash) -> Result<(), Error> {
    let now = db.clock().now();
    db.write(move |tx| api_key_create(tx, now, &new, hash)).await
}

async fn key_find(db: &TestDb, hash: SecretHash) -> Option<ApiKey> {
    let now = db.clock().now();
    db.read(move |tx| api_key_by_hash(tx, now, hash)).await.unwrap()
}

async fn key_revoke(db: &TestDb, id: Uuid) -> Result<(), Error> {
    let now = db.clock().now();
    db.write(move |tx| api_key_revoke(tx, now, id, "user:asha")).await
}

fn hashed(password: &str) -> PasswordHash {
    password_hash(password, [7; 16], HashCost::for_tests()).unwrap()
}

/// A customer; not staff, and with a password.
fn asha(db: &TestDb) -> NewUser {
    NewUser {
        id: db.ids().next(),
        username: Username::parse("Asha").unwrap(),
        email: Email::parse("Asha@Example.com").unwrap(),
        first_name: "Asha".to_owned(),
        last_name: "Kumari".to_owned(),
        is_staff: false,
        is_superuser: false,
        password: Some(hashed("tidal-quarry-lantern")),
        actor: "system:cli".to_owned(),
    }
}

/// The same, with another name.
fn named(db: &TestDb, name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).unwrap(),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        ..asha(db)
    }
}

async fn known(db: &TestDb, new: NewUser) -> Result<User, Error> {
    let now = db.clock().now();
    db.write(move |tx| {
        user_create(tx, now, &new)?;
        user_get(tx, new.id)
    })
    .await
}

async fn by_login(db: &TestDb, login: &'static str) -> Option<(User, Option<PasswordHash>)> {
    db.read(move |tx| user_by_login(tx, login)).await.unwrap()
}

fn browser() -> RequestOrigin {
    RequestOrigin { address: "192.0.2.7".to_owned(), agent: "Firefox".to_owned() }
}

async fn sign_in(db: &TestDb, user: &User, random: u8) -> SecretHash {
    let (now, user, hash) = (db.clock().now(), user.clone(), Secret::session(&[random; 32]).hash());
    let created = db.write(move |tx| session_create(tx, now, hash, &user, &browser(), &SessionRules::default())).await;
    created.unwrap_or_else(|error: Error| panic!("signing in: {error}"));
    hash
}

async fn session(db: &TestDb, hash: SecretHash) -> Option<Session> {
    let now = db.clock().now();
    db.read(move |tx| session_find(tx, now, hash)).await.unwrap()
}

async fn seen(db: &TestDb, hash: SecretHash) {
    let now = db.clock().now();
    db.write(move |tx| session_seen(tx, now, hash)).await.unwrap();
}

async fn issue(db: &TestDb, random: u8) -> Result<SecretHash, Error> {
    let (now, hash) = (db.clock().now(), Secret::setup(&[random; 32]).hash());
    db.write(move |tx| setup_issue(tx, now, hash).map(|()| hash)).await
}

async fn is_live(db: &TestDb, hash: SecretHash) -> bool {
    let now = db.clock().now();
    db.read(move |tx| setup_live(tx, now, hash)).await.unwrap()
}

async fn redeem(db: &TestDb, hash: SecretHash, new: NewUser) -> Result<(), Error> {
    let now = db.clock().now();
    db.write(move |tx| setup_redeem(tx, now, hash, &new)).await
}

async fn note(db: &TestDb, subject: &'static str, detail: &'static str) -> Result<Uuid, Error> {
    let (now, id) = (db.clock().now(), db.ids().next());
    let event = AuditEvent { actor: "user:asha", action: "test.note", subject, address: Some("192.0.2.7"), detail };
    db.write(move |tx| Ok(audit(tx, now, id, &event).map(|()| id)?)).await
}

async fn count(db: &TestDb, table: &'static str) -> i64 {
    let counted = db.read(move |tx| tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.get(0)));
    counted.await.unwrap_or_else(|error: StoreError| panic!("counting {table}: {error}"))
}

both! {
    async fn a_key_is_found_by_its_secret_as_it_was_made(db: TestDb) {
        let secret = Secret::api_key(&[1; 32]);
        let binding = Some(ResourceBinding { kind: "charge:seller".to_owned(), id: db.ids().next() });
        let expires_at = Some(db.clock().now() + DAY);
        let new = NewApiKey { binding, expires_at, ..new_key(&db) };
        assert_eq!(key_create(&db, new.clone(), secret.hash()).await, Ok(()));
        let expected = ApiKey {
            id: new.id,
            label: new.label,
            scopes: new.scopes,
            binding: new.binding,
            created_by: new.created_by,
            created_at: db.clock().now(),
            maker: None,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        assert_eq!(key_find(&db, SecretHash::of(secret.expose())).await, Some(expected));
        assert_eq!(key_find(&db, Secret::api_key(&[2; 32]).hash()).await, None);
    }

    async fn a_key_opens_nothing_once_it_has_expired(db: TestDb) {
        let hash = Secret::api_key(&[1; 32]).hash();
        let new = NewApiKey { expires_at: Some(db.clock().now() + DAY), ..new_key(&db) };
        assert_eq!(key_create(&db, new, hash).await, Ok(()));
        db.clock().advance(DAY - SECOND);
        assert!(key_find(&db, hash).await.is_some());
        db.clock().advance(SECOND);
        assert_eq!(key_find(&db, hash).await, None);
    }

    async fn a_key_is_revoked_once_and_for_good(db: TestDb) {
        let hash = Secret::api_key(&[1; 32]).hash();
        let new = new_key(&db);
        assert_eq!(key_create(&db, new.clone(), hash).await, Ok(()));
        let revoked_at = db.clock().advance(SECOND);
        assert_eq!(key_revoke(&db, new.id).await, Ok(()));
        assert_eq!(key_find(&db, hash).await, None);
        db.clock().advance(SECOND);
        assert_eq!(key_revoke(&db, new.id).await, Err(Error::KeyRevoked));
        assert_eq!(key_revoke(&db, db.ids().next()).await, Err(Error::NoKey));
        let listed = db.read(|tx| api_key_list(tx, 10, None)).await.unwrap();
        assert_eq!(listed.iter().map(|key| (key.id, key.revoked_at)).collect::<Vec<_>>(), [(new.id, Some(revoked_at))]);
    }

    async fn keys_are_listed_newest_first(db: TestDb) {
        let mut ids = Vec::new();
        for random in 1..=3 {
            let new = new_key(&db);
            ids.insert(0, new.id);
            assert_eq!(key_create(&db, new, Secret::api_key(&[random; 32]).hash()).await, Ok(()));
            db.clock().advance(SECOND);
        }
        let listed = db.read(|tx| api_key_list(tx, 10, None)).await.unwrap();
        assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), ids);
    }

    async fn a_key_with_a_bad_label_tie_or_expiry_is_refused(db: TestDb) {
        let now = db.clock().now();
        let long = "x".repeat(101);
        let labels = ["", "two\nlines", "nul\0", long.as_str()];
        let bad_labels = labels.map(|label| NewApiKey { label: label.to_owned(), ..new_key(&db) });
        let binding = Some(ResourceBinding { kind: String::new(), id: db.ids().next() });
        let bad_tie = NewApiKey { binding, ..new_key(&db) };
        let bad_expiry = NewApiKey { expires_at: Some(now), ..new_key(&db) };
        for new in bad_labels.into_iter().chain([bad_tie, bad_expiry]) {
            let refused = key_create(&db, new, Secret::api_key(&[1; 32]).hash()).await;
            assert!(matches!(refused, Err(Error::BadField { .. })), "{refused:?}");
        }
        assert_eq!(count(&db, "identity_api_key").await, 0);
        let widest = NewApiKey { label: "आ".repeat(100), ..new_key(&db) };
        assert_eq!(key_create(&db, widest, Secret::api_key(&[1; 32]).hash()).await, Ok(()));
    }

    async fn a_key_s_last_use_never_moves_back(db: TestDb) {
        let hash = Secret::api_key(&[1; 32]).hash();
        let new = new_key(&db);
        let id = new.id;
        assert_eq!(key_create(&db, new, hash).await, Ok(()));
        let last = db.clock().now() + SECOND;
        for at in [last, last - SECOND] {
            db.write(move |tx| api_key_used(tx, id, at)).await.unwrap();
            assert_eq!(key_find(&db, hash).await.unwrap().last_used_at, Some(last));
        }
    }

    async fn a_person_is_found_by_username_or_email_in_any_case(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        assert_eq!((user.username.as_str(), user.email.as_str()), ("Asha", "Asha@Example.com"));
        assert_eq!((user.is_staff, user.is_superuser, user.is_active), (false, false, true));
        for login in ["Asha", "aSHA", "asha@example.COM"] {
            let (found, password) = by_login(&db, login).await.unwrap();
            assert_eq!(found, user, "{login}");
            assert!(password_verify("tidal-quarry-lantern", password.as_ref(), HashCost::for_tests()));
        }
    }

    async fn what_nobody_is_called_finds_nobody(db: TestDb) {
        known(&db, asha(&db)).await.unwrap();
        for login in ["", " ", "asha ", "ash", "asha@", "asha@example.org", "asha\0", "%", "' OR 1=1 --", "आशा"] {
            assert_eq!(by_login(&db, login).await, None, "{login:?}");
        }
    }

    async fn two_people_never_share_a_name_whatever_its_case(db: TestDb) {
        known(&db, asha(&db)).await.unwrap();
        let same_username = NewUser { username: Username::parse("aSHa").unwrap(), ..named(&db, "ravi") };
        assert_eq!(known(&db, same_username).await, Err(Error::UsernameTaken("aSHa".to_owned())));
        let same_email = NewUser { email: Email::parse("ASHA@example.com").unwrap(), ..named(&db, "ravi") };
        assert_eq!(known(&db, same_email).await, Err(Error::EmailTaken("ASHA@example.com".to_owned())));
        assert_eq!(count(&db, "identity_user").await, 1);
    }

    async fn of_many_who_want_a_name_at_once_one_gets_it(db: TestDb) {
        let tries: Vec<_> = (0..16).map(|_| {
            let (db, new) = (db.clone(), asha(&db));
            tokio::spawn(async move { known(&db, new).await })
        }).collect();
        let mut made = 0;
        for one in tries {
            match one.await.unwrap() {
                Ok(_) => made += 1,
                Err(error) => assert_eq!(error, Error::UsernameTaken("Asha".to_owned())),
            }
        }
        assert_eq!((made, count(&db, "identity_user").await), (1, 1));
    }

    async fn a_name_that_is_too_long_or_has_lines_is_refused(db: TestDb) {
        for name in ["x".repeat(151), "two\nlines".to_owned(), "nul\0".to_owned()] {
            let refused = known(&db, NewUser { first_name: name.clone(), ..asha(&db) }).await;
            assert!(matches!(refused, Err(Error::BadField { field: "the first name", .. })));
            let refused = known(&db, NewUser { last_name: name, ..asha(&db) }).await;
            assert!(matches!(refused, Err(Error::BadField { field: "the last name", .. })));
        }
    }

    async fn a_superuser_is_staff(db: TestDb) {
        assert_eq!(db.read(superuser_exists).await, Ok(false));
        known(&db, NewUser { is_staff: true, ..named(&db, "ravi") }).await.unwrap();
        assert_eq!(db.read(superuser_exists).await, Ok(false));
        let user = known(&db, NewUser { is_superuser: true, ..asha(&db) }).await.unwrap();
        assert_eq!((user.is_staff, user.is_superuser), (true, true));
        assert_eq!(db.read(superuser_exists).await, Ok(true));
    }

    async fn a_person_without_a_password_cannot_sign_in_with_one(db: TestDb) {
        known(&db, NewUser { password: None, ..asha(&db) }).await.unwrap();
        let (_, password) = by_login(&db, "asha").await.unwrap();
        assert_eq!(password, None);
        assert!(!password_verify("", password.as_ref(), HashCost::for_tests()));
    }

    async fn a_new_password_replaces_the_old_and_signs_out_everywhere(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let other = known(&db, named(&db, "ravi")).await.unwrap();
        let (one, two, of_other) = (sign_in(&db, &user, 1).await, sign_in(&db, &user, 2).await, sign_in(&db, &other, 3).await);
        let (now, id, new) = (db.clock().now(), user.id, hashed("granite-willow-echo"));
        db.write(move |tx| password_set(tx, now, id, &new, "system:cli")).await.unwrap();
        let (_, password) = by_login(&db, "asha").await.unwrap();
        assert!(password_verify("granite-willow-echo", password.as_ref(), HashCost::for_tests()));
        assert!(!password_verify("tidal-quarry-lantern", password.as_ref(), HashCost::for_tests()));
        assert_eq!((session(&db, one).await, session(&db, two).await), (None, None));
        assert!(session(&db, of_other).await.is_some());
    }

    async fn a_password_of_nobody_is_not_set(db: TestDb) {
        let (now, id) = (db.clock().now(), db.ids().next());
        let refused = db.write(move |tx| password_set(tx, now, id, &hashed("granite-willow-echo"), "system:cli")).await;
        assert_eq!(refused, Err(Error::NoUser(id)));
        assert_eq!(db.read(move |tx| user_get(tx, id)).await, Err(Error::NoUser(id)));
    }

    async fn a_session_says_who_is_signed_in_and_until_when(db: TestDb) {
        let now = db.clock().now();
        let user = known(&db, asha(&db)).await.unwrap();
        let hash = sign_in(&db, &user, 1).await;
        let expected = Session {
            user: User { last_seen_at: Some(now), ..user },
            created_at: now,
            last_seen_at: now,
            expires_at: now + DAY * 14,
            reauthenticated_at: now,
            decided_at: None,
            from: browser(),
            hash,
        };
        assert_eq!(session(&db, hash).await, Some(expected));
        assert_eq!(session(&db, Secret::session(&[2; 32]).hash()).await, None);
    }

    async fn a_session_that_goes_unused_ends(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let hash = sign_in(&db, &user, 1).await;
        db.clock().advance(DAY * 14 - SECOND);
        assert!(session(&db, hash).await.is_some());
        db.clock().advance(SECOND);
        assert_eq!(session(&db, hash).await, None);
    }

    async fn use_keeps_a_session_alive_but_not_for_ever(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let hash = sign_in(&db, &user, 1).await;
        for _ in 0..8 {
            let now = db.clock().advance(DAY * 11);
            seen(&db, hash).await;
            let session = session(&db, hash).await.unwrap();
            assert_eq!((session.last_seen_at, session.user.last_seen_at), (now, Some(now)));
        }
        db.clock().advance(DAY * 2);
        assert_eq!(session(&db, hash).await, None);
    }

    async fn staff_are_signed_out_after_eight_idle_hours_or_a_day(db: TestDb) {
        let hour = SignedDuration::from_hours(1);
        let user = known(&db, NewUser { is_staff: true, ..asha(&db) }).await.unwrap();
        let idle = sign_in(&db, &user, 1).await;
        let busy = sign_in(&db, &user, 2).await;
        db.clock().advance(hour * 7);
        seen(&db, busy).await;
        db.clock().advance(hour);
        assert_eq!(session(&db, idle).await, None);
        assert!(session(&db, busy).await.is_some());
        for _ in 0..2 {
            db.clock().advance(hour * 6);
            seen(&db, busy).await;
        }
        db.clock().advance(hour * 4 - SECOND);
        assert!(session(&db, busy).await.is_some());
        db.clock().advance(SECOND);
        assert_eq!(session(&db, busy).await, None);
    }

    async fn signing_out_ends_one_session_or_all(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let (one, two, three) = (sign_in(&db, &user, 1).await, sign_in(&db, &user, 2).await, sign_in(&db, &user, 3).await);
        let (now, id) = (db.clock().now(), user.id);
        db.write(move |tx| session_revoke(tx, now, one)).await.unwrap();
        assert_eq!(session(&db, one).await, None);
        assert!(session(&db, two).await.is_some());
        // Use does not bring it back.
        db.clock().advance(SECOND);
        seen(&db, one).await;
        assert_eq!(session(&db, one).await, None);
        db.write(move |tx| sessions_revoke_all(tx, now, id)).await.unwrap();
        assert_eq!((session(&db, two).await, session(&db, three).await), (None, None));
    }

    async fn signing_in_clears_away_what_had_ended(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let revoked = sign_in(&db, &user, 1).await;
        sign_in(&db, &user, 2).await;
        let now = db.clock().advance(DAY * 14);
        db.write(move |tx| session_revoke(tx, now, revoked)).await.unwrap();
        assert_eq!(count(&db, "identity_session").await, 2);
        sign_in(&db, &user, 3).await;
        sign_in(&db, &user, 4).await;
        assert_eq!(count(&db, "identity_session").await, 2);
    }

    async fn whoever_is_made_inactive_is_out_at_once(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let hash = sign_in(&db, &user, 1).await;
        let id = user.id;
        let sql = "UPDATE identity_user SET is_active = 0 WHERE id = ?1";
        assert_eq!(db.write(move |tx| tx.execute(sql, &params![id])).await, Ok(1));
        assert_eq!(session(&db, hash).await, None);
    }

    async fn a_browser_may_call_itself_what_it_likes(db: TestDb) {
        let user = known(&db, asha(&db)).await.unwrap();
        let (now, hash) = (db.clock().now(), Secret::session(&[1; 32]).hash());
        let from = RequestOrigin { address: "x".repeat(1_000), agent: format!("\0\n{}", "आ".repeat(1_000)) };
        let created = db.write(move |tx| session_create(tx, now, hash, &user, &from, &SessionRules::default())).await;
        assert_eq!(created, Ok::<(), Error>(()));
        let sql = "SELECT length(address), length(agent) FROM identity_session";
        let kept = db.read(move |tx| tx.query_one(sql, &[], |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))).await;
        assert_eq!(kept, Ok::<_, StoreError>((100, 300)));
    }

    async fn a_set_up_link_makes_one_superuser_once(db: TestDb) {
        let hash = issue(&db, 1).await.unwrap();
        assert!(is_live(&db, hash).await);
        assert!(!is_live(&db, Secret::setup(&[2; 32]).hash()).await);
        assert_eq!(redeem(&db, hash, asha(&db)).await, Ok(()));
        let (user, _) = by_login(&db, "asha").await.unwrap();
        assert_eq!((user.is_staff, user.is_superuser, user.is_active), (true, true, true));
        assert!(!is_live(&db, hash).await);
        assert_eq!(redeem(&db, hash, named(&db, "ravi")).await, Err(Error::SetupOver));
        assert_eq!(issue(&db, 3).await, Err(Error::SuperuserExists));
    }

    async fn of_many_who_use_a_set_up_link_at_once_one_succeeds(db: TestDb) {
        let hash = issue(&db, 1).await.unwrap();
        let tries: Vec<_> = (0..16).map(|n| {
            let (db, new) = (db.clone(), named(&db, &format!("user{n}")));
            tokio::spawn(async move { redeem(&db, hash, new).await })
        }).collect();
        let mut made = 0;
        for one in tries {
            match one.await.unwrap() {
                Ok(()) => made += 1,
                Err(error) => assert_eq!(error, Error::SetupOver),
            }
        }
        assert_eq!((made, count(&db, "identity_user").await), (1, 1));
    }

    async fn a_set_up_link_is_void_after_a_day_or_once_replaced(db: TestDb) {
        let old = issue(&db, 1).await.unwrap();
        db.clock().advance(DAY - SECOND);
        assert!(is_live(&db, old).await);
        db.clock().advance(SECOND);
        assert!(!is_live(&db, old).await);
        assert_eq!(redeem(&db, old, asha(&db)).await, Err(Error::SetupOver));
        let replaced = issue(&db, 2).await.unwrap();
        let new = issue(&db, 3).await.unwrap();
        assert_eq!(redeem(&db, replaced, asha(&db)).await, Err(Error::SetupOver));
        assert_eq!(redeem(&db, new, asha(&db)).await, Ok(()));
    }

    async fn a_set_up_link_is_void_while_there_is_a_superuser(db: TestDb) {
        let hash = issue(&db, 1).await.unwrap();
        known(&db, NewUser { is_superuser: true, ..asha(&db) }).await.unwrap();
        assert!(!is_live(&db, hash).await);
        assert_eq!(redeem(&db, hash, named(&db, "ravi")).await, Err(Error::SetupOver));
    }

    async fn a_set_up_that_is_refused_leaves_the_link_alive(db: TestDb) {
        known(&db, asha(&db)).await.unwrap();
        let hash = issue(&db, 1).await.unwrap();
        let refused = redeem(&db, hash, NewUser { password: None, ..named(&db, "ravi") }).await;
        assert!(matches!(refused, Err(Error::BadField { field: "the password", .. })));
        assert_eq!(redeem(&db, hash, asha(&db)).await, Err(Error::UsernameTaken("Asha".to_owned())));
        assert_eq!(redeem(&db, hash, named(&db, "ravi")).await, Ok(()));
    }

    async fn keys_are_listed_page_by_page(db: TestDb) {
        for number in 1..=5 {
            key_create(&db, new_key(&db), Secret::api_key(&[number; 32]).hash()).await.unwrap();
            // Two of them in the same moment.
            db.clock().advance(SECOND * i32::from(number % 2));
        }
        let all = db.read(|tx| api_key_list(tx, 10, None)).await.unwrap();
        let (mut before, mut paged) = (None, Vec::new());
        loop {
            let page = db.read(move |tx| api_key_list(tx, 2, before)).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.created_at, last.id));
            paged.extend(page);
        }
        assert_eq!((paged.len(), paged), (5, all));
    }

    async fn the_audit_log_reads_newest_first_page_by_page(db: TestDb) {
        let mut ids = Vec::new();
        for subject in ["one", "two", "three"] {
            ids.insert(0, note(&db, subject, r#"{"after": 1}"#).await.unwrap());
        }
        let page = db.read(|tx| audit_list(tx, None, 2)).await.unwrap();
        assert_eq!(page.iter().map(|line| line.id).collect::<Vec<_>>(), ids[..2]);
        let before = page[1].id;
        let rest = db.read(move |tx| audit_list(tx, Some(before), 2)).await.unwrap();
        assert_eq!(rest.len(), 1);
        let line = &rest[0];
        assert_eq!((line.id, line.at, line.actor.as_str()), (ids[2], db.clock().now(), "user:asha"));
        assert_eq!((line.action.as_str(), line.subject.as_str()), ("test.note", "one"));
        assert_eq!((line.address.as_deref(), line.detail.as_str()), (Some("192.0.2.7"), r#"{"after": 1}"#));
    }

    async fn nobody_edits_the_audit_log(db: TestDb) {
        note(&db, "one", "{}").await.unwrap();
        for sql in ["UPDATE identity_audit SET actor = 'user:nobody'", "DELETE FROM identity_audit"] {
            let refused = db.write(move |tx| tx.execute(sql, &[])).await;
            assert!(format!("{refused:?}").contains("append-only"), "{refused:?}");
        }
        assert_eq!(count(&db, "identity_audit").await, 1);
    }

    async fn an_audit_line_explains_itself_in_a_json_object_or_not_at_all(db: TestDb) {
        for detail in ["", "[]", "12", "{", "nonsense", r#""text""#] {
            let refused = note(&db, "one", detail).await;
            assert!(matches!(refused, Err(Error::Store(_))), "{detail}: {refused:?}");
        }
        assert_eq!(count(&db, "identity_audit").await, 0);
    }
}
