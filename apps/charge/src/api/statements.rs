//! /api/sellers/{id}/statement/

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{Day, Decimal, PathId, Principal, Problem, QueryPairs, Time, json};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::own_seller;
use crate::Charge;
use crate::service::{self, DayLine};

/// A seller's day.
#[derive(Serialize, ToSchema)]
pub(super) struct StatementJson {
    seller_id: Uuid,
    #[schema(example = "2026-11-21")]
    date: String,
    /// When the day began, in the house's time zone.
    from: Time,
    /// When it ended, or will.
    until: Time,
    /// The credit when it began.
    opening: Decimal,
    /// What staff gave.
    credit_in: Decimal,
    /// What staff took, or took back.
    credit_out: Decimal,
    /// What sales took.
    sold: Decimal,
    /// What reversals gave back.
    reversed: Decimal,
    /// The credit when it ended, or now.
    closing: Decimal,
    /// How many sales took credit.
    sales: u64,
    /// Oldest first; the newest 10,000 of a longer day.
    lines: Vec<StatementLineJson>,
}

/// What moved the credit.
#[derive(Serialize, ToSchema)]
pub(super) struct StatementLineJson {
    at: Time,
    /// credit, credit-decrease, credit-reversal, sale or reversal.
    kind: String,
    /// What happened, for people.
    memo: String,
    /// The credit transaction's or the sale's.
    id: Option<Uuid>,
    phone_number: Option<String>,
    client_ref: Option<String>,
    /// What it added; negative where it took.
    change: Decimal,
    /// The credit after it.
    balance: Decimal,
}

impl From<DayLine> for StatementLineJson {
    fn from(line: DayLine) -> Self {
        StatementLineJson {
            at: Time(line.at),
            kind: line.kind.trim_start_matches("charge.").to_owned(),
            memo: line.memo,
            id: line.reference,
            phone_number: line.number.map(|number| number.to_string()),
            client_ref: line.client_ref,
            change: Decimal(line.change),
            balance: Decimal(line.balance),
        }
    }
}

/// A seller's statement of one day.
#[utoipa::path(get, path = "/api/sellers/{id}/statement/", tag = "charge: transactions", params(
    ("id" = Uuid, Path),
    ("date" = Option<String>, Query, format = Date, description = "The day, such as 2026-11-21, in the house's time zone; else today."),
), responses((status = 200, body = StatementJson)))]
pub(super) async fn seller_statement(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
    query: QueryPairs,
) -> Result<Response, Problem> {
    own_seller(&principal, id)?;
    let zone = &charge.context.zone;
    let mut fields = query.fields();
    let day = fields.parsed("date", |text| Day::parse(text, zone));
    fields.finish(Some(()))?;
    let day = day.or_else(|| Day::at(charge.context.now(), zone));
    let day = day.ok_or_else(|| Problem::internal("today has no end"))?;
    let (settings, span) = (Arc::clone(&charge.settings), day.span.clone());
    let read = charge.context.store.read(move |tx| service::day_statement(tx, &settings, id, &span));
    let statement = read.await?;
    let totals = statement.totals;
    let answer = StatementJson {
        seller_id: id,
        date: day.date.to_string(),
        from: Time(day.span.start),
        until: Time(day.span.end),
        opening: Decimal(totals.opening),
        credit_in: Decimal(totals.credit_in),
        credit_out: Decimal(totals.credit_out),
        sold: Decimal(totals.sold),
        reversed: Decimal(totals.reversed),
        closing: Decimal(totals.closing),
        sales: totals.sales,
        lines: statement.lines.into_iter().map(StatementLineJson::from).collect(),
    };
    Ok(json(StatusCode::OK, &answer))
}
