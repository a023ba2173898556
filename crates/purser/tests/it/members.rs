//! The mutual-aid pool: wallets, the levy of an expiry, reverts, arrears, and files of members.

mod arrears;
mod door;
mod large;
mod levy;
mod notices;
mod revert;
mod staff;
mod upload;

use std::sync::Arc;

use jiff::SignedDuration;
use purser_identity::Email;
use purser_kit::AppContext;
use purser_kit::console::RequestContext;
use purser_ledger::statement;
use purser_members::service::{
    ExpiryResult, MovementReason, NewMember, RevertResult, WalletMovement, member_create, member_get, members_expire,
    members_revert, pool_balance, wallet_move,
};
use purser_members::{Error, ExpiryPolicy, Member, Settings, Shortfall};
use purser_money::{Currency, Money};
use purser_store::WriteTx;
use purser_testkit::TestDb;
use uuid::Uuid;

use crate::dump::dump;

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

/// A pool under the clock of the test.
#[derive(Clone)]
struct Pool {
    db: TestDb,
    context: AppContext,
    settings: Arc<Settings>,
}

impl Pool {
    /// At most ten members, and no expiry while anybody cannot pay.
    fn open(db: &TestDb) -> Self {
        Pool::with(db, Settings::standard())
    }

    fn arrears(db: &TestDb) -> Self {
        Pool::with(db, Settings { policy: ExpiryPolicy::Arrears, ..Settings::standard() })
    }

    fn with(db: &TestDb, settings: Settings) -> Self {
        Pool { db: db.clone(), context: crate::context(db), settings: Arc::new(settings) }
    }

    fn doer(&self) -> RequestContext {
        let (now, seed) = self.context.stamp();
        RequestContext::new(now, "user:test".to_owned(), Uuid::nil(), seed)
    }

    /// Runs one command.
    async fn run<T: Send + 'static>(
        &self,
        command: impl Fn(&mut WriteTx<'_>, &Settings, &mut RequestContext) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (settings, cx) = (Arc::clone(&self.settings), self.doer());
        self.db.write(move |tx| command(tx, &settings, &mut cx.clone())).await
    }

    /// Somebody who joins with so many paise, a minute after whoever joined before.
    async fn member(&self, name: &str, opening: i64) -> Uuid {
        self.db.clock().advance(SignedDuration::from_mins(1));
        self.join(name, &format!("{name}@example.com"), opening).await.expect("joining").id
    }

    async fn join(&self, name: &str, email: &str, opening: i64) -> Result<Member, Error> {
        let new = NewMember { name: name.to_owned(), email: Email::parse(email).unwrap(), opening: inr(opening) };
        self.run(move |tx, settings, cx| member_create(tx, settings, cx, &new)).await
    }

    /// Several who join with the same.
    async fn members(&self, names: &[&str], opening: i64) -> Vec<Uuid> {
        let mut ids = Vec::new();
        for name in names {
            ids.push(self.member(name, opening).await);
        }
        ids
    }

    async fn expire(&self, ids: &[Uuid]) -> Result<Vec<ExpiryResult>, Error> {
        self.db.clock().advance(SignedDuration::from_mins(1));
        let ids = ids.to_vec();
        self.run(move |tx, settings, cx| members_expire(tx, settings, cx, &ids)).await
    }

    async fn revert(&self, ids: &[Uuid]) -> Result<Vec<RevertResult>, Error> {
        self.db.clock().advance(SignedDuration::from_mins(1));
        let ids = ids.to_vec();
        self.run(move |tx, settings, cx| members_revert(tx, settings, cx, &ids)).await
    }

    async fn wallet(&self, member: Uuid, reason: MovementReason, change: i64) -> Result<Member, Error> {
        let movement = WalletMovement { member, reason, change: inr(change), memo: "as it was said".to_owned() };
        self.run(move |tx, settings, cx| wallet_move(tx, settings, cx, &movement)).await
    }

    async fn get(&self, id: Uuid) -> Member {
        let settings = Arc::clone(&self.settings);
        self.db.read(move |tx| member_get(tx, &settings, id)).await.expect("a member")
    }

    /// What is in a wallet, in paise.
    async fn has(&self, id: Uuid) -> i64 {
        self.get(id).await.balance.minor()
    }

    async fn have(&self, ids: &[Uuid]) -> Vec<i64> {
        let mut balances = Vec::new();
        for id in ids {
            balances.push(self.has(*id).await);
        }
        balances
    }

    async fn pool(&self) -> i64 {
        let settings = Arc::clone(&self.settings);
        self.db.read(move |tx| pool_balance(tx, &settings)).await.expect("the pool").minor()
    }

    /// The kinds and changes of a wallet's postings, oldest first.
    async fn history(&self, id: Uuid) -> Vec<(String, i64)> {
        let account = self.get(id).await.account;
        let mut lines = self.db.read(move |tx| statement(tx, account, None, 1_000)).await.expect("a statement");
        lines.reverse();
        lines.into_iter().map(|line| (line.kind, line.change.minor())).collect()
    }

    /// Everything the database holds.
    async fn dump(&self) -> String {
        dump(&self.db).await
    }
}

/// Who lacks how much.
fn missing(error: &Error) -> Vec<(String, i64)> {
    let Error::CannotPay { lacking, more: false } = error else { panic!("{error}") };
    lacking.iter().map(|Shortfall { name, missing, .. }| (name.clone(), missing.minor())).collect()
}
