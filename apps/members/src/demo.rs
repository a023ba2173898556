//! Believable data for an empty database: a small pool with three months behind it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use purser_identity::Email;
use purser_kit::Problem;
use purser_kit::console::RequestContext;
use purser_money::Money;
use purser_store::WriteTx;
use uuid::Uuid;

use crate::Members;
use crate::domain::Settings;
use crate::error::Error;
use crate::service::{
    MovementReason, NewMember, WalletMovement, member_create, members_expire, members_revert, wallet_move,
};

/// Who joined on which day, and with how much.
const PEOPLE: [(&str, i64, i64); 9] = [
    ("Asha Rao", 0, 250),
    ("Bina Das", 0, 100),
    ("Chetan Kulkarni", 1, 150),
    ("Devika Menon", 3, 500),
    ("Eshan Qureshi", 8, 120),
    ("Farida Sheikh", 15, 80),
    ("Gopal Iyer", 22, 300),
    ("Harpreet Kaur", 31, 200),
    ("Indrani Bose", 47, 175),
];

/// What happened after that: the day, who, and what.
const EVENTS: [(i64, usize, DemoEvent); 12] = [
    (12, 1, DemoEvent::Pays(50, "UPI 428811902377")),
    (19, 4, DemoEvent::Pays(100, "Cash, receipt 114")),
    (28, 2, DemoEvent::Expires),
    (28, 2, DemoEvent::Returns),
    (35, 0, DemoEvent::Pays(75, "UPI 430155270149")),
    (41, 5, DemoEvent::Expires),
    (52, 3, DemoEvent::Withdraws(200, "Paid out by NEFT on her request")),
    (58, 6, DemoEvent::Corrects(-10, "Receipt 131 was entered twice")),
    (63, 7, DemoEvent::Pays(60, "UPI 433020118865")),
    (71, 8, DemoEvent::Pays(25, "Cash, receipt 140")),
    (79, 1, DemoEvent::Expires),
    (84, 4, DemoEvent::Pays(40, "UPI 435571204418")),
];

const DAYS: i64 = 90;

#[derive(Debug, Clone, Copy)]
enum DemoEvent {
    Pays(i64, &'static str),
    Withdraws(i64, &'static str),
    Corrects(i64, &'static str),
    Expires,
    Returns,
}

/// Fills the app; what it returns is printed.
pub(crate) async fn fill(members: Arc<Members>) -> Result<Vec<String>, Problem> {
    let settings = Arc::clone(&members.settings);
    let (now, seed) = members.context.stamp();
    let start = now.checked_sub(SignedDuration::from_hours(24 * DAYS)).map_err(Problem::internal)?;
    let room = if settings.max == 0 { PEOPLE.len() } else { usize::try_from(settings.max).unwrap_or(0) };
    let count = PEOPLE.len().min(room);
    let fill = move |tx: &mut WriteTx<'_>| live(tx, &settings, start, seed, count);
    members.context.store.write(fill).await?;
    Ok(vec![format!("members: {count} members with {DAYS} days behind them")])
}

fn live(tx: &mut WriteTx<'_>, settings: &Settings, start: Timestamp, seed: Uuid, count: usize) -> Result<(), Error> {
    let mut ids: Vec<Option<Uuid>> = vec![None; PEOPLE.len()];
    let mut cx = RequestContext::new(start, "system:demo".to_owned(), Uuid::nil(), seed);
    for day in 0..DAYS {
        for (place, (name, joined, _)) in PEOPLE.iter().enumerate().take(count) {
            if *joined == day {
                cx.now = at(start, day, 600 + 7 * i64::try_from(place).unwrap_or(0));
                ids[place] = Some(join(tx, settings, &mut cx, place, name)?);
            }
        }
        for (minute, (_, who, event)) in (840_i64..).step_by(25).zip(EVENTS.iter().filter(|(on, ..)| *on == day)) {
            if let Some(member) = ids[*who] {
                cx.now = at(start, day, minute);
                happen(tx, settings, &mut cx, member, *event)?;
            }
        }
    }
    Ok(())
}

fn at(start: Timestamp, day: i64, minute: i64) -> Timestamp {
    start.checked_add(SignedDuration::from_mins(day * 1_440 + minute)).unwrap_or(start)
}

/// Major units.
fn money(settings: &Settings, major: i64) -> Money {
    Money::new(major * 10_i64.pow(settings.currency().scale().into()), settings.currency())
}

fn join(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    place: usize,
    name: &str,
) -> Result<Uuid, Error> {
    let address = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
    let email = Email::parse(&address).map_err(|error| Error::Answer(error.to_string()))?;
    let opening = money(settings, PEOPLE[place].2);
    Ok(member_create(tx, settings, cx, &NewMember { name: name.to_owned(), email, opening })?.id)
}

fn happen(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    member: Uuid,
    event: DemoEvent,
) -> Result<(), Error> {
    let (reason, change, memo) = match event {
        DemoEvent::Expires => return members_expire(tx, settings, cx, &[member]).map(drop),
        DemoEvent::Returns => return members_revert(tx, settings, cx, &[member]).map(drop),
        DemoEvent::Pays(amount, memo) => (MovementReason::TopUp, amount, memo),
        DemoEvent::Withdraws(amount, memo) => (MovementReason::Withdrawal, -amount, memo),
        DemoEvent::Corrects(amount, memo) => (MovementReason::Correction, amount, memo),
    };
    let movement = WalletMovement { member, reason, change: money(settings, change), memo: memo.to_owned() };
    wallet_move(tx, settings, cx, &movement).map(drop)
}
