//! Reward coins: awarded, spent, withdrawn to UPI, decided on by staff, and told.

mod contradictions;
mod door;
mod limits;
mod notices;
mod older;
mod races;
mod row_decisions;
mod states;

use std::sync::Arc;

use purser_coins::service::{
    CloseReason, MovementResult, NewMovement, NewWithdrawal, Period, coins_move, payouts_begin, user_known,
    withdrawal_cancel, withdrawal_close, withdrawal_complete, withdrawal_create, withdrawal_get,
};
use purser_coins::{CoinUser, Error, MovementKind, Settings, UpiId, UserId, Utr, Withdrawal, WithdrawalStatus, coins};
use purser_kit::AppContext;
use purser_kit::console::RequestContext;
use purser_store::WriteTx;
use purser_testkit::TestDb;
use uuid::Uuid;

/// A house of coins under the clock of the test.
#[derive(Clone)]
struct Bank {
    db: TestDb,
    context: AppContext,
    settings: Arc<Settings>,
}

/// Who asks, and who pays.
const APP: &str = "key:app";
const STAFF: &str = "user:staff";

impl Bank {
    fn open(db: &TestDb) -> Self {
        Bank::with(db, Settings::standard())
    }

    fn with(db: &TestDb, settings: Settings) -> Self {
        Bank { db: db.clone(), context: crate::context(db), settings: Arc::new(settings) }
    }

    /// The same house under other settings.
    fn under(&self, settings: Settings) -> Self {
        Bank { settings: Arc::new(settings), ..self.clone() }
    }

    /// Runs one command as somebody.
    async fn run<T: Send + 'static>(
        &self,
        actor: &str,
        command: impl Fn(&mut WriteTx<'_>, &Settings, &mut RequestContext) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (now, seed) = self.context.stamp();
        let (settings, cx) =
            (Arc::clone(&self.settings), RequestContext::new(now, actor.to_owned(), Uuid::nil(), seed));
        self.db.write(move |tx| command(tx, &settings, &mut cx.clone())).await
    }

    async fn moved(
        &self,
        movement: MovementKind,
        user: &str,
        amount: i64,
        reference: &str,
    ) -> Result<MovementResult, Error> {
        let new = NewMovement {
            user_id: UserId::parse(user).unwrap(),
            movement,
            amount: coins(amount),
            reason: "A quiz".to_owned(),
            reference: reference.to_owned(),
        };
        self.run(APP, move |tx, settings, cx| coins_move(tx, settings, cx, &new)).await
    }

    /// Somebody with so many coins.
    async fn user(&self, user: &str, amount: i64) -> CoinUser {
        self.moved(MovementKind::Award, user, amount, &format!("for {user}")).await.expect("coins are given").user
    }

    async fn balance(&self, user: &str) -> i64 {
        let user_id = UserId::parse(user).unwrap();
        let user = self.db.read(move |tx| user_known(tx, &user_id)).await.unwrap();
        user.map_or(0, |user| user.balance.minor())
    }

    async fn ask(&self, user: &str, amount: i64, upi_id: &str) -> Result<Withdrawal, Error> {
        let user_id = UserId::parse(user).unwrap();
        let new = NewWithdrawal { user_id, amount: coins(amount), upi_id: UpiId::parse(upi_id).unwrap() };
        let period = Period::at(self.context.now(), &self.context.zone).unwrap();
        let ask = move |tx: &mut WriteTx<'_>, settings: &Settings, cx: &mut RequestContext| {
            withdrawal_create(tx, settings, cx, &new, &period)
        };
        Ok(self.run(APP, ask).await?.0)
    }

    async fn begin_as(&self, actor: &str, ids: &[Uuid]) -> Vec<Result<Withdrawal, Error>> {
        let ids = ids.to_vec();
        let (_, begun) = self.run(actor, move |tx, settings, cx| payouts_begin(tx, settings, cx, &ids)).await.unwrap();
        begun.into_iter().map(|(_, outcome)| outcome).collect()
    }

    async fn begin(&self, id: Uuid) -> Result<Withdrawal, Error> {
        self.begin_as(STAFF, &[id]).await.swap_remove(0)
    }

    async fn complete(&self, id: Uuid, utr: &str) -> Result<Withdrawal, Error> {
        let utr = Utr::parse(utr).unwrap();
        self.run(STAFF, move |tx, settings, cx| withdrawal_complete(tx, settings, cx, id, &utr)).await
    }

    async fn close(&self, id: Uuid, closing: CloseReason) -> Result<Withdrawal, Error> {
        let close = move |tx: &mut WriteTx<'_>, settings: &Settings, cx: &mut RequestContext| {
            withdrawal_close(tx, settings, cx, id, closing, "It must be")
        };
        self.run(STAFF, close).await
    }

    async fn cancel(&self, id: Uuid) -> Result<Withdrawal, Error> {
        self.run(APP, move |tx, settings, cx| withdrawal_cancel(tx, settings, cx, id, "No more")).await
    }

    async fn read(&self, id: Uuid) -> Withdrawal {
        self.db.read(move |tx| withdrawal_get(tx, id)).await.unwrap()
    }

    /// A withdrawal of 300 of somebody's 1,000 coins that has come to stand so.
    async fn standing(&self, user: &str, status: WithdrawalStatus) -> Withdrawal {
        self.user(user, 1_000).await;
        let id = self.ask(user, 300, "asha@okhdfcbank").await.unwrap().id;
        if !matches!(status, WithdrawalStatus::Pending | WithdrawalStatus::Cancelled | WithdrawalStatus::Rejected) {
            self.begin(id).await.unwrap();
        }
        let utr = format!("UTR{}", id.simple());
        match status {
            WithdrawalStatus::Pending | WithdrawalStatus::Processing => {}
            WithdrawalStatus::Cancelled => drop(self.cancel(id).await.unwrap()),
            WithdrawalStatus::Rejected => drop(self.close(id, CloseReason::Reject).await.unwrap()),
            WithdrawalStatus::Failed => drop(self.close(id, CloseReason::Fail).await.unwrap()),
            WithdrawalStatus::Completed => drop(self.complete(id, &utr).await.unwrap()),
            WithdrawalStatus::Reversed => {
                self.complete(id, &utr).await.unwrap();
                self.close(id, CloseReason::Reverse).await.unwrap();
            }
        }
        let found = self.read(id).await;
        assert_eq!(found.status, status);
        found
    }
}
