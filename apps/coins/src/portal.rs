//! What somebody sees who has coins and an account here: the coins, every movement, and withdrawals to ask for.

use std::sync::Arc;

use purser_identity::user_get as person_get;
use purser_kit::console::{Cell, DetailTable, Field, Input, Preview, ReportContent};
use purser_kit::portal::{Invocation, Portal, PortalAction, PortalContent, PortalContext, PortalOutcome, PortalPage};
use purser_kit::{Fields, IdempotentResponse, Problem, Rule};
use purser_money::{Currency, Money};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Coins;
use crate::commands;
use crate::console::status;
use crate::domain::{CoinUser, Settings, Withdrawal};
use crate::error::Error;
use crate::service::{
    NewWithdrawal, Period, change_record, user_get, user_of_person, withdrawal_cancel, withdrawal_create,
    withdrawal_get, withdrawals_of,
};
use crate::status::WithdrawalStatus;
use crate::store::transaction::transactions_of;
use crate::upi::UpiId;
use crate::utr::Utr;

/// Rows of a list.
const ROWS: u32 = 50;

/// Rows of the list on the first page.
const NEWEST: u32 = 10;

pub(crate) fn portal(app: &Arc<Coins>) -> Portal {
    Portal {
        title: "Coins",
        mine: Box::new(|tx, person| {
            let user = user_of_person(tx, person)?;
            Ok(user.map(|user| (user.id, user.user_id.as_str().to_owned())).into_iter().collect())
        }),
        pages: vec![
            page(app, "", "Coins", home),
            page(app, "withdrawals", "Withdrawals", withdrawals),
            page(app, "transactions", "Transactions", transactions),
        ],
        actions: vec![ask(app), cancel(app)],
    }
}

type DrawFn = fn(&mut ReadTx<'_>, &Coins, &PortalContext, Option<Uuid>) -> Result<PortalContent, Problem>;

/// A page that shows what is older than the row that its address names.
fn page(app: &Arc<Coins>, name: &'static str, title: &'static str, draw: DrawFn) -> PortalPage {
    let app = Arc::clone(app);
    let draw = move |tx: &mut ReadTx<'_>, portal_cx: &PortalContext, query: &[(String, String)]| {
        let after = query.iter().find(|(known, _)| known == "after").map(|(_, value)| value.as_str());
        draw(tx, &app, portal_cx, after.and_then(|after| Uuid::try_parse(after).ok())).map(Some)
    };
    PortalPage { name, title, listed: true, render: Box::new(draw) }
}

fn home(
    tx: &mut ReadTx<'_>,
    app: &Coins,
    portal_cx: &PortalContext,
    _: Option<Uuid>,
) -> Result<PortalContent, Problem> {
    let user = user_get(tx, portal_cx.object)?;
    let newest = withdrawals_of(tx, user.id, None, None, NEWEST)?;
    let facts = vec![
        ("Coins", Cell::Money(user.balance)),
        ("Worth", app.settings.worth(user.balance.minor()).map_or(Cell::Nothing, Cell::Money)),
    ];
    let tables = vec![withdrawals_table("Newest withdrawals", portal_cx, &newest)];
    let content = ReportContent { title: user.user_id.as_str().to_owned(), facts, tables };
    Ok(PortalContent { content, actions: vec![("withdraw", None)], ..PortalContent::default() })
}

fn withdrawals_table(title: &'static str, portal_cx: &PortalContext, rows: &[Withdrawal]) -> DetailTable {
    let row = |one: &Withdrawal| {
        let cancel = Cell::Link("Cancel".to_owned(), format!("{}do/cancel/?id={}", portal_cx.base, one.id));
        vec![
            Cell::Time(one.created_at),
            Cell::Money(one.amount),
            Cell::Money(one.rupees),
            Cell::Text(one.upi_id.as_str().to_owned()),
            status(one.status),
            Cell::text(one.utr.as_ref().map(Utr::as_str)),
            Cell::text(one.reason.clone().or_else(|| one.public_note.clone())),
            if one.status == WithdrawalStatus::Pending { cancel } else { Cell::Nothing },
        ]
    };
    DetailTable {
        title,
        empty: "Nothing has been withdrawn yet.",
        columns: vec!["Asked", "Coins", "Rupees", "UPI id", "Status", "UTR", "Note", "Still open"],
        rows: rows.iter().map(row).collect(),
    }
}

fn withdrawals(
    tx: &mut ReadTx<'_>,
    _: &Coins,
    portal_cx: &PortalContext,
    after: Option<Uuid>,
) -> Result<PortalContent, Problem> {
    let mut rows = withdrawals_of(tx, portal_cx.object, None, after, ROWS + 1)?;
    let next = next(&mut rows, |one| one.id);
    let tables = vec![withdrawals_table("Withdrawals", portal_cx, &rows)];
    let content = ReportContent { title: "Withdrawals".to_owned(), facts: Vec::new(), tables };
    Ok(PortalContent { content, next, actions: vec![("withdraw", None)], csv: true, ..PortalContent::default() })
}

fn transactions(
    tx: &mut ReadTx<'_>,
    _: &Coins,
    portal_cx: &PortalContext,
    after: Option<Uuid>,
) -> Result<PortalContent, Problem> {
    let mut rows = transactions_of(tx, portal_cx.object, after, ROWS + 1)?;
    let next = next(&mut rows, |one| one.id);
    let cells = rows.into_iter().map(|one| {
        let (what, reason) = (Cell::Text(one.movement.name().to_owned()), Cell::Text(one.reason));
        vec![Cell::Time(one.created_at), what, Cell::Money(one.amount), Cell::Money(one.balance_after), reason]
    });
    let table = DetailTable {
        title: "Transactions",
        empty: "There is no movement of coins yet.",
        columns: vec!["When", "What", "Coins", "Coins after", "Reason"],
        rows: cells.collect(),
    };
    let content = ReportContent { title: "Transactions".to_owned(), facts: Vec::new(), tables: vec![table] };
    Ok(PortalContent { content, next, csv: true, ..PortalContent::default() })
}

/// Cuts a page off a list that was read with one row more, and says where the next begins.
fn next<T>(rows: &mut Vec<T>, id: impl Fn(&T) -> Uuid) -> Option<String> {
    let more = rows.len() > ROWS as usize;
    rows.truncate(ROWS as usize);
    rows.last().filter(|_| more).map(|last| format!("after={}", id(last)))
}

/// How many coins, and whom to pay.
fn ask_read(mut fields: Fields<'_>, settings: &Settings) -> Result<(Money, UpiId), Problem> {
    let amount = fields.amount("amount", Currency::COIN).and_then(|amount| {
        let (least, most) = (settings.least, settings.most);
        if (least..=most).contains(&amount.minor()) {
            return Some(amount);
        }
        let rule = Rule::new("out_of_range", format!("be a whole number of coins from {least} to {most}"));
        fields.refuse("amount", &amount.to_string(), rule)
    });
    let amount = fields.required("amount", amount);
    let upi_id = fields.parsed("upi_id", UpiId::parse);
    let upi_id = fields.required("upi_id", upi_id);
    fields.finish(amount.zip(upi_id))
}

/// The user, where money may leave for whoever looks: their address is confirmed.
fn payee(tx: &mut ReadTx<'_>, portal_cx: &PortalContext) -> Result<CoinUser, Problem> {
    if person_get(tx, portal_cx.user)?.email_verified_at.is_none() {
        return Err(Error::Unconfirmed.into());
    }
    Ok(user_get(tx, portal_cx.object)?)
}

fn ask(app: &Arc<Coins>) -> PortalAction {
    let (reading, asking, bounds) = (Arc::clone(app), Arc::clone(app), Arc::clone(&app.settings));
    PortalAction {
        name: "withdraw",
        title: "Withdraw",
        harms: false,
        command: &commands::WITHDRAWAL_CREATE,
        fields: Box::new(move |_, _, _| {
            let amount = Field::line("amount", "Coins", "A whole number.").input(Input::Amount);
            let upi_id = Field::line("upi_id", "UPI id", "Whom to pay, such as asha@okhdfcbank.");
            Ok(vec![amount.with(bounds.least.to_string()), upi_id])
        }),
        preview: Box::new(move |tx, portal_cx, _, fields| {
            let (amount, upi_id) = ask_read(fields, &reading.settings)?;
            let user = payee(tx, portal_cx)?;
            let available = user.balance;
            let left = available.checked_sub(amount).filter(|left| left.minor() >= 0);
            let left = left.ok_or(Error::Insufficient { available, needed: amount })?.minor();
            let rupees = reading.settings.worth(amount.minor()).unwrap_or(Money::zero(Currency::INR)).for_people();
            let (amount, upi_id) = (amount.minor(), upi_id.as_str());
            Ok(Preview::sentence(format!("{amount} coins become {rupees} to {upi_id}. {left} coins will be left.")))
        }),
        run: Box::new(move |invocation| {
            let app = Arc::clone(&asking);
            Box::pin(async move {
                let (amount, upi_id) = ask_read(invocation.fields(), &app.settings)?;
                let cx = invocation.portal.request_context(invocation.id);
                let Invocation { portal: portal_cx, idempotency: repeat, .. } = invocation;
                let now = portal_cx.now;
                let period = Period::at(now, &app.context.zone).ok_or_else(|| Problem::internal("the end of time"))?;
                let (settings, go) = (Arc::clone(&app.settings), format!("{}withdrawals/", portal_cx.base));
                let asked = app.context.store.write(move |tx| {
                    IdempotentResponse::run(tx, now, Some(&repeat), |tx| {
                        let user_id = payee(tx, &portal_cx)?.user_id;
                        let new = NewWithdrawal { user_id, amount, upi_id: upi_id.clone() };
                        let mut cx = cx.clone();
                        let (one, _) = withdrawal_create(tx, &settings, &mut cx, &new, &period)?;
                        change_record(tx, &mut cx, None, &one)?;
                        Ok::<_, Problem>(one.id.to_string())
                    })
                });
                asked.await?;
                Ok(PortalOutcome::Redirect(go))
            })
        }),
    }
}

fn cancel(app: &Arc<Coins>) -> PortalAction {
    let cancelling = Arc::clone(app);
    PortalAction {
        name: "cancel",
        title: "Cancel",
        harms: true,
        command: &commands::WITHDRAWAL_CANCEL,
        fields: Box::new(|_, _, _| Ok(Vec::new())),
        preview: Box::new(|tx, portal_cx, target, fields| {
            fields.finish(Some(()))?;
            let one = own(tx, portal_cx.object, target)?;
            if !one.status.may_become(WithdrawalStatus::Cancelled) {
                return Err(Error::NotSo { is: one.status, next: WithdrawalStatus::Cancelled }.into());
            }
            let (rupees, back) = (one.rupees.for_people(), one.amount.minor());
            Ok(Preview::sentence(format!("{rupees} will not be paid; {back} coins are back at once.")))
        }),
        run: Box::new(move |invocation| {
            let app = Arc::clone(&cancelling);
            Box::pin(async move {
                let cx = invocation.portal.request_context(invocation.id);
                let Invocation { portal: portal_cx, target, idempotency: repeat, .. } = invocation;
                let now = portal_cx.now;
                let (settings, go) = (Arc::clone(&app.settings), format!("{}withdrawals/", portal_cx.base));
                let cancelled = app.context.store.write(move |tx| {
                    IdempotentResponse::run(tx, now, Some(&repeat), |tx| {
                        let id = own(tx, portal_cx.object, target)?.id;
                        let reason = "User requested cancellation";
                        let mut cx = cx.clone();
                        let one = withdrawal_cancel(tx, &settings, &mut cx, id, reason)?;
                        change_record(tx, &mut cx, Some(WithdrawalStatus::Pending), &one)?;
                        Ok::<_, Error>(one.id.to_string())
                    })
                });
                cancelled.await.map_err(|error: Error| Problem::from(error))?;
                Ok(PortalOutcome::Redirect(go))
            })
        }),
    }
}

/// The withdrawal, where it is this user's. Another's is not there.
fn own(tx: &mut ReadTx<'_>, user: Uuid, id: Option<Uuid>) -> Result<Withdrawal, Error> {
    let one = withdrawal_get(tx, id.ok_or(Error::NoWithdrawal)?)?;
    if one.owner == user { Ok(one) } else { Err(Error::NoWithdrawal) }
}
