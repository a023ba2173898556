//! What a start refuses by name, and what it offers beside the site.

use purser_testkit::{TestDb, both};
use serde_json::json;

use crate::program::{Installation, client};

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The figures, as Prometheus reads them.
async fn figures(address: &str) -> String {
    let response = client().get(address).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    response.text().await.unwrap()
}

both! {
    async fn a_metrics_port_that_is_taken_ends_the_start_unless_metrics_are_off(db: TestDb) {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let installation = Installation::new(&db).with("PURSER_METRICS_LISTEN", &address);
        let refused = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
        assert!(said(&refused).contains(&address) && said(&refused).contains("metrics_listen"), "{}", said(&refused));
        let installation = installation.with("PURSER_METRICS_LISTEN", "");
        let serving = installation.serve("");
        assert_eq!(serving.told("metrics on "), None);
        assert_eq!(serving.caller().get("/api/v1/health/").await.0, 200);
        let installation = installation.with("PURSER_METRICS_LISTEN", "9464");
        let wrong = installation.run(&["serve"]);
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
        let exposed = installation.with("PURSER_METRICS_LISTEN", "0.0.0.0:0").run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(exposed.status.code(), Some(2), "{}", said(&exposed));
        assert!(said(&exposed).contains("metrics_listen is 0.0.0.0:0"), "{}", said(&exposed));
    }

    async fn the_metrics_count_what_was_asked_on_a_port_of_their_own(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve(&installation.key("charge.*"));
        let address = serving.told("metrics on ").expect("the start says where they are").to_owned();
        for name in ["One", "Two"] {
            assert_eq!(serving.caller().post("/api/sellers/", json!({ "name": name })).await.0, 201);
        }
        assert_eq!(serving.caller().post("/api/sellers/", json!({})).await.0, 400);
        let text = figures(&address).await;
        let counted = |class: &str| {
            let line = text.lines().find(|line| {
                line.starts_with("purser_http_requests_total{") && line.contains("method=\"POST\"")
                    && line.contains("route=\"/api/sellers/\"") && line.contains(&format!("class=\"{class}\""))
            });
            line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
        };
        assert_eq!((counted("2xx").as_deref(), counted("4xx").as_deref()), (Some("2"), Some("1")), "{text}");
        let commands = r#"purser_commands_total{command="charge.sellers.create",outcome="done"} 2"#;
        assert!(text.contains(commands), "{text}");
        for name in ["purser_http_request_seconds_bucket", "purser_writes_waiting", "purser_reads_waiting", "# EOF"] {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert_eq!(serving.caller().get("/metrics").await.0, 404, "strangers on the site's own port see none");
    }

    async fn another_currency_than_that_of_the_books_is_refused_by_name(db: TestDb) {
        let installation = Installation::new(&db);
        let key = installation.key("charge.*");
        let in_dollars = installation.with("PURSER_CHARGE_CURRENCY", "USD");
        let serving = in_dollars.serve(&key);
        let (_, seller) = serving.caller().post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let path = format!("/api/sellers/{}/increase_credit/", seller["id"].as_str().unwrap());
        assert_eq!(serving.caller().post(&path, json!({ "amount": "10.00" })).await.0, 200);
        serving.kill();
        assert!(said(&in_dollars.run(&["doctor"])).contains("ok     fixed "));
        let in_rupees = in_dollars.with("PURSER_CHARGE_CURRENCY", "INR");
        for command in [["serve", "--listen=127.0.0.1:0"].as_slice(), &["worker"]] {
            let refused = in_rupees.run(command);
            assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
            let told = said(&refused);
            for word in ["charge.currency", "INR", "USD", "begin a new instance"] {
                assert!(told.contains(word), "{told}");
            }
        }
        let doctor = said(&in_rupees.run(&["doctor"]));
        assert!(doctor.contains("WRONG  fixed ") && doctor.contains("charge.currency is set to INR"), "{doctor}");
        let serving = in_rupees.with("PURSER_CHARGE_CURRENCY", "USD").serve(&key);
        assert_eq!(serving.caller().post(&path, json!({ "amount": "10.00" })).await.0, 200, "as before, it goes on");
    }

    async fn a_withdrawal_keeps_the_coin_value_of_its_moment_whatever_is_set_later(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_COINS_COIN_VALUE", "0.10");
        let key = installation.key("coins.*");
        let serving = installation.serve(&key);
        let award = json!({ "user_id": "asha", "amount": 500, "reason": "a survey", "reference": "s-1" });
        assert!([200, 201].contains(&serving.caller().post("/api/coins/award/", award).await.0));
        let ask = json!({ "user_id": "asha", "amount": 250, "upi_id": "asha@okhdfcbank" });
        let (status, asked) = serving.caller().post("/api/coins/withdrawals/", ask).await;
        assert!([200, 201].contains(&status), "{asked}");
        serving.kill();
        let dearer = installation.with("PURSER_COINS_COIN_VALUE", "0.25");
        let serving = dearer.serve(&key);
        let (status, list) = serving.caller().get("/api/coins/withdrawals/?user_id=asha").await;
        assert_eq!(status, 200, "{list}");
        assert!(list.to_string().contains("\"rupees_amount\":25.0"), "{list}");
    }
}
