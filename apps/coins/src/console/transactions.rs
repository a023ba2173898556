//! Every movement of coins in the console, to be read.

use purser_kit::console::{Cell, Choice, Column, ColumnKind, Detail, Filter, Listing, Resource, Search, Tone};
use purser_kit::{Commands, Problem};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use crate::service::user_get;
use crate::store::transaction::{TRANSACTIONS_FROM, transaction_find};

const KINDS: &[Choice] = &[
    Choice { value: "award", title: "award", tone: Tone::Good },
    Choice { value: "spend", title: "spend", tone: Tone::Quiet },
    Choice { value: "withdrawal", title: "withdrawal", tone: Tone::Quiet },
    Choice { value: "refund", title: "refund", tone: Tone::Quiet },
    Choice { value: "adjustment", title: "adjustment", tone: Tone::Waiting },
];

pub(super) fn resource() -> Resource {
    Resource {
        name: "transactions",
        title: "Coin transactions",
        one: "coin transaction",
        about: "Every movement of coins, as their owners read it.",
        view: "coins.view",
        listing: Listing {
            from: TRANSACTIONS_FROM,
            id: "t.id",
            columns: vec![
                Column::new("user", "User", "u.user_id", ColumnKind::UserText),
                Column::new("kind", "What", "t.kind", ColumnKind::Choice(KINDS)),
                Column::new("amount", "Coins", "t.amount", ColumnKind::Money(Currency::COIN)),
                Column::new("balance_after", "Coins after", "t.balance_after", ColumnKind::Money(Currency::COIN)),
                Column::new("reason", "Reason", "t.reason", ColumnKind::Text),
                Column::new("reference", "Reference", "t.reference", ColumnKind::Text),
                Column::new("created_at", "When", "t.created_at", ColumnKind::Time),
            ],
            search: &[Search::Begins("u.user_id"), Search::Begins("t.reference")],
            filters: &[Filter {
                name: "kind",
                title: "What",
                choices: &[
                    ("award", "award", "t.kind = 'award'"),
                    ("spend", "spend", "t.kind = 'spend'"),
                    ("withdrawal", "withdrawal", "t.kind = 'withdrawal'"),
                    ("refund", "refund", "t.kind = 'refund'"),
                    ("adjustment", "adjustment", "t.kind = 'adjustment'"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(detail),
        commands: Commands::default(),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(one) = transaction_find(tx, id)? else { return Ok(None) };
    let user = user_get(tx, one.owner)?;
    let withdrawal = one.withdrawal.map(|id| Cell::object("the withdrawal", "coins", "withdrawals", id));
    Ok(Some(Detail {
        title: format!("{} of {} coins", one.movement.name(), one.amount.minor().saturating_abs()),
        facts: vec![
            ("User", Cell::object(user.user_id.as_str(), "coins", "users", user.id)),
            ("What", Cell::Text(one.movement.name().to_owned())),
            ("Coins", Cell::Money(one.amount)),
            ("Coins after", Cell::Money(one.balance_after)),
            ("Reason", Cell::Text(one.reason)),
            ("Reference", Cell::text(one.reference)),
            ("Withdrawal", withdrawal.unwrap_or(Cell::Nothing)),
            ("Journal entry", Cell::Number(one.entry.get())),
            ("By", Cell::Text(one.made_by)),
            ("When", Cell::Time(one.created_at)),
            ("Id", Cell::Text(id.to_string())),
        ],
        ..Detail::default()
    }))
}
