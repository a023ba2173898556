//! `purser user create` and `purser user password`

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::process::ExitCode;

use purser_identity::{
    Access, Email, Error as IdentityError, HashCost, NewUser, PasswordHash, Roles, Username, access_set,
    password_check, password_hash, password_set, user_by_login, user_create,
};
use purser_kit::AppContext;
use purser_kit::console::{Doer, changed};
use purser_store::WriteTx;
use serde_json::json;
use uuid::Uuid;

use super::{doer, print_json};
use crate::cli::{User, UserCreate, UserRole};
use crate::config::Config;
use crate::failure::Failure;
use crate::{edge, house};

pub(super) async fn run(config: &Config, command: User) -> Result<ExitCode, Failure> {
    let context = house::context(config, house::store_migrated(config).await?)?;
    let done = match command {
        User::Create(flags) => create(&context, flags).await,
        User::Password { login, password_stdin: _ } => password(&context, login).await,
        User::Role(flags) => role(&context, flags).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

async fn create(context: &AppContext, flags: UserCreate) -> Result<(), Failure> {
    let username = Username::parse(&flags.username).map_err(|error| Failure::usage(error.to_string()))?;
    let email = Email::parse(&flags.email).map_err(|error| Failure::usage(error.to_string()))?;
    let hash = hashed(&read_password()?, &[username.as_str(), email.as_str()])?;
    let person = Person { username, email, is_staff: flags.staff, is_superuser: flags.superuser };
    let id = add(context, person, hash).await?;
    if flags.json {
        print_json(&json!({ "id": id, "username": flags.username }));
    } else {
        println!("{} can sign in now.", flags.username);
    }
    Ok(())
}

/// Who a new person is.
pub(super) struct Person {
    pub(super) username: Username,
    pub(super) email: Email,
    pub(super) is_staff: bool,
    pub(super) is_superuser: bool,
}

pub(super) async fn add(context: &AppContext, person: Person, password: PasswordHash) -> Result<Uuid, Failure> {
    let mut doer = doer(context);
    let id = doer.fresh_id();
    let new = NewUser {
        id,
        username: person.username,
        email: person.email,
        first_name: String::new(),
        last_name: String::new(),
        is_staff: person.is_staff || person.is_superuser,
        is_superuser: person.is_superuser,
        password: Some(password),
        actor: doer.actor.clone(),
    };
    let kind = kind(new.is_superuser, new.is_staff);
    let told = json!({ "entered": { "username": new.username.as_str(), "email": new.email.as_str(), "kind": kind } });
    let made = context.store.write(move |tx| {
        user_create(tx, doer.now, &new)?;
        note(tx, &mut doer.clone(), "user.create", id, &told)
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
    doer: &mut Doer,
    action: &str,
    person: Uuid,
    detail: &serde_json::Value,
) -> Result<(), IdentityError> {
    Ok(doer.record(tx, action, &format!("house:people:{person}"), detail)?)
}

async fn password(context: &AppContext, login: String) -> Result<(), Failure> {
    let user = find(context, login.clone()).await?;
    let hash = hashed(&read_password()?, &[user.username.as_str(), user.email.as_str()])?;
    set(context, user.id, hash).await?;
    println!("The password of {} is set, and every session of theirs has ended.", user.username);
    if user.is_active && !user.may_enter() {
        println!("They sign in once they have confirmed their address: have them ask for a new password by mail.");
    }
    Ok(())
}

async fn role(context: &AppContext, flags: UserRole) -> Result<(), Failure> {
    let user = find(context, flags.login).await?;
    let roles = Roles::parse(&flags.roles.join(" ")).map_err(|error| Failure::usage(error.to_string()))?;
    let known = context.rights.roles();
    if let Some(strange) = roles.iter().find(|role| !known.iter().any(|(name, _)| name == role)) {
        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::usage(format!("there is no role {strange}; the roles are {}", names.join(", "))));
    }
    let is_superuser = flags.kind == "superuser";
    let is_staff = is_superuser || flags.kind == "staff";
    let access = Access { is_staff, is_superuser, is_active: user.is_active, roles };
    let told = if access.roles.is_empty() { "no roles".to_owned() } else { access.roles.to_string() };
    let doer = doer(context);
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
        access_set(tx, doer.now, id, &access)?;
        note(tx, &mut doer.clone(), "user.role", id, &detail)
    });
    set.await?;
    println!("{} is {} now, with {told}, and every session of theirs has ended.", user.username, flags.kind);
    Ok(())
}

pub(super) async fn find(context: &AppContext, login: String) -> Result<purser_identity::User, Failure> {
    let name = login.clone();
    let found = context.store.read(move |tx| user_by_login(tx, &login)).await?;
    found.map(|(user, _)| user).ok_or_else(|| Failure::refused(format!("nobody is called '{name}'")))
}

pub(super) async fn set(context: &AppContext, user: Uuid, hash: PasswordHash) -> Result<(), Failure> {
    let doer = doer(context);
    let set = context.store.write(move |tx| {
        password_set(tx, doer.now, user, &hash, &doer.actor)?;
        note(tx, &mut doer.clone(), "user.password", user, &json!({}))
    });
    Ok(set.await?)
}

/// Checks a password's rules and hashes it.
pub(super) fn hashed(password: &str, own: &[&str]) -> Result<PasswordHash, Failure> {
    password_check(password, own).map_err(Failure::refused)?;
    Ok(password_hash(password, edge::random_16(), HashCost::standard())?)
}

fn read_password() -> Result<String, Failure> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("the password cannot be read from standard input: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
