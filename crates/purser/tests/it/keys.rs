//! API keys at the edge: believed for a moment, and no longer.

use jiff::SignedDuration;
use purser_identity::{NewApiKey, Scopes, Secret, api_key_create, api_key_list, api_key_revoke};
use purser_kit::{AppContext, authenticate};
use purser_testkit::{TestDb, both};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use uuid::Uuid;

/// For how long a copy of the program may still believe a key that another has revoked.
const TRUST: SignedDuration = SignedDuration::from_secs(2);

async fn key(db: &TestDb, expires_in: Option<SignedDuration>) -> (Uuid, HeaderMap) {
    let (id, now, secret) = (db.ids().next(), db.clock().now(), Secret::api_key(&[7; 32]));
    let (label, created_by) = ("till".to_owned(), "test".to_owned());
    let expires_at = expires_in.map(|length| now + length);
    let new = NewApiKey { id, label, scopes: Scopes::everything(), binding: None, expires_at, created_by };
    let hash = secret.hash();
    db.write(move |tx| api_key_create(tx, now, &new, hash)).await.expect("making a key");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {}", secret.expose()).parse().expect("a header"));
    (id, headers)
}

async fn opens(context: &AppContext, headers: &HeaderMap) -> bool {
    authenticate(context, headers).await.is_ok()
}

both! {
    async fn a_revoked_key_opens_nothing_after_two_seconds_wherever_it_was_used(db: TestDb) {
        let (id, headers) = key(&db, None).await;
        let (here, elsewhere) = (crate::context(&db), crate::context(&db));
        assert!(opens(&here, &headers).await && opens(&elsewhere, &headers).await);
        let now = db.clock().now();
        db.write(move |tx| api_key_revoke(tx, now, id, "test")).await.expect("revoking");
        here.keys.clear();
        assert!(!opens(&here, &headers).await, "at once where it was revoked");
        db.clock().advance(TRUST);
        assert!(!opens(&elsewhere, &headers).await, "and within two seconds everywhere else");
    }

    async fn a_key_ends_at_its_moment_even_while_it_is_believed(db: TestDb) {
        let (_, headers) = key(&db, Some(SignedDuration::from_secs(1))).await;
        let context = crate::context(&db);
        assert!(opens(&context, &headers).await);
        db.clock().advance(SignedDuration::from_secs(1));
        assert!(!opens(&context, &headers).await);
    }

    async fn a_key_s_use_is_on_record(db: TestDb) {
        let (id, headers) = key(&db, None).await;
        assert!(opens(&crate::context(&db), &headers).await);
        // The record is written beside the request, so it is there a moment later.
        let mut used = None;
        while used.is_none() {
            let keys = db.read(|tx| api_key_list(tx, 100, None)).await.expect("the keys");
            used = keys.iter().find(|key| key.id == id).and_then(|key| key.last_used_at);
        }
        assert_eq!(used, Some(db.clock().now()));
    }
}
