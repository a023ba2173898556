//! `purser key create`, `list`, `revoke`

use std::process::ExitCode;

use jiff::SignedDuration;
use purser_identity::{
    ApiKey, Error as IdentityError, NewApiKey, ResourceBinding, Scopes, Secret, api_key_create, api_key_list,
    api_key_revoke,
};
use purser_kit::AppContext;
use purser_kit::console::RequestContext;
use serde_json::json;
use uuid::Uuid;

use super::coins::user as coins_user;
use super::{ACTOR, print_json, request_context};
use crate::cli::{KeyCommand, KeyCreateArgs};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, environment, instance};

pub(super) async fn run(config: &Config, command: KeyCommand) -> Result<ExitCode, CliError> {
    let context = instance::context(config, instance::store_migrated(config).await?)?;
    let done = match command {
        KeyCommand::Create(flags) => create(&context, flags).await,
        KeyCommand::List { json } => list(&context, json).await,
        KeyCommand::Revoke { id } => revoke(&context, id).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

async fn create(context: &AppContext, flags: KeyCreateArgs) -> Result<(), CliError> {
    let scopes = Scopes::parse(&flags.scopes.join(" ")).map_err(|error| CliError::usage(error.to_string()))?;
    warn_of_idle(&scopes);
    let (now, id) = context.stamp();
    let days = flags.expires.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let expires_at = days.map(|days| now.checked_add(days)).transpose().map_err(CliError::refused)?;
    let seller = flags.seller.map(|id| ResourceBinding { kind: purser_charge::SELLER_BINDING.to_owned(), id });
    let binding = match flags.coins_user {
        Some(user_id) => Some(coins_binding(context, &user_id).await?),
        None => seller,
    };
    let new = NewApiKey { id, label: flags.label, scopes, binding, expires_at, created_by: ACTOR.to_owned() };
    let secret = issue(context, new.clone()).await?;
    if flags.json {
        print_json(&json!({ "id": id, "key": secret.expose() }));
    } else {
        println!("id   {id}\nkey  {}\n\nThe key is shown this once. It may: {}", secret.expose(), new.scopes);
    }
    Ok(())
}

/// Says which scopes open nothing here. They are no error: the app that knows them may come with the next version.
fn warn_of_idle(scopes: &Scopes) {
    let permissions: Vec<&str> = apps::scopes().iter().map(|scope| scope.name).collect();
    let idle = scopes.idle(&permissions);
    if !idle.is_empty() {
        eprintln!("purser: nothing here needs {}. There are: {}", idle.join(" "), permissions.join(" "));
    }
}

/// A tie to the user whom the application calls so.
async fn coins_binding(context: &AppContext, user_id: &str) -> Result<ResourceBinding, CliError> {
    let user = coins_user(context, user_id).await?;
    let user = user.ok_or_else(|| CliError::refused(format!("there is no user '{user_id}' who ever had coins")))?;
    Ok(ResourceBinding { kind: purser_coins::USER_TIE.to_owned(), id: user.id })
}

/// Creates a key and notes it in the audit log. The secret that is returned is kept nowhere else.
pub(super) async fn issue(context: &AppContext, new: NewApiKey) -> Result<Secret, CliError> {
    let secret = Secret::api_key(&environment::random_32());
    let (hash, cx) = (secret.hash(), request_context(context));
    let write = context.store.write(move |tx| {
        api_key_create(tx, cx.now, &new, hash)?;
        let detail = json!({ "label": new.label, "scopes": new.scopes.to_string() });
        note(tx, &mut cx.clone(), "key.create", new.id, &detail)
    });
    write.await?;
    Ok(secret)
}

fn note(
    tx: &mut purser_store::WriteTx<'_>,
    cx: &mut RequestContext,
    action: &str,
    key: Uuid,
    detail: &serde_json::Value,
) -> Result<(), IdentityError> {
    Ok(cx.record(tx, action, &format!("key:{key}"), detail)?)
}

/// Keys read at once.
const PAGE: u32 = 500;

/// Every key, newest first.
pub(super) async fn all(context: &AppContext) -> Result<Vec<ApiKey>, CliError> {
    let (mut before, mut keys) = (None, Vec::new());
    loop {
        let page = context.store.read(move |tx| api_key_list(tx, PAGE, before)).await?;
        before = page.last().map(|last| (last.created_at, last.id));
        let is_last = page.len() < PAGE as usize;
        keys.extend(page);
        if is_last {
            return Ok(keys);
        }
    }
}

async fn list(context: &AppContext, json: bool) -> Result<(), CliError> {
    let keys = all(context).await?;
    if json {
        print_json(&keys.iter().map(as_json).collect());
        return Ok(());
    }
    if keys.is_empty() {
        println!("There are no keys yet: purser key create LABEL --scope 'charge.*'");
    }
    for key in keys {
        let state = state(&key, context.now());
        let binding =
            key.binding.map(|binding| format!(", tied to {} {}", binding.kind, binding.id)).unwrap_or_default();
        println!("{}  {:8} {}  ({}{binding})", key.id, state, key.label, key.scopes);
    }
    Ok(())
}

fn state(key: &ApiKey, now: jiff::Timestamp) -> &'static str {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        _ => "live",
    }
}

fn as_json(key: &ApiKey) -> serde_json::Value {
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": key.id,
        "label": key.label,
        "scopes": key.scopes.to_string(),
        "tie": key.binding.as_ref().map(|binding| json!({ "kind": binding.kind, "id": binding.id })),
        "created_by": key.created_by,
        "created_at": key.created_at.to_string(),
        "expires_at": time(key.expires_at),
        "last_used_at": time(key.last_used_at),
        "revoked_at": time(key.revoked_at),
    })
}

async fn revoke(context: &AppContext, id: Uuid) -> Result<(), CliError> {
    let cx = request_context(context);
    let write = context.store.write(move |tx| {
        api_key_revoke(tx, cx.now, id, &cx.actor)?;
        note(tx, &mut cx.clone(), "key.revoke", id, &json!({}))
    });
    write.await?;
    println!("The key {id} is revoked. A server that runs refuses it within two seconds.");
    Ok(())
}
