//! `purser key create`, `list`, `revoke`

use std::process::ExitCode;

use jiff::SignedDuration;
use purser_identity::{
    ApiKey, Error as IdentityError, NewApiKey, Scopes, Secret, Tie, api_key_create, api_key_list, api_key_revoke,
};
use purser_kit::AppContext;
use purser_kit::console::Doer;
use serde_json::json;
use uuid::Uuid;

use super::coins::user as coins_user;
use super::{ACTOR, doer, print_json};
use crate::cli::{Key, KeyCreate};
use crate::config::Config;
use crate::failure::Failure;
use crate::{apps, edge, house};

pub(super) async fn run(config: &Config, command: Key) -> Result<ExitCode, Failure> {
    let context = house::context(config, house::store_migrated(config).await?)?;
    let done = match command {
        Key::Create(flags) => create(&context, flags).await,
        Key::List { json } => list(&context, json).await,
        Key::Revoke { id } => revoke(&context, id).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

async fn create(context: &AppContext, flags: KeyCreate) -> Result<(), Failure> {
    let scopes = Scopes::parse(&flags.scopes.join(" ")).map_err(|error| Failure::usage(error.to_string()))?;
    warn_of_idle(&scopes);
    let (now, id) = context.stamp();
    let days = flags.expires.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let expires_at = days.map(|days| now.checked_add(days)).transpose().map_err(Failure::refused)?;
    let seller = flags.seller.map(|id| Tie { kind: purser_charge::SELLER_TIE.to_owned(), id });
    let tie = match flags.coins_user {
        Some(user_id) => Some(coins_tie(context, &user_id).await?),
        None => seller,
    };
    let new = NewApiKey { id, label: flags.label, scopes, tie, expires_at, created_by: ACTOR.to_owned() };
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
async fn coins_tie(context: &AppContext, user_id: &str) -> Result<Tie, Failure> {
    let user = coins_user(context, user_id).await?;
    let user = user.ok_or_else(|| Failure::refused(format!("there is no user '{user_id}' who ever had coins")))?;
    Ok(Tie { kind: purser_coins::USER_TIE.to_owned(), id: user.id })
}

/// Creates a key and notes it in the audit log. The secret that is returned is kept nowhere else.
pub(super) async fn issue(context: &AppContext, new: NewApiKey) -> Result<Secret, Failure> {
    let secret = Secret::api_key(&edge::random_32());
    let (hash, doer) = (secret.hash(), doer(context));
    let write = context.store.write(move |tx| {
        api_key_create(tx, doer.now, &new, hash)?;
        let detail = json!({ "label": new.label, "scopes": new.scopes.to_string() });
        note(tx, &mut doer.clone(), "key.create", new.id, &detail)
    });
    write.await?;
    Ok(secret)
}

fn note(
    tx: &mut purser_store::WriteTx<'_>,
    doer: &mut Doer,
    action: &str,
    key: Uuid,
    detail: &serde_json::Value,
) -> Result<(), IdentityError> {
    Ok(doer.record(tx, action, &format!("key:{key}"), detail)?)
}

/// Keys read at once.
const PAGE: u32 = 500;

/// Every key, newest first.
pub(super) async fn all(context: &AppContext) -> Result<Vec<ApiKey>, Failure> {
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

async fn list(context: &AppContext, json: bool) -> Result<(), Failure> {
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
        let tie = key.tie.map(|tie| format!(", tied to {} {}", tie.kind, tie.id)).unwrap_or_default();
        println!("{}  {:8} {}  ({}{tie})", key.id, state, key.label, key.scopes);
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
        "tie": key.tie.as_ref().map(|tie| json!({ "kind": tie.kind, "id": tie.id })),
        "created_by": key.created_by,
        "created_at": key.created_at.to_string(),
        "expires_at": time(key.expires_at),
        "last_used_at": time(key.last_used_at),
        "revoked_at": time(key.revoked_at),
    })
}

async fn revoke(context: &AppContext, id: Uuid) -> Result<(), Failure> {
    let doer = doer(context);
    let write = context.store.write(move |tx| {
        api_key_revoke(tx, doer.now, id, &doer.actor)?;
        note(tx, &mut doer.clone(), "key.revoke", id, &json!({}))
    });
    write.await?;
    println!("The key {id} is revoked. A server that runs refuses it within two seconds.");
    Ok(())
}
