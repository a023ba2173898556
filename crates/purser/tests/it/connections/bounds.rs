//! How many may be connected, and who makes room.

use purser_testkit::{TestDb, both};
use purser_web::ConnectionLimits;

use super::{Line, patient, place, somebody_is_served};
use crate::program::Installation;

/// So many connections, each of which has been answered once, in order.
async fn answered(base: &str, count: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for _ in 0..count {
        let mut line = Line::to(base).await;
        assert!(line.is_served().await);
        lines.push(line);
    }
    lines
}

/// So many connections that have begun a request, and leave it at that.
async fn begun(base: &str, count: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for _ in 0..count {
        let mut line = Line::to(base).await;
        line.says("G").await;
        lines.push(line);
    }
    lines
}

both! {
    async fn where_all_places_are_taken_the_oldest_idle_one_is_given_up(db: TestDb) {
        let place = place(&db, ConnectionLimits { per_address: 8, ..patient(8) }).await;
        let mut lines = answered(&place.base, 8).await;
        let newcomer = answered(&place.base, 1).await;
        let mut left = 0;
        for line in &mut lines {
            left += usize::from(line.is_served().await);
        }
        assert_eq!((left, newcomer.len()), (7, 1), "one of them made room, and no more");
    }

    async fn an_address_makes_room_for_itself_and_not_at_the_cost_of_others(db: TestDb) {
        let place = place(&db, ConnectionLimits { per_address: 4, ..patient(1_000) }).await;
        let mut silent = begun(&place.base, 12).await;
        somebody_is_served(&place.base).await;
        let mut closed = 0;
        for line in silent.drain(..8) {
            let mut line = line;
            closed += usize::from(line.rest().await.is_empty());
        }
        assert_eq!(closed, 8, "those that came first");
    }

    async fn a_request_whose_body_does_not_come_makes_room_where_nobody_is_idle(db: TestDb) {
        let place = place(&db, ConnectionLimits { per_address: 4, ..patient(4) }).await;
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let mut line = Line::to(&place.base).await;
            line.says("POST /api/sellers/ HTTP/1.1\r\nHost: purser.example\r\nContent-Length: 9000\r\n\r\n{").await;
            waiting.push(line);
        }
        somebody_is_served(&place.base).await;
    }

    async fn a_trusted_proxy_may_have_as_many_as_there_are(db: TestDb) {
        let trusted = vec!["127.0.0.1".parse().unwrap()];
        let place = place(&db, ConnectionLimits { per_address: 2, trusted, ..patient(100) }).await;
        for mut line in answered(&place.base, 20).await {
            assert!(line.is_served().await);
        }
    }

    async fn a_crowd_past_the_limit_of_open_files_shuts_nobody_out(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve_with_files("", (1_024, 1_024));
        let base = serving.url("");
        let mut crowd = begun(&base, 1_100).await;
        for _ in 0..20 {
            somebody_is_served(&base).await;
        }
        assert_eq!(crowd[0].rest().await, "", "the first of them was hung up on");
        assert!(crowd.last_mut().unwrap().is_open(), "and the last was not");
    }

    async fn the_soft_limit_of_open_files_is_raised_to_the_hard_one(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve_with_files("", (100, 4_096));
        for mut line in answered(&serving.url(""), 300).await {
            assert!(line.is_served().await);
        }
    }

    async fn more_connections_than_files_are_refused_by_name(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_HTTP_CONNECTIONS", "4000000000");
        let refused = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && told.contains("http.connections is 4000000000"), "{told}");
    }
}
