//! Clients behind proxies, by their own addresses.

use purser_testkit::{TestDb, both};
use purser_web::ConnectionLimits;
use serde_json::json;
use tokio::net::TcpListener;

use crate::program::{Installation, client};
use crate::test_site::{TestSite, TestSiteOptions};

/// Where the audit log says that its last line came from.
async fn last_address(db: &TestDb) -> Option<String> {
    let sql = "SELECT address FROM identity_audit ORDER BY id DESC LIMIT 1";
    let read: Result<_, purser_store::Error> = db.read(move |tx| tx.query_one(sql, &[], |row| row.get(0))).await;
    read.unwrap()
}

both! {
    async fn a_trusted_proxy_is_known_in_either_form_of_its_address(db: TestDb) {
        let listener = TcpListener::bind("[::]:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wish = TestSiteOptions { sign_up: true, second_factor: false };
        let trusted = |_: &mut Vec<_>, options: &mut purser_web::SiteOptions| {
            options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        };
        let place = TestSite::behind(&db, crate::context(&db), wish, (listener, ConnectionLimits::new(100)), trusted).await;
        let key = crate::resellers::key(&place, "charge.*", None).await;
        for (hops, from) in [
            ("203.0.113.7", "203.0.113.7"),
            ("6.6.6.6, ::ffff:203.0.113.8, 127.0.0.9", "203.0.113.8"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
        ] {
            let made = client().post(format!("http://127.0.0.1:{port}/api/sellers/")).bearer_auth(&key);
            let made = made.header("x-forwarded-for", hops).json(&json!({ "name": hops })).send().await.unwrap();
            assert_eq!(made.status(), 201);
            assert_eq!(last_address(&db).await.as_deref(), Some(from));
        }
    }

    async fn a_proxy_that_is_no_address_is_refused_by_name_at_the_start(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_TRUSTED_PROXIES", "10.0.0.0/8,10.0.0.0/33");
        let refused = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && told.contains("trusted_proxies: '10.0.0.0/33'"), "{told}");
    }
}
