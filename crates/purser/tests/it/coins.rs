//! Reward coins: awarded, spent, withdrawn to UPI, decided on by staff, and told.

mod contradictions;
mod door;
mod limits;
mod older;
mod races;
mod states;
mod told;
mod verdicts;

use std::sync::Arc;

use purser_coins::service::{
    Closing, Moved, NewMovement, NewWithdrawal, Period, coins_move, payouts_begin, user_known, withdrawal_cancel,
    withdrawal_close, withdrawal_complete, withdrawal_create, withdrawal_get,
};
use purser_coins::{Error, Movement, Settings, Status, UpiId, User, UserId, Utr, Withdrawal, coins};
use purser_kit::AppContext;
use purser_kit::console::Doer;
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
        command: impl Fn(&mut WriteTx<'_>, &Settings, &mut Doer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (now, seed) = self.context.stamp();
        let (settings, doer) = (Arc::clone(&self.settings), Doer::new(now, actor.to_owned(), Uuid::nil(), seed));
        self.db.write(move |tx| command(tx, &settings, &mut doer.clone())).await
    }

    async fn moved(&self, movement: Movement, user: &str, amount: i64, reference: &str) -> Result<Moved, Error> {
        let new = NewMovement {
            user_id: UserId::parse(user).unwrap(),
            movement,
            amount: coins(amount),
            reason: "A quiz".to_owned(),
            reference: reference.to_owned(),
        };
        self.run(APP, move |tx, settings, doer| coins_move(tx, settings, doer, &new)).await
    }

    /// Somebody with so many coins.
    async fn user(&self, user: &str, amount: i64) -> User {
        self.moved(Movement::Award, user, amount, &format!("for {user}")).await.expect("coins are given").user
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
        let ask = move |tx: &mut WriteTx<'_>, settings: &Settings, doer: &mut Doer| {
            withdrawal_create(tx, settings, doer, &new, &period)
        };
        Ok(self.run(APP, ask).await?.0)
    }

    async fn begin_as(&self, actor: &str, ids: &[Uuid]) -> Vec<Result<Withdrawal, Error>> {
        let ids = ids.to_vec();
        let (_, begun) =
            self.run(actor, move |tx, settings, doer| payouts_begin(tx, settings, doer, &ids)).await.unwrap();
        begun.into_iter().map(|(_, outcome)| outcome).collect()
    }

    async fn begin(&self, id: Uuid) -> Result<Withdrawal, Error> {
        self.begin_as(STAFF, &[id]).await.swap_remove(0)
    }

    async fn complete(&self, id: Uuid, utr: &str) -> Result<Withdrawal, Error> {
        let utr = Utr::parse(utr).unwrap();
        self.run(STAFF, move |tx, settings, doer| withdrawal_complete(tx, settings, doer, id, &utr)).await
    }

    async fn close(&self, id: Uuid, closing: Closing) -> Result<Withdrawal, Error> {
        let close = move |tx: &mut WriteTx<'_>, settings: &Settings, doer: &mut Doer| {
            withdrawal_close(tx, settings, doer, id, closing, "It must be")
        };
        self.run(STAFF, close).await
    }

    async fn cancel(&self, id: Uuid) -> Result<Withdrawal, Error> {
        self.run(APP, move |tx, settings, doer| withdrawal_cancel(tx, settings, doer, id, "No more")).await
    }

    async fn read(&self, id: Uuid) -> Withdrawal {
        self.db.read(move |tx| withdrawal_get(tx, id)).await.unwrap()
    }

    /// A withdrawal of 300 of somebody's 1,000 coins that has come to stand so.
    async fn standing(&self, user: &str, status: Status) -> Withdrawal {
        self.user(user, 1_000).await;
        let id = self.ask(user, 300, "asha@okhdfcbank").await.unwrap().id;
        if !matches!(status, Status::Pending | Status::Cancelled | Status::Rejected) {
            self.begin(id).await.unwrap();
        }
        let utr = format!("UTR{}", id.simple());
        match status {
            Status::Pending | Status::Processing => {}
            Status::Cancelled => drop(self.cancel(id).await.unwrap()),
            Status::Rejected => drop(self.close(id, Closing::Reject).await.unwrap()),
            Status::Failed => drop(self.close(id, Closing::Fail).await.unwrap()),
            Status::Completed => drop(self.complete(id, &utr).await.unwrap()),
            Status::Reversed => {
                self.complete(id, &utr).await.unwrap();
                self.close(id, Closing::Reverse).await.unwrap();
            }
        }
        let found = self.read(id).await;
        assert_eq!(found.status, status);
        found
    }
}
