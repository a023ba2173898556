//! The demo's story.

use purser_coins::{HandlePolicy, Settings};
use purser_testkit::{TestDb, both};

both! {
    async fn the_demo_has_withdrawals_in_every_state(db: TestDb) {
        let settings = Settings { handles: HandlePolicy::Warn, webhook: Some("https://app.example/".to_owned()), ..Settings::standard() };
        let told = (purser_coins::app(&crate::context(&db), settings).demo)().await.unwrap();
        assert!(told[0].starts_with("coins: 40 users with 90 days behind them, "), "{told:?}");
        assert!(told[0].ends_with(", 25 of them pending"), "{told:?}");
        let states = db.read(|tx| {
            tx.query("SELECT status, COUNT(*) FROM coins_withdrawal GROUP BY status ORDER BY status", &[], |row| {
                Ok::<_, purser_store::Error>((row.get::<String>(0)?, row.get::<i64>(1)?))
            })
        });
        let states: Result<Vec<(String, i64)>, purser_store::Error> = states.await;
        let states = states.unwrap();
        assert_eq!(states.len(), 7, "{states:?}");
        let notices: Result<i64, purser_store::Error> = db.read(|tx| {
            tx.query_one("SELECT COUNT(*) FROM outbox_notice", &[], |row| row.get(0))
        }).await;
        assert_eq!(notices, Ok(0), "nobody is told of what never happened");
    }
}
