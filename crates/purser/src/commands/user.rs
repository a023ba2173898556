//! `purser user create` and `purser user password`

use std::io::BufRead as _;
use std::process::ExitCode;

use purser_identity::{
    Email, HashCost, NewUser, PasswordHash, Username, password_check, password_hash, password_set, user_by_login,
    user_create,
};
use purser_kit::AppContext;
use serde_json::json;
use uuid::Uuid;

use super::print_json;
use crate::cli::{User, UserCreate};
use crate::config::Config;
use crate::failure::Failure;
use crate::{edge, house};

const ACTOR: &str = "system:command-line";

pub(super) async fn run(config: &Config, command: User) -> Result<ExitCode, Failure> {
    let context = house::context(config, house::store_migrated(config).await?)?;
    let done = match command {
        User::Create(flags) => create(&context, flags).await,
        User::Password { login, password_stdin: _ } => password(&context, login).await,
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
    let (now, id) = context.stamp();
    let new = NewUser {
        id,
        username: person.username,
        email: person.email,
        first_name: String::new(),
        last_name: String::new(),
        is_staff: person.is_staff || person.is_superuser,
        is_superuser: person.is_superuser,
        password: Some(password),
        actor: ACTOR.to_owned(),
    };
    context.store.write(move |tx| user_create(tx, now, &new)).await?;
    Ok(id)
}

async fn password(context: &AppContext, login: String) -> Result<(), Failure> {
    let user = find(context, login.clone()).await?;
    let hash = hashed(&read_password()?, &[user.username.as_str(), user.email.as_str()])?;
    set(context, user.id, hash).await?;
    println!("The password of {} is set, and every session of theirs has ended.", user.username);
    Ok(())
}

pub(super) async fn find(context: &AppContext, login: String) -> Result<purser_identity::User, Failure> {
    let name = login.clone();
    let found = context.store.read(move |tx| user_by_login(tx, &login)).await?;
    found.map(|(user, _)| user).ok_or_else(|| Failure::refused(format!("nobody is called '{name}'")))
}

pub(super) async fn set(context: &AppContext, user: Uuid, hash: PasswordHash) -> Result<(), Failure> {
    let now = context.now();
    Ok(context.store.write(move |tx| password_set(tx, now, user, &hash, ACTOR)).await?)
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
