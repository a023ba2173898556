//! Believable data for an empty database: users who earn and spend, and three months of withdrawals behind them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use purser_identity::Email;
use purser_kit::console::RequestContext;
use purser_kit::{Ids, Problem};
use purser_outbox::Language;
use purser_store::WriteTx;
use uuid::Uuid;

use crate::Coins;
use crate::contradiction::{BankClaim, ContradictionKind};
use crate::domain::{HandlePolicy, MovementKind, Settings, UserId, Withdrawal, coins};
use crate::error::Error;
use crate::service::{
    CloseReason, ContradictionFinding, NewMovement, NewUnmatchedPayment, NewWithdrawal, Period, UserChange, coins_move,
    contradiction_store, note_set, payouts_begin, unmatched_store, user_change, withdrawal_close, withdrawal_complete,
    withdrawal_create,
};
use crate::status::WithdrawalStatus;
use crate::upi::UpiId;
use crate::utr::Utr;

/// Who they are to their application.
const USERS: [&str; 40] = [
    "aarav.sharma",
    "aditi_22",
    "akash.verma",
    "ananya.iyer",
    "arjun-nair",
    "asha.rao",
    "bhavna.patel",
    "chetan_k",
    "deepa.menon",
    "dev.malhotra",
    "divya-s",
    "esha.gupta",
    "farhan.ali",
    "gauri.joshi",
    "gopal_iyer",
    "harpreet.kaur",
    "ishaan.b",
    "jaya.pillai",
    "kabir_das",
    "kavya.reddy",
    "kiran.kumar",
    "lakshmi.n",
    "manish-t",
    "meera.shah",
    "mohit.jain",
    "naina_roy",
    "neha.singh",
    "nikhil.desai",
    "pooja.m",
    "pranav.kulkarni",
    "priya_99",
    "rahul.bose",
    "ritu.agarwal",
    "rohan.mehta",
    "sana.khan",
    "sanjay_g",
    "shreya.ghosh",
    "tanvi.rana",
    "varun.chopra",
    "zoya.mirza",
];

const HANDLES: [&str; 8] = ["okhdfcbank", "ybl", "okicici", "paytm", "oksbi", "ibl", "axl", "upi"];

/// What coins come from and go to: why, and how many.
const AWARDS: [(&str, i64); 6] = [
    ("Level 10 reached", 450),
    ("Weekly tournament, second place", 1_200),
    ("Friend invited", 500),
    ("Daily streak, 7 days", 350),
    ("Quiz of the week", 800),
    ("Festival bonus", 1_500),
];
const SPENDS: [(&str, i64); 3] = [("Mobile recharge coupon", 250), ("Avatar pack", 120), ("Movie voucher", 400)];

const FAILURES: [&str; 3] = ["The UPI id is closed", "The payee's bank did not answer", "The payee's limit is reached"];

const DAYS: i64 = 90;

/// Withdrawals that are over, and those that wait.
const OVER: usize = 95;
const WAITING: usize = 25;

/// The failed one of which the bank says later that it is paid.
const CONTRADICTED: usize = 87;

/// Between two awards of a user, and two spends, in days.
const AWARD_EVERY: i64 = 9;
const SPEND_EVERY: i64 = 30;

/// What is to become of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DemoOutcome {
    Paid,
    Fails,
    Cancelled,
    Rejected,
    Reversed,
    Unknown,
    Waits,
}

impl DemoOutcome {
    fn of(number: usize) -> Self {
        match number {
            _ if number >= OVER => DemoOutcome::Waits,
            _ if number >= OVER - 4 => DemoOutcome::Unknown,
            _ => match number % 12 {
                3 => DemoOutcome::Fails,
                5 => DemoOutcome::Cancelled,
                8 => DemoOutcome::Rejected,
                10 if number.is_multiple_of(5) => DemoOutcome::Reversed,
                _ => DemoOutcome::Paid,
            },
        }
    }

    fn is_begun(self) -> bool {
        matches!(self, DemoOutcome::Paid | DemoOutcome::Fails | DemoOutcome::Reversed | DemoOutcome::Unknown)
    }
}

/// Fills the app; what it returns is printed.
pub(crate) async fn fill(app: Arc<Coins>) -> Result<Vec<String>, Problem> {
    let (now, seed) = app.context.stamp();
    let start = now.checked_sub(SignedDuration::from_hours(24 * DAYS)).map_err(Problem::internal)?;
    // Nobody outside hears of what never happened.
    let settings = Settings { webhook: None, ..(*app.settings).clone() };
    let zone = app.context.zone.clone();
    let fill = move |tx: &mut WriteTx<'_>| {
        let mut story =
            DemoStory { settings: &settings, start, seed, open: Vec::new(), returns: Vec::new(), asked: 0, deeds: 0 };
        story.run(tx, &zone)?;
        let waiting = story.open.iter().filter(|(_, outcome, _)| *outcome == DemoOutcome::Waits).count();
        Ok::<_, Error>((story.asked, waiting))
    };
    let (asked, waiting) = app.context.store.write(fill).await?;
    let users = USERS.len();
    Ok(vec![format!(
        "coins: {users} users with {DAYS} days behind them, {asked} withdrawals, {waiting} of them pending"
    )])
}

struct DemoStory<'s> {
    settings: &'s Settings,
    start: Timestamp,
    seed: Uuid,
    /// Asked for and not over, with the number.
    open: Vec<(Withdrawal, DemoOutcome, usize)>,
    /// Paid, to be sent back by the bank on a day.
    returns: Vec<(Uuid, i64)>,
    asked: usize,
    /// What was done so far, so that no two deeds share an id.
    deeds: u128,
}

impl DemoStory<'_> {
    fn run(&mut self, tx: &mut WriteTx<'_>, zone: &jiff::tz::TimeZone) -> Result<(), Error> {
        for day in 0..DAYS {
            self.earn(tx, day)?;
            if day % 3 == 1 && day < DAYS - 2 {
                self.settle(tx, day, 210)?;
            }
            for number in (0..OVER + WAITING).filter(|number| asked_on(*number).0 == day) {
                self.ask(tx, number, zone)?;
            }
            self.call_off(tx, day)?;
            if day == DAYS - 1 {
                // As late as may be, so that something was paid today.
                self.settle(tx, day, 1_230)?;
            }
            if day % 3 == 0 || day == DAYS - 1 {
                self.begin(tx, day)?;
            }
        }
        self.introduce(tx)
    }

    /// Whoever does it at that minute, with ids of that time.
    fn cx(&mut self, day: i64, minute: i64, who: &str) -> RequestContext {
        let at = self.start.checked_add(SignedDuration::from_mins(day * 1_440 + minute)).unwrap_or(self.start);
        self.deeds += 1;
        let chance = (self.seed.as_u128() + (self.deeds << 20)) & ((1 << 61) - 1);
        RequestContext::new(at, who.to_owned(), Uuid::nil(), Uuid::from_u128(Ids::floor(at).as_u128() | chance))
    }

    fn earn(&mut self, tx: &mut WriteTx<'_>, day: i64) -> Result<(), Error> {
        for (place, name) in (0_i64..).zip(USERS) {
            let minute = 5 * place;
            let turn = usize::try_from(day + place).unwrap_or(0);
            if (day + place) % AWARD_EVERY == 0 || day == 0 {
                let (reason, amount) = AWARDS[turn % AWARDS.len()];
                self.move_coins(tx, (day, minute), name, MovementKind::Award, (reason, amount))?;
            }
            if (day + 2 * place) % SPEND_EVERY == SPEND_EVERY - 1 {
                let (reason, amount) = SPENDS[turn % SPENDS.len()];
                self.move_coins(tx, (day, minute + 2), name, MovementKind::Spend, (reason, amount))?;
            }
        }
        Ok(())
    }

    fn move_coins(
        &mut self,
        tx: &mut WriteTx<'_>,
        (day, minute): (i64, i64),
        name: &str,
        movement: MovementKind,
        (reason, amount): (&str, i64),
    ) -> Result<(), Error> {
        let new = NewMovement {
            user_id: user_id(name)?,
            movement,
            amount: coins(amount),
            reason: reason.to_owned(),
            reference: format!("demo-{}-{name}-{day}", movement.name()),
        };
        forgiven(coins_move(tx, self.settings, &mut self.cx(day, minute, "system:demo"), &new)).map(drop)
    }

    fn ask(&mut self, tx: &mut WriteTx<'_>, number: usize, zone: &jiff::tz::TimeZone) -> Result<(), Error> {
        let (day, minute) = asked_on(number);
        let name = USERS[number * 7 % USERS.len()];
        let handle = match self.settings.handles {
            // Under the strict policy there is none that is not known.
            HandlePolicy::Warn if number == OVER + 3 => "mybank",
            _ => HANDLES[number * 7 % USERS.len() % HANDLES.len()],
        };
        // Two who are paid to one UPI id, for staff to see.
        let mailbox = if name == "rohan.mehta" { "ritu.agarwal" } else { name };
        let upi_id =
            UpiId::parse(&format!("{mailbox}@{handle}")).map_err(|rule| Error::Answer(rule.must.to_string()))?;
        let wanted = 150 + 50 * i64::try_from(number * 11 % 17).unwrap_or(0);
        let amount = coins(wanted.clamp(self.settings.least, self.settings.most));
        let mut cx = self.cx(day, minute, "system:demo");
        let period = Period::at(cx.now, zone).ok_or_else(|| Error::Answer("a day outside time".to_owned()))?;
        let new = NewWithdrawal { user_id: user_id(name)?, amount, upi_id };
        if let Some((withdrawal, _)) = forgiven(withdrawal_create(tx, self.settings, &mut cx, &new, &period))? {
            self.asked += 1;
            self.open.push((withdrawal, DemoOutcome::of(number), number));
        }
        Ok(())
    }

    /// Takes those out of the open ones that fit.
    fn take(&mut self, fits: impl Fn(&Withdrawal, DemoOutcome) -> bool) -> Vec<(Withdrawal, DemoOutcome, usize)> {
        let (taken, kept) =
            std::mem::take(&mut self.open).into_iter().partition(|(one, outcome, _)| fits(one, *outcome));
        self.open = kept;
        taken
    }

    fn call_off(&mut self, tx: &mut WriteTx<'_>, day: i64) -> Result<(), Error> {
        let taken = self.take(|_, outcome| matches!(outcome, DemoOutcome::Cancelled | DemoOutcome::Rejected));
        for (minute, (one, outcome, _)) in (1_200..).zip(taken) {
            let mut cx = self.cx(day, minute, "system:demo-desk");
            let (closing, reason) = match outcome {
                DemoOutcome::Cancelled => (CloseReason::Cancel, "User requested cancellation"),
                _ => (CloseReason::Reject, "The account is under review"),
            };
            forgiven(withdrawal_close(tx, self.settings, &mut cx, one.id, closing, reason))?;
        }
        Ok(())
    }

    fn begin(&mut self, tx: &mut WriteTx<'_>, day: i64) -> Result<(), Error> {
        let is_last = day == DAYS - 1;
        let fits = |fate: DemoOutcome| fate.is_begun() && (fate != DemoOutcome::Unknown || is_last);
        let wanted = self.open.iter().filter(|(one, fate, _)| one.status == WithdrawalStatus::Pending && fits(*fate));
        let ids: Vec<Uuid> = wanted.map(|(one, ..)| one.id).collect();
        let mut cx = self.cx(day, 1_300, "system:demo-desk");
        let (_, outcomes) = payouts_begin(tx, self.settings, &mut cx, &ids)?;
        for (id, outcome) in outcomes {
            // What cools off is begun with the next ones.
            let Some(begun) = forgiven(outcome)? else { continue };
            if let Some((one, ..)) = self.open.iter_mut().find(|(one, ..)| one.id == id) {
                *one = begun;
            }
        }
        Ok(())
    }

    /// What the bank says of those that were begun the day before.
    fn settle(&mut self, tx: &mut WriteTx<'_>, day: i64, first: i64) -> Result<(), Error> {
        let taken =
            self.take(|one, outcome| one.status == WithdrawalStatus::Processing && outcome != DemoOutcome::Unknown);
        for (minute, (one, outcome, number)) in (first..).zip(taken) {
            let mut cx = self.cx(day, minute, "system:demo-desk");
            if outcome == DemoOutcome::Fails {
                let reason = FAILURES[number % FAILURES.len()];
                forgiven(withdrawal_close(tx, self.settings, &mut cx, one.id, CloseReason::Fail, reason))?;
                let note = Some("Please ask again with a UPI id that takes payments.".to_owned());
                let noted =
                    forgiven(note_set(tx, one.id, note, Some("Second failure of this bank this month.".to_owned())))?;
                if let Some(failed) = noted.filter(|_| number == CONTRADICTED) {
                    self.contradict(tx, day, &failed)?;
                }
                continue;
            }
            let utr = Utr::parse(&format!("{}", 428_811_902_377_u64 + 7_919 * number as u64))
                .map_err(|rule| Error::Answer(rule.must.to_string()))?;
            forgiven(withdrawal_complete(tx, self.settings, &mut cx, one.id, &utr))?;
            if outcome == DemoOutcome::Reversed {
                self.returns.push((one.id, day + 2));
            }
        }
        let (due, later) = std::mem::take(&mut self.returns).into_iter().partition(|(_, on)| *on <= day);
        self.returns = later;
        let due: Vec<(Uuid, i64)> = due;
        for (minute, (id, _)) in (first + 40..).zip(due) {
            let (mut cx, reason) = (self.cx(day, minute, "system:demo-desk"), "Sent back by the payee's bank");
            forgiven(withdrawal_close(tx, self.settings, &mut cx, id, CloseReason::Reverse, reason))?;
        }
        Ok(())
    }

    /// The bank has paid after all what it first said had failed, and names a payment of no withdrawal.
    fn contradict(&mut self, tx: &mut WriteTx<'_>, day: i64, failed: &Withdrawal) -> Result<(), Error> {
        let utr = Utr::parse("428812990014").map_err(|rule| Error::Answer(rule.must.to_string()))?;
        let told = format!(
            "The withdrawal is failed, not processing. The bank says that it is paid with the UTR {}.",
            utr.as_str()
        );
        let found = ContradictionFinding {
            kind: ContradictionKind::Status,
            claim: BankClaim::Paid(utr),
            paid: Some(failed.due()),
            told,
        };
        contradiction_store(tx, &mut self.cx(day, 1_380, "system:demo-desk"), failed, &found)?;
        let utr = Utr::parse("428812990027").map_err(|rule| Error::Answer(rule.must.to_string()))?;
        let strange = NewUnmatchedPayment { named: "REFUND-117".to_owned(), utr, paid: Some(failed.due()) };
        unmatched_store(tx, &mut self.cx(day, 1_381, "system:demo-desk"), &strange).map(drop)
    }

    /// Where to write to most of them: said last, so that nobody is told of what never happened.
    fn introduce(&mut self, tx: &mut WriteTx<'_>) -> Result<(), Error> {
        for (minute, name) in (1_400..).zip(USERS.iter().step_by(2)) {
            let language = if name.len() % 3 == 0 { Language::Hindi } else { Language::English };
            let address = format!("{name}@example.com");
            let email = Email::parse(&address).map_err(|error| Error::Answer(error.to_string()))?;
            let change = UserChange { email: Some(Some(email)), language: Some(language) };
            user_change(tx, &mut self.cx(DAYS - 1, minute, "system:demo"), &user_id(name)?, &change)?;
        }
        Ok(())
    }
}

/// On which day a withdrawal is asked for, and in which minute.
fn asked_on(number: usize) -> (i64, i64) {
    let place = i64::try_from(number).unwrap_or(0);
    let (over, waiting) = (i64::try_from(OVER).unwrap_or(1), i64::try_from(WAITING).unwrap_or(1));
    match place - over {
        ago if ago >= 0 => (DAYS - 8 + ago * 8 / waiting, 700 + 19 * ago),
        _ => ((2 + place * (DAYS - 4) / (over - 4)).min(DAYS - 2), 480 + 13 * (place % 40)),
    }
}

fn user_id(name: &str) -> Result<UserId, Error> {
    UserId::parse(name).map_err(|rule| Error::Answer(rule.must.to_string()))
}

/// What the house's own rules refuse did not happen in the story either.
fn forgiven<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_has_somebody_and_every_request_its_minute_before_now() {
        let all = [
            DemoOutcome::Paid,
            DemoOutcome::Fails,
            DemoOutcome::Cancelled,
            DemoOutcome::Rejected,
            DemoOutcome::Reversed,
            DemoOutcome::Unknown,
            DemoOutcome::Waits,
        ];
        assert_eq!(DemoOutcome::of(CONTRADICTED), DemoOutcome::Fails);
        for outcome in all {
            assert!((0..OVER + WAITING).any(|number| DemoOutcome::of(number) == outcome), "{outcome:?}");
        }
        for number in 0..OVER + WAITING {
            let (day, minute) = asked_on(number);
            assert!((0..DAYS).contains(&day) && (0..1_440).contains(&minute), "{number}: {day} {minute}");
        }
    }
}
