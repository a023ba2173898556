//! `purser run APP NOUN VERB`: every declared command, on the command line.
//!
//! The words are read twice: first which command is meant, then, by that command's own form, its flags.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};
use purser_kit::console::{Field, Input, Outcome, Preview, Target};
use purser_kit::{AnyCommand, App, AppContext, Fields, Problem, invoke};
use serde_json::json;
use uuid::Uuid;

use super::{print_json, request_context};
use crate::cli::RunArgs;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, instance};

/// The names of what every command takes beside its own fields.
const IDS: &str = "ids";
const DRY_RUN: &str = "dry-run";
const JSON: &str = "json";

pub(super) async fn run(config: &Config, flags: RunArgs) -> Result<ExitCode, CliError> {
    let context = instance::context(config, instance::store_there(config).await?)?;
    let done = command_chosen(&apps::open(&context, config)?, &context, flags.words).await;
    context.store.close();
    done
}

async fn command_chosen(apps: &[App], context: &AppContext, words: Vec<String>) -> Result<ExitCode, CliError> {
    let mut tree = tree(apps);
    let help = match words.as_slice() {
        [] => true,
        [.., last] => last == "help" || last == "--help" || last == "-h",
    };
    let matches = match tree.try_get_matches_from_mut(std::iter::once("purser run".to_owned()).chain(words)) {
        Ok(matches) => matches,
        Err(error) if help || !error.use_stderr() => {
            println!("{}", error.render());
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(CliError::usage(error.render().to_string().trim_end().to_owned())),
    };
    let Some((app, nouns)) = matches.subcommand() else { return Err(CliError::usage("name an app")) };
    let Some((noun, verbs)) = nouns.subcommand() else { return Err(CliError::usage("name a noun")) };
    let Some((verb, given)) = verbs.subcommand() else { return Err(CliError::usage("name a command")) };
    let command = find(apps, app, noun, verb).ok_or_else(|| CliError::usage("there is no such command"))?;
    if given.get_flag(DRY_RUN) { planned(context, &command, given).await } else { done(context, &command, given).await }
}

fn find(apps: &[App], app: &str, noun: &str, verb: &str) -> Option<Arc<dyn AnyCommand>> {
    let app = apps.iter().find(|known| known.name == app)?;
    let resource = app.console.resources.iter().find(|resource| resource.name == noun)?;
    resource.commands.find(verb).cloned()
}

/// Every command of every app, by app and noun. A noun is known by its singular too.
fn tree(apps: &[App]) -> Clap {
    let root = Clap::new("purser run").about("Run a command of an app, as the console does");
    let root = root.subcommand_required(true).arg_required_else_help(true).max_term_width(100);
    apps.iter().fold(root, |root, app| {
        let section = Clap::new(app.name).about(app.summary).subcommand_required(true).arg_required_else_help(true);
        let nouns = app.console.resources.iter().filter(|resource| resource.commands.iter().next().is_some());
        root.subcommand(nouns.fold(section, |section, resource| {
            let noun = Clap::new(resource.name).about(resource.about).subcommand_required(true);
            let noun = noun.visible_alias(resource.one.replace(' ', "-")).arg_required_else_help(true);
            section.subcommand(resource.commands.iter().fold(noun, |noun, command| noun.subcommand(verb(command))))
        }))
    })
}

/// A command with the flags of its form.
fn verb(command: &Arc<dyn AnyCommand>) -> Clap {
    let spec = command.spec();
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let clap = Clap::new(spec.verb()).about(spec.title).long_about(format!("{}. {}", spec.title, spec.about));
    let ids = Arg::new(IDS).value_name("ID").value_parser(clap::value_parser!(Uuid));
    let clap = match spec.target {
        Target::Nothing => clap,
        Target::One => clap.arg(ids.required(true).help("What it is done to")),
        Target::Many => clap.arg(ids.required(true).num_args(1..).help("What it is done to: one or many")),
    };
    let clap = command.form_fields().into_iter().fold(clap, |clap, field| clap.arg(argument(&field)));
    clap.arg(flag(DRY_RUN).help("Say what would happen, and change nothing"))
        .arg(flag(JSON).help("Print what a script would parse"))
}

fn argument(field: &Field) -> Arg {
    let arg = Arg::new(field.name).long(field.name.replace('_', "-")).help(format!("{}. {}", field.title, field.help));
    if field.after.is_some() {
        return arg.action(ArgAction::SetTrue);
    }
    let arg = arg.required(field.required).allow_hyphen_values(true).value_name(field.title.to_uppercase());
    match &field.input {
        Input::Choice(choices) if !choices.is_empty() => {
            arg.value_parser(choices.iter().map(|(value, _)| value.clone()).collect::<Vec<_>>())
        }
        _ => arg,
    }
}

/// What was said of the form's fields.
fn entered(command: &Arc<dyn AnyCommand>, given: &ArgMatches) -> Vec<(String, String)> {
    let said = |field: Field| {
        let value = match field.after {
            Some(_) => given.get_flag(field.name).then(|| "yes".to_owned()),
            None => given.get_one::<String>(field.name).cloned(),
        };
        value.map(|value| (field.name.to_owned(), value))
    };
    command.form_fields().into_iter().filter_map(said).collect()
}

fn ids(command: &Arc<dyn AnyCommand>, given: &ArgMatches) -> Vec<Uuid> {
    if command.spec().target == Target::Nothing {
        return Vec::new();
    }
    let mut ids: Vec<Uuid> = given.get_many::<Uuid>(IDS).into_iter().flatten().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn planned(
    context: &AppContext,
    command: &Arc<dyn AnyCommand>,
    given: &ArgMatches,
) -> Result<ExitCode, CliError> {
    let (planning, cx, ids, entered) =
        (Arc::clone(command), request_context(context), ids(command, given), entered(command, given));
    let preview =
        context.store.read(move |tx| planning.preview(tx, &cx, &ids, Some(Fields::from_form(entered.clone()))));
    let preview = preview.await.map_err(|problem: Problem| refused(&problem))?;
    let name = command.spec().name;
    let Preview { sentence, rows, refused, obstacle } = preview;
    print(given, name, true, &sentence, &rows, &refused, None);
    match obstacle {
        Some(obstacle) => Err(CliError::refused(obstacle)),
        None => Ok(ExitCode::SUCCESS),
    }
}

async fn done(context: &AppContext, command: &Arc<dyn AnyCommand>, given: &ArgMatches) -> Result<ExitCode, CliError> {
    let (running, cx, ids, entered) =
        (Arc::clone(command), request_context(context), ids(command, given), entered(command, given));
    let spec = command.spec();
    let once = invoke(context, spec, cx, None, move |tx, cx| {
        let done = running.run(tx, cx, &ids, Fields::from_form(entered.clone()))?;
        serde_json::to_string(&done).map_err(Problem::internal)
    });
    let once = once.await.map_err(|problem| refused(&problem))?;
    let done: Outcome = serde_json::from_str(&once.answer).map_err(|error| CliError::machine("the outcome", error))?;
    print(given, spec.name, false, &done.sentence, &done.rows, &done.refused, done.go);
    Ok(ExitCode::SUCCESS)
}

fn refused(problem: &Problem) -> CliError {
    if problem.code().status >= 500 {
        CliError::machine(problem.code().title, problem.detail())
    } else {
        CliError::refused(problem.detail())
    }
}

fn print(
    given: &ArgMatches,
    command: &str,
    dry_run: bool,
    sentence: &str,
    rows: &[(String, String)],
    refused: &[(Uuid, String)],
    id: Option<Uuid>,
) {
    if given.get_flag(JSON) {
        let objects: Vec<_> = rows.iter().map(|(name, what)| json!({ "name": name, "what": what })).collect();
        let refused: Vec<_> = refused.iter().map(|(id, reason)| json!({ "id": id, "reason": reason })).collect();
        print_json(&json!({
            "command": command, "dry_run": dry_run, "sentence": sentence, "id": id, "objects": objects,
            "refused": refused,
        }));
        return;
    }
    println!("{sentence}");
    for (name, what) in rows {
        println!("  {name}: {what}");
    }
    for (id, reason) in refused {
        println!("  {id}: not done. {reason}");
    }
    if let Some(id) = id.filter(|_| !dry_run) {
        println!("{id}");
    }
}
