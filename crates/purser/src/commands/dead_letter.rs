//! `purser dead-letter list`, `requeue` and `discard`

use std::process::ExitCode;

use purser_kit::AppContext;
use purser_kit::console::RequestContext;
use purser_outbox::{DeadLetter as Letter, Error, dead_letter_discard, dead_letter_requeue, dead_letters};
use purser_store::WriteTx;
use serde_json::json;
use uuid::Uuid;

use super::{print_json, request_context};
use crate::cli::DeadLetterCommand;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::instance;

/// Letters listed, and requeued by `--all`, at most.
const MOST: u32 = 1_000;

pub(super) async fn run(config: &Config, command: DeadLetterCommand) -> Result<ExitCode, CliError> {
    let context = instance::context(config, instance::store_there(config).await?)?;
    let done = match command {
        DeadLetterCommand::List { json } => list(&context, json).await,
        DeadLetterCommand::Requeue { ids, all } => requeue(&context, ids, all).await,
        DeadLetterCommand::Discard { id } => discard(&context, id).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(context: &AppContext, json: bool) -> Result<(), CliError> {
    let letters = context.store.read(|tx| dead_letters(tx, MOST, None)).await?;
    if json {
        print_json(&letters.iter().map(as_json).collect());
        return Ok(());
    }
    if letters.is_empty() {
        println!("There are no dead letters: every job was done, or will be tried again.");
    }
    for letter in letters {
        let why = letter.failures.last().map(|failure| failure.error.as_str()).unwrap_or_default();
        println!("{}  {}  {} after {} attempts: {why}", letter.id, letter.died_at, letter.kind, letter.attempts);
    }
    Ok(())
}

fn as_json(letter: &Letter) -> serde_json::Value {
    json!({
        "id": letter.id,
        "kind": letter.kind,
        "payload": letter.payload,
        "attempts": letter.attempts,
        "errors": letter.failures.iter().map(|failure| failure.error.as_str()).collect::<Vec<_>>(),
        "created_at": letter.created_at.to_string(),
        "died_at": letter.died_at.to_string(),
    })
}

async fn requeue(context: &AppContext, ids: Vec<Uuid>, all: bool) -> Result<(), CliError> {
    let ids = if all {
        let letters = context.store.read(|tx| dead_letters(tx, MOST, None)).await?;
        letters.into_iter().map(|letter| letter.id).collect()
    } else {
        ids
    };
    let (count, cx) = (ids.len(), request_context(context));
    let requeued = context.store.write(move |tx| {
        let mut cx = cx.clone();
        for id in &ids {
            dead_letter_requeue(tx, cx.now, *id)?;
            note(tx, &mut cx, "dead_letter.requeue", *id)?;
        }
        Ok::<_, Error>(())
    });
    requeued.await?;
    println!("{count} requeued. A worker takes them within a second.");
    Ok(())
}

async fn discard(context: &AppContext, id: Uuid) -> Result<(), CliError> {
    let cx = request_context(context);
    let discarded = context.store.write(move |tx| {
        dead_letter_discard(tx, id)?;
        note(tx, &mut cx.clone(), "dead_letter.discard", id)
    });
    discarded.await?;
    println!("The dead letter {id} is gone, and its job will never be done.");
    Ok(())
}

fn note(tx: &mut WriteTx<'_>, cx: &mut RequestContext, action: &str, id: Uuid) -> Result<(), Error> {
    Ok(cx.record(tx, action, &format!("house:dead-letters:{id}"), &json!({}))?)
}
