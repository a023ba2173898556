//! `purser serve --demo`: an empty database filled with believable data, and sign-ins for it.

use purser_identity::{Email, NewApiKey, Scopes, Username, api_key_revoke, superuser_exists, user_by_login};
use purser_kit::{App, AppContext};

use super::{key, say, user};
use crate::cli_error::CliError;
use crate::environment;

const USERNAME: &str = "demo";
const EMAIL: &str = "demo@example.com";
const KEY: &str = "demo";

/// People whom the apps have made without a password, and what each is there for.
const PEOPLE: [(&str, &str); 1] = [("shop", "sells in the portal")];

/// Fills an empty database; one that holds the demo already only gets fresh sign-ins. Anything else is refused.
pub(super) async fn fill(context: &AppContext, apps: &[App]) -> Result<(), CliError> {
    let known = context.store.read(|tx| user_by_login(tx, USERNAME)).await?;
    let password = password();
    let hash = user::hashed(&password, &[])?;
    match known {
        Some((demo, _)) => user::set(context, demo.id, hash).await?,
        None => {
            refuse_filled(context).await?;
            for app in apps {
                let lines = (app.demo)().await.map_err(|problem| CliError::refused(problem.detail()))?;
                for line in lines {
                    say(format!("demo: {line}"));
                }
            }
            user::add(context, person()?, hash).await?;
        }
    }
    say(format!("demo: sign in as {USERNAME} with the password {password}"));
    for (username, about) in PEOPLE {
        let Some((person, _)) = context.store.read(move |tx| user_by_login(tx, username)).await? else { continue };
        let password = self::password();
        user::set(context, person.id, user::hashed(&password, &[])?).await?;
        say(format!("demo: sign in as {username}, who {about}, with the password {password}"));
    }
    say(format!("demo: the API key is {}", new_key(context).await?));
    say("demo: staff need no second factor here; without --demo they do");
    Ok(())
}

async fn refuse_filled(context: &AppContext) -> Result<(), CliError> {
    let filled = context.store.read(|tx| {
        let entries = purser_ledger::verify(tx).map(|report| report.entries)?;
        let people = superuser_exists(tx).unwrap_or(true);
        Ok::<_, purser_ledger::Error>(entries > 0 || people)
    });
    if filled.await? {
        return Err(CliError::refused(
            "this database holds something already, and demo data does not belong beside it; \
             start with --data and an empty folder",
        ));
    }
    Ok(())
}

fn person() -> Result<user::PersonDetails, CliError> {
    let username = Username::parse(USERNAME).map_err(CliError::refused)?;
    let email = Email::parse(EMAIL).map_err(CliError::refused)?;
    Ok(user::PersonDetails { username, email, is_staff: true, is_superuser: true })
}

/// Made up on the spot: 20 letters and digits that cannot be mistaken for each other.
fn password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let letters: Vec<u8> =
        environment::random_32().iter().take(20).map(|byte| LETTERS[usize::from(byte % 32)]).collect();
    let text = String::from_utf8_lossy(&letters).into_owned();
    [&text[..5], &text[5..10], &text[10..15], &text[15..]].join("-")
}

/// The demo's key was shown once, at an earlier start: that one ends, and a new one is made.
async fn new_key(context: &AppContext) -> Result<String, CliError> {
    let keys = key::all(context).await?;
    for old in keys.into_iter().filter(|key| key.label == KEY && key.revoked_at.is_none()) {
        let now = context.now();
        context.store.write(move |tx| api_key_revoke(tx, now, old.id, "system:demo")).await?;
    }
    let (_, id) = context.stamp();
    let new = NewApiKey {
        id,
        label: KEY.to_owned(),
        scopes: Scopes::everything(),
        binding: None,
        expires_at: None,
        created_by: "system:demo".to_owned(),
    };
    Ok(key::issue(context, new).await?.expose().to_owned())
}
