//! The program killed at any moment loses nothing that it acknowledged, and does nothing twice or by half.

use std::sync::Arc;

use purser_testkit::{TestDb, both};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::program::{ApiClient, Installation};

/// Kills in one run, on each engine.
const KILLS: usize = 20;

const CLIENTS: usize = 8;

/// A sale that was acknowledged.
struct AcknowledgedSale {
    client_ref: String,
    sale: String,
}

/// Sells one sale after another until the server is gone, and says which were acknowledged.
async fn sell(caller: ApiClient, seller: String, name: String, acknowledged: Arc<Semaphore>) -> Vec<AcknowledgedSale> {
    let mut sold = Vec::new();
    loop {
        let client_ref = format!("{name}-{}", sold.len());
        let body = json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": client_ref });
        let path = format!("/api/sellers/{seller}/sell_charge/");
        let Ok(response) = caller.send(Method::POST, &path, Some(body)).await else { return sold };
        let status = response.status();
        let Ok(answer) = response.json::<Value>().await else { return sold };
        assert_eq!(status, 200, "{answer}");
        sold.push(AcknowledgedSale { client_ref, sale: answer["sale_id"].as_str().unwrap().to_owned() });
        acknowledged.add_permits(1);
    }
}

both! {
    async fn every_acknowledged_sale_survives_twenty_kills_once_and_whole(db: TestDb) {
        let installation = Installation::new(&db);
        let key = installation.key("charge.*");
        let serving = installation.serve(&key);
        let (status, seller) = serving.caller().post("/api/sellers/", json!({ "name": "Crash" })).await;
        assert_eq!(status, 201, "{seller}");
        let seller = seller["id"].as_str().unwrap().to_owned();
        let credit = json!({ "amount": "1000000.00" });
        let (status, answer) = serving.caller().post(&format!("/api/sellers/{seller}/increase_credit/"), credit).await;
        assert_eq!(status, 200, "{answer}");
        serving.kill();

        let mut sold = Vec::new();
        for kill in 0..KILLS {
            let serving = installation.serve(&key);
            let acknowledged = Arc::new(Semaphore::new(0));
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let name = format!("{kill}-{client}");
                    tokio::spawn(sell(serving.caller(), seller.clone(), name, Arc::clone(&acknowledged)))
                })
                .collect();
            // Another moment each time: after this many answers, whatever else is under way.
            let moment = u32::try_from(1 + kill * 37 % 97).unwrap();
            acknowledged.acquire_many(moment).await.unwrap().forget();
            serving.kill();
            for client in clients {
                sold.extend(client.await.unwrap());
            }
        }

        let serving = installation.serve(&key);
        let caller = serving.caller();
        for one in &sold {
            let (status, sale) = caller.get(&format!("/api/charge-transactions/by-ref/{}/", one.client_ref)).await;
            assert_eq!((status, sale["id"].as_str()), (200, Some(one.sale.as_str())), "{}", one.client_ref);
            assert_eq!(sale["status"], "completed");
        }
        let (_, credit) = caller.get(&format!("/api/sellers/{seller}/get_credit/")).await;
        assert_eq!(credit["held"].to_string(), "0.0", "{credit}");
        serving.kill();
        // Acknowledged or not, what happened is in the books whole: verify compares credit granted, left and sold.
        let report = installation.run(&["ledger", "verify", "--json"]);
        assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let entries = usize::try_from(report["entries"].as_u64().unwrap()).unwrap();
        // One entry is the credit; each client may have had one sale under way at each kill.
        assert!((sold.len() + 1..=sold.len() + 1 + KILLS * CLIENTS).contains(&entries), "{entries} of {}", sold.len());
    }
}
