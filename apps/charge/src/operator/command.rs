//! What may be done to an operator.

use std::sync::Arc;

use purser_kit::console::{Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, RequestContext, Rule};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Charge;
use crate::api::OperatorJson;
use crate::catalog::parse_prefix;
use crate::domain::{OperatorRow, Settings};
use crate::error::Error;
use crate::service::{operator_apply, operator_get, operator_plan};
use crate::store::operator::operator_find;

/// Operators.
pub(crate) static OPERATORS: Noun<Charge> = Noun {
    app: "charge",
    name: "operators",
    one: "operator",
    binding: None,
    records: |_, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(operator) = operator_find(tx, *id)? {
                records.push((*id, AuditSnapshot::of(&OperatorJson::from(operator))?));
            }
        }
        Ok(records)
    },
};

/// What may be done to operators, in the order of the buttons.
pub(crate) fn operator_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&OPERATOR_CREATE).with(&OPERATOR_EDIT).with(&OPERATOR_START).with(&OPERATOR_STOP).all()
}

/// Prefixes of one operator, at most.
const MOST_PREFIXES: usize = 500;

/// What an operator is made or edited with. Without a status it stays as it is; a new one is active.
#[derive(Debug, Clone)]
pub(crate) struct OperatorForm {
    pub(crate) name: String,
    pub(crate) prefixes: Vec<String>,
    pub(crate) is_active: Option<bool>,
}

fn operator_form(charge: &Charge) -> Form<OperatorForm> {
    let settings = Arc::clone(&charge.settings);
    Form::of((
        FormField::line("name", "Name", "1 to 100 characters; no two operators share one.", 1, 100),
        FormField::parsed(
            "prefixes",
            "Prefixes",
            "With what its numbers begin, with spaces between: 9810 9811 +919812.",
            move |text| parse_prefixes(text, &settings),
        ),
    ))
    .map(|(name, prefixes)| OperatorForm { name, prefixes, is_active: None })
}

fn parse_prefixes(text: &str, settings: &Settings) -> Result<Vec<String>, Rule> {
    let mut prefixes = Vec::new();
    for prefix in text.split([' ', ',', ';', '\t', '\n', '\r']).filter(|prefix| !prefix.is_empty()) {
        prefixes.push(parse_prefix(prefix, settings.country)?);
    }
    prefixes.sort();
    prefixes.dedup();
    if prefixes.len() > MOST_PREFIXES {
        return Err(Rule::new("too_long", format!("be at most {MOST_PREFIXES} prefixes")));
    }
    Ok(prefixes)
}

/// Registers an operator: it decides where money for its numbers goes.
pub(crate) static OPERATOR_CREATE: Command<Charge, OperatorForm, OperatorRow, OperatorRow> = Command {
    spec: CommandSpec::money("charge.operators.create", "charge.manage")
        .titled("New operator", "Sales to its numbers are refused until it has a product that fits the amount.")
        .makes(),
    noun: &OPERATORS,
    form: operator_form,
    plan: |_, tx, _, id, form| {
        let OperatorForm { name, prefixes, is_active } = form.clone();
        operator_plan(tx, OperatorRow { id, name, is_active: is_active.unwrap_or(true), prefixes })
    },
    apply: |_, tx, cx, operator| operator_apply(tx, cx.now, operator),
    will: |plans| Preview::of_one(plans, |operator| format!("{} is made. It sells nothing yet.", operator.name)),
    outcome: |made| Outcome::of(made, |operator| format!("{} is there. Add its products next.", operator.name)),
    hooks: Hooks::NONE,
};

/// An operator before and after it was edited.
pub(crate) struct OperatorEdit {
    pub(crate) before: OperatorRow,
    pub(crate) after: OperatorRow,
}

/// Changes an operator, or whether its numbers are sold to.
pub(crate) static OPERATOR_EDIT: Command<Charge, OperatorForm, OperatorEdit, OperatorEdit> = Command {
    spec: CommandSpec::money("charge.operators.edit", "charge.manage").titled("Edit", ""),
    noun: &OPERATORS,
    form: operator_form,
    plan: |_, tx, _, id, form| {
        let OperatorForm { name, prefixes, is_active } = form.clone();
        let before = operator_get(tx, id)?;
        let is_active = is_active.unwrap_or(before.is_active);
        let after = operator_plan(tx, OperatorRow { id, name, is_active, prefixes })?;
        Ok(OperatorEdit { before, after })
    },
    apply: |_, tx, cx, OperatorEdit { before, after }| {
        let after = operator_apply(tx, cx.now, after)?;
        Ok(OperatorEdit { before, after })
    },
    will: |plans| Preview::of_one(plans, |OperatorEdit { after, .. }| format!("{} is changed.", after.name)),
    outcome: |edited| Outcome::of(edited, |OperatorEdit { after, .. }| format!("{} is changed.", after.name)),
    hooks: Hooks::NONE.fill(|_, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let operator = operator_get(tx, *id)?;
        Ok(vec![("name", operator.name), ("prefixes", operator.prefixes.join(" "))])
    }),
};

const fn active_set(
    spec: CommandSpec,
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &()) -> Result<OperatorRow, Error>,
) -> Command<Charge, (), OperatorRow, OperatorRow> {
    Command {
        spec,
        noun: &OPERATORS,
        form: |_| Form::empty(),
        plan,
        apply: |_, tx, cx, operator| operator_apply(tx, cx.now, operator),
        will: |plans| Preview::of_one(plans, consequence),
        outcome: |changed| Outcome::of(changed, consequence),
        hooks: Hooks::NONE,
    }
}

fn consequence(operator: &OperatorRow) -> String {
    let what = if operator.is_active { "can be sold to again" } else { "cannot be sold to until it is started again" };
    format!("Numbers of {} {what}.", operator.name)
}

/// Sells to an operator's numbers again.
pub(crate) static OPERATOR_START: Command<Charge, (), OperatorRow, OperatorRow> = active_set(
    CommandSpec::money("charge.operators.start", "charge.manage").titled("Start", ""),
    |_, tx, _, id, ()| Ok(OperatorRow { is_active: true, ..operator_get(tx, id)? }),
);

/// Sells to an operator's numbers no more.
pub(crate) static OPERATOR_STOP: Command<Charge, (), OperatorRow, OperatorRow> = active_set(
    CommandSpec::money("charge.operators.stop", "charge.manage").titled("Stop", "").harms(),
    |_, tx, _, id, ()| Ok(OperatorRow { is_active: false, ..operator_get(tx, id)? }),
);
