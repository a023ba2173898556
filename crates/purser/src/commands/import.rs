//! `purser import members`

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use purser_kit::AppContext;
use purser_members::member_file::{MOST_BYTES, MemberFile};
use purser_members::service::{ImportRefusal, import_judge, import_save};
use purser_members::{Error, Settings};
use serde_json::json;
use uuid::Uuid;

use super::{print_json, request_context};
use crate::cli::{ImportCommand, ImportMembersArgs};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, instance};

/// Wrong rows that are printed for people; a script gets all.
const PRINTED: usize = 20;

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(config: &Config, command: ImportCommand) -> Result<ExitCode, CliError> {
    let ImportCommand::Members(flags) = command;
    let file = read(&flags.file)?;
    let settings = Arc::new(apps::members_settings(&config.members)?);
    let context = instance::context(config, instance::store_migrated(config).await?)?;
    let done = members(&context, settings, file, &flags).await;
    context.store.close();
    done
}

fn read(path: &Path) -> Result<Arc<Vec<u8>>, CliError> {
    let failed = |error| CliError::usage(format!("{} cannot be read: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MOST_BYTES as u64 {
        return Err(CliError::refused(format!(
            "{} has {size} bytes, and may have at most {MOST_BYTES}",
            path.display()
        )));
    }
    std::fs::read(path).map(Arc::new).map_err(failed)
}

async fn members(
    context: &AppContext,
    settings: Arc<Settings>,
    file: Arc<Vec<u8>>,
    flags: &ImportMembersArgs,
) -> Result<ExitCode, CliError> {
    let (judging, judged) = (Arc::clone(&settings), Arc::clone(&file));
    let sheet = context.store.read(move |tx| import_judge(tx, &judging, &judged)).await.map_err(failure)?;
    if sheet.bad() > 0 {
        return Ok(refused(&sheet, flags.json));
    }
    if flags.dry_run {
        message(flags.json, &json!({ "imported": 0, "new": sheet.good(), "invalid": 0 }), || {
            format!("Every row is good: {} new members. Nothing was saved.", sheet.good())
        });
        return Ok(ExitCode::SUCCESS);
    }
    let imported = save(context, settings, file, sheet.rows.len()).await;
    match imported {
        Ok((id, imported)) => {
            message(flags.json, &json!({ "imported": imported, "new": imported, "invalid": 0, "id": id }), || {
                format!("{imported} members registered.")
            });
            Ok(ExitCode::SUCCESS)
        }
        // Somebody was quicker with an address between the two looks.
        Err(ImportRefusal { file: Some(sheet), .. }) => Ok(refused(&sheet, flags.json)),
        Err(ImportRefusal { error, .. }) => Err(failure(error)),
    }
}

fn failure(error: Error) -> CliError {
    match error {
        Error::Store(error) => error.into(),
        other => CliError::refused(other),
    }
}

fn message(json: bool, value: &serde_json::Value, sentence: impl FnOnce() -> String) {
    if json { print_json(value) } else { println!("{}", sentence()) }
}

/// Says what is wrong with the rows.
fn refused(sheet: &MemberFile, json: bool) -> ExitCode {
    let wrong = || sheet.rows.iter().filter(|row| !row.errors.is_empty());
    if json {
        let rows: Vec<_> = wrong().map(|row| json!({ "row": row.line, "errors": row.errors })).collect();
        print_json(&json!({ "imported": 0, "new": sheet.good(), "invalid": sheet.bad(), "rows": rows }));
    } else {
        for row in wrong().take(PRINTED) {
            println!("row {}: {}", row.line, row.errors.join(" "));
        }
        let more = usize::try_from(sheet.bad()).unwrap_or(usize::MAX).saturating_sub(PRINTED);
        if more > 0 {
            println!("and {more} more; --json names them all");
        }
        println!("{} of {} rows are wrong. Nothing was saved.", sheet.bad(), sheet.rows.len());
    }
    // A rule refuses it.
    ExitCode::from(4)
}

/// Saves the file in one transaction, and shows how far it is.
async fn save(
    context: &AppContext,
    settings: Arc<Settings>,
    file: Arc<Vec<u8>>,
    rows: usize,
) -> Result<(Uuid, usize), ImportRefusal> {
    let cx = request_context(context);
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let saved = context.store.write(move |tx| {
        let mut cx = cx.clone();
        let told = |rows: usize| count.store(rows, Ordering::Relaxed);
        import_save(tx, &settings, &mut cx, &file, &told).map(|(id, imported)| (id, imported.members))
    });
    let mut progress = ImportProgress::new(rows);
    let mut saved = std::pin::pin!(saved);
    loop {
        tokio::select! {
            end = &mut saved => {
                progress.end();
                return end;
            }
            () = tokio::time::sleep(LOOK) => progress.show(written.load(Ordering::Relaxed)),
        }
    }
}

/// A bar on a terminal, and lines in a log.
struct ImportProgress {
    rows: usize,
    bar: Option<ProgressBar>,
    told: usize,
}

impl ImportProgress {
    fn new(rows: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(rows as u64);
            // The template is a constant, and a bar without it is a bar all the same.
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} members, {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        ImportProgress { rows, bar, told: 0 }
    }

    fn show(&mut self, written: usize) {
        match &self.bar {
            Some(bar) => bar.set_position(written as u64),
            None if written > self.told => {
                eprintln!("{written} of {} members written", self.rows);
                self.told = written;
            }
            None => {}
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
