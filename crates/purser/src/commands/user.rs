//! `purser user create` and `purser user password`

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::process::ExitCode;

use purser_identity::{
    Email, Error as IdentityError, HashCost, NewUser, PasswordHash, Privileges, Roles, Username, access_set,
    password_check, password_hash, password_set, user_by_login, user_create,
};
use purser_kit::AppContext;
use purser_kit::console::{RequestContext, changed};
use purser_store::WriteTx;
use serde_json::json;
use uuid::Uuid;

use super::{print_json, request_context};
use crate::cli::{UserCommand, UserCreateArgs, UserRoleArgs};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{environment, instance};

pub(super) async fn run(config: &Config, command: UserCommand) -> Result<ExitCode, CliError> {
    let context = instance::context(config, instance::store_migrated(config).await?)?;
    let done = match command {
        UserCommand::Create(flags) => create(&context, flags).await,
        UserCommand::Password { login, password_stdin: _ } => password(&context, login).await,
        UserCommand::Role(flags) => role(&context, flags).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

async fn create(context: &AppContext, flags: UserCreateArgs) -> Result<(), CliError> {
    let username = Username::parse(&flags.username).map_err(|error| CliError::usage(error.to_string()))?;
    let email = Email::parse(&flags.email).map_err(|error| CliError::usage(error.to_string()))?;
    let hash = hashed(&read_password()?, &[username.as_str(), email.as_str()])?;
    let person = PersonDetails { username, email, is_staff: flags.staff, is_superuser: flags.superuser };
    let id = add(context, person, hash).await?;
    if flags.json {
        print_json(&json!({ "id": id, "username": flags.username }));
    } else {
        println!("{} can sign in now.", flags.username);
    }
    Ok(())
}

/// Who a new person is.
pub(super) struct PersonDetails {
    pub(super) username: Username,
    pub(super) email: Email,
    pub(super) is_staff: bool,
    pub(super) is_superuser: bool,
}

pub(super) async fn add(context: &AppContext, person: PersonDetails, password: PasswordHash) -> Result<Uuid, CliError> {
    let mut cx = request_context(context);
    let id = cx.new_id();
    let new = NewUser {
        id,
        username: person.username,
        email: person.email,
        first_name: String::new(),
        last_name: String::new(),
        is_staff: person.is_staff || person.is_superuser,
        is_superuser: person.is_superuser,
        password: Some(password),
        actor: cx.actor.clone(),
    };
    let kind = kind(new.is_superuser, new.is_staff);
    let told = json!({ "entered": { "username": new.username.as_str(), "email": new.email.as_str(), "kind": kind } });
    let made = context.store.write(move |tx| {
        user_create(tx, cx.now, &new)?;
        note(tx, &mut cx.clone(), "user.create", id, &told)
    });
    made.await?;
    Ok(id)
}

/// What somebody is, in the word of `--kind`.
fn kind(is_superuser: bool, is_staff: bool) -> &'static str {
    match (is_superuser, is_staff) {
        (true, _) => "superuser",
        (false, true) => "staff",
        (false, false) => "person",
    }
}

fn note(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    action: &str,
    person: Uuid,
    detail: &serde_json::Value,
) -> Result<(), IdentityError> {
    Ok(cx.record(tx, action, &format!("house:people:{person}"), detail)?)
}

async fn password(context: &AppContext, login: String) -> Result<(), CliError> {
    let user = find(context, login.clone()).await?;
    let hash = hashed(&read_password()?, &[user.username.as_str(), user.email.as_str()])?;
    set(context, user.id, hash).await?;
    println!("The password of {} is set, and every session of theirs has ended.", user.username);
    if user.is_active && !user.may_enter() {
        println!("They sign in once they have confirmed their address: have them ask for a new password by mail.");
    }
    Ok(())
}

async fn role(context: &AppContext, flags: UserRoleArgs) -> Result<(), CliError> {
    let user = find(context, flags.login).await?;
    let roles = Roles::parse(&flags.roles.join(" ")).map_err(|error| CliError::usage(error.to_string()))?;
    let known = context.rights.roles();
    if let Some(strange) = roles.iter().find(|role| !known.iter().any(|(name, _)| name == role)) {
        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        return Err(CliError::usage(format!("there is no role {strange}; the roles are {}", names.join(", "))));
    }
    let is_superuser = flags.kind == "superuser";
    let is_staff = is_superuser || flags.kind == "staff";
    let access = Privileges { is_staff, is_superuser, is_active: user.is_active, roles };
    let told = if access.roles.is_empty() { "no roles".to_owned() } else { access.roles.to_string() };
    let cx = request_context(context);
    let shown = |is_superuser: bool, is_staff: bool, roles: &Roles| {
        BTreeMap::from([
            ("Kind".to_owned(), kind(is_superuser, is_staff).to_owned()),
            ("Roles".to_owned(), roles.to_string()),
        ])
    };
    let before = shown(user.is_superuser, user.is_staff, &user.roles);
    let detail = json!({ "changed": changed(&before, &shown(access.is_superuser, access.is_staff, &access.roles)) });
    let id = user.id;
    let set = context.store.write(move |tx| {
        access_set(tx, cx.now, id, &access)?;
        note(tx, &mut cx.clone(), "user.role", id, &detail)
    });
    set.await?;
    println!("{} is {} now, with {told}, and every session of theirs has ended.", user.username, flags.kind);
    Ok(())
}

pub(super) async fn find(context: &AppContext, login: String) -> Result<purser_identity::User, CliError> {
    let name = login.clone();
    let found = context.store.read(move |tx| user_by_login(tx, &login)).await?;
    found.map(|(user, _)| user).ok_or_else(|| CliError::refused(format!("nobody is called '{name}'")))
}

pub(super) async fn set(context: &AppContext, user: Uuid, hash: PasswordHash) -> Result<(), CliError> {
    let cx = request_context(context);
    let set = context.store.write(move |tx| {
        password_set(tx, cx.now, user, &hash, &cx.actor)?;
        note(tx, &mut cx.clone(), "user.password", user, &json!({}))
    });
    Ok(set.await?)
}

/// Checks a password's rules and hashes it.
pub(super) fn hashed(password: &str, own: &[&str]) -> Result<PasswordHash, CliError> {
    password_check(password, own).map_err(CliError::refused)?;
    Ok(password_hash(password, environment::random_16(), HashCost::standard())?)
}

fn read_password() -> Result<String, CliError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::usage(format!("the password cannot be read from standard input: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
