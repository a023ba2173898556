//! `purser doctor`: checks, and what to do about each.

use std::process::ExitCode;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use purser_identity::superuser_exists;
use purser_outbox::{Channel, NoticesWaiting, notices_waiting};
use purser_store::{Engine, MigrationState, Store, WriteTx};
use purser_web::{HealthFinding, HealthProblem};
use serde_json::json;

use super::{print_json, worker};
use crate::channels::Channels;
use crate::cli::DoctorArgs;
use crate::cli_error::CliError;
use crate::condition::{self, trouble};
use crate::config::Config;
use crate::{apps, environment, instance};

/// A durable commit slower than this makes a slow house, in milliseconds.
const SLOW_COMMIT: u128 = 50;

/// One thing looked at.
struct DoctorCheck {
    name: &'static str,
    finding: HealthFinding,
}

pub(super) async fn run(config: &Config, flags: &DoctorArgs) -> Result<ExitCode, CliError> {
    let mut checks = vec![
        DoctorCheck { name: "settings", finding: settings(config) },
        DoctorCheck { name: "data folder", finding: data_folder(config) },
        DoctorCheck { name: "disk", finding: condition::disk(config) },
    ];
    match instance::store(config) {
        Err(failure) => {
            let advice = match &failure {
                CliError::Files(_) => "Keep a copy of the data folder first.",
                _ => "Check DATABASE_URL, and that the server runs and lets this machine in.",
            };
            checks.extend([
                DoctorCheck { name: "clock", finding: condition::clock_set(environment::clock().now()) },
                DoctorCheck {
                    name: "backup",
                    finding: condition::backup(config, None, environment::clock().now()).await,
                },
                DoctorCheck { name: "database", finding: Err(trouble(failure, advice)) },
            ]);
        }
        Ok(store) => {
            checks.extend(database(config, &store).await);
            store.close();
        }
    }
    checks.push(DoctorCheck { name: "file modes", finding: file_modes(config) });
    checks.extend(channels(config).await);
    let healthy = checks.iter().all(|check| check.finding.is_ok());
    if flags.json {
        print_checks_json(&checks)
    } else {
        print_checks(&checks)
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_checks(checks: &[DoctorCheck]) {
    for check in checks {
        match &check.finding {
            Ok(text) => println!("ok     {:12} {text}", check.name),
            Err(HealthProblem { wrong, advice }) => {
                println!("WRONG  {:12} {wrong}\n       {:12} → {advice}", check.name, "")
            }
        }
    }
}

fn print_checks_json(checks: &[DoctorCheck]) {
    let checks = checks.iter().map(|check| match &check.finding {
        Ok(text) => json!({ "name": check.name, "ok": true, "finding": text }),
        Err(HealthProblem { wrong, advice }) => {
            json!({ "name": check.name, "ok": false, "finding": wrong, "advice": advice })
        }
    });
    print_json(&checks.collect());
}

fn settings(config: &Config) -> HealthFinding {
    let wrong = |failure: CliError| trouble(failure, "`purser config` shows the settings; README.md explains them.");
    instance::zone(config).map_err(wrong)?;
    instance::database(config).map_err(wrong)?;
    Ok(format!("time zone {}", config.time_zone))
}

fn data_folder(config: &Config) -> HealthFinding {
    let probe = config.data.join(".doctor");
    std::fs::create_dir_all(&config.data)
        .and_then(|()| std::fs::write(&probe, b"purser"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| {
            trouble(format!("{}: {error}", config.data.display()), "Let the user that runs Purser write there.")
        })?;
    Ok(config.data.display().to_string())
}

/// The key, the database and the backups are for their owner only.
fn file_modes(config: &Config) -> HealthFinding {
    match instance::files_private(config).first() {
        None => Ok("key, database and backups are readable by their owner only".to_owned()),
        Some(told) => Err(trouble(told, "Let the user that runs Purser own them.")),
    }
}

/// What to do where mail does not work.
pub(super) const MAIL: &str = "Check EMAIL_HOST, EMAIL_PORT, the user and the password, and that the port is open.";

/// What to do where the bot does not work.
pub(super) const TELEGRAM: &str = "Check TELEGRAM_BOT_TOKEN, and that api.telegram.org can be reached from here.";

/// The ways to tell people something, each asked whether it works.
async fn channels(config: &Config) -> Vec<DoctorCheck> {
    let ways = match Channels::open(config) {
        Ok(ways) => ways,
        Err(failure) => {
            let finding = Err(trouble(failure, "`purser config` shows the settings; README.md explains them."));
            return vec![DoctorCheck { name: "channels", finding }];
        }
    };
    let kept = || Ok("not configured: what is to be told is kept in the console".to_owned());
    let mail = match &ways.mail {
        Some(mail) => mail.check().await.map_err(|error| trouble(error, MAIL)),
        None => kept(),
    };
    let telegram = match &ways.telegram {
        Some(telegram) => telegram.check().await.map_err(|error| trouble(error, TELEGRAM)),
        None => kept(),
    };
    let sheets = match &ways.sheets {
        Some(sheets) => sheets.check(environment::clock().now()).await.map_err(|error| {
            trouble(
                error,
                "Check SHEETS_CREDENTIALS_JSON, the machine's clock, and that googleapis.com can be reached.",
            )
        }),
        None => kept(),
    };
    vec![
        DoctorCheck { name: "mail", finding: mail },
        DoctorCheck { name: "telegram", finding: telegram },
        DoctorCheck { name: "sheets", finding: sheets },
    ]
}

async fn database(config: &Config, store: &Store) -> Vec<DoctorCheck> {
    let now = environment::clock().now();
    let mut checks = vec![DoctorCheck { name: "migrations", finding: migrations(store).await }];
    let migrated = checks.iter().all(|check| check.finding.is_ok());
    let known = Some(store).filter(|_| migrated);
    let clock = if migrated { condition::clock(store, now).await } else { condition::clock_set(now) };
    checks.push(DoctorCheck { name: "clock", finding: clock });
    checks.push(DoctorCheck { name: "backup", finding: condition::backup(config, known, now).await });
    checks.push(DoctorCheck { name: "commit", finding: commit(store).await });
    checks.push(DoctorCheck { name: "integrity", finding: integrity(store).await });
    if store.engine() == Engine::Postgres {
        checks.push(DoctorCheck { name: "server clock", finding: server_clock(store).await });
    }
    if migrated {
        checks.extend(at_work(config, store, now).await);
        checks.push(DoctorCheck { name: "superuser", finding: superuser(store).await });
        checks.push(DoctorCheck { name: "webhooks", finding: webhooks(config, store, now).await });
    }
    checks
}

/// What needs the apps, opened as `purser serve` opens them.
async fn at_work(config: &Config, store: &Store, now: Timestamp) -> Vec<DoctorCheck> {
    let apps = instance::context(config, store.clone()).and_then(|context| apps::open(&context, config));
    let apps = match apps {
        Ok(apps) => apps,
        Err(failure) => {
            let finding = Err(trouble(failure, "`purser config` shows the settings; README.md explains them."));
            return vec![DoctorCheck { name: "apps", finding }];
        }
    };
    let schedules = worker::schedules(config, &apps);
    vec![
        DoctorCheck { name: "fixed", finding: condition::fixed(store, &apps).await },
        DoctorCheck { name: "jobs", finding: condition::jobs(store, now).await },
        DoctorCheck { name: "schedules", finding: condition::schedules(store, schedules, now).await },
    ]
}

/// Damages of the database that are named, at most.
const NAMED: usize = 5;

/// What the engine itself says of its files.
async fn integrity(store: &Store) -> HealthFinding {
    let found = store.integrity().await.map_err(|error| trouble(error, "Look at the database's log."))?;
    if found.problems.is_empty() {
        return Ok(format!("{} was read and is whole", found.checked));
    }
    let named = found.problems.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = found.problems.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(trouble(
        format!("the database is damaged: {named}{more}"),
        match store.engine() {
            Engine::Sqlite => {
                "Stop Purser, copy the data folder away, look at the disk, and run `purser restore` with the newest backup."
            }
            Engine::Postgres => {
                "Look at the disk and the server's log. REINDEX mends an index; for tables, `purser restore` the newest backup."
            }
        },
    ))
}

async fn migrations(store: &Store) -> HealthFinding {
    let steps = store.migrate_plan(apps::migrations()).await;
    let steps = steps.map_err(|error| trouble(error, "Run the version of Purser that this database belongs to."))?;
    let pending = steps.iter().filter(|step| step.state == MigrationState::Pending).count();
    if pending > 0 {
        return Err(trouble(format!("{pending} pending"), "Run `purser migrate apply`; `purser serve` does it too."));
    }
    Ok(format!("all {} there", steps.len()))
}

async fn commit(store: &Store) -> HealthFinding {
    let began = Instant::now();
    // Changes nothing, but takes the whole way to the disk.
    let touched = store.write(|tx: &mut WriteTx<'_>| {
        tx.execute("CREATE TABLE IF NOT EXISTS store_doctor (at BIGINT)", &[])?;
        tx.execute("DROP TABLE store_doctor", &[])
    });
    touched.await.map_err(|error| trouble(error, "Let the database's user create tables, and look at its log."))?;
    let took = began.elapsed().as_millis();
    if took > SLOW_COMMIT {
        return Err(trouble(format!("a durable commit took {took} ms"), "Put the database on a faster disk."));
    }
    Ok(format!("{} commits durably in {took} ms", store.engine().name()))
}

async fn server_clock(store: &Store) -> HealthFinding {
    let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
    let theirs = store.read(move |tx| tx.query_one(sql, &[], |row| row.get::<Timestamp>(0))).await;
    let theirs = theirs.map_err(|error: purser_store::Error| trouble(error, "Look at the server's log."))?;
    let apart = environment::clock().now().duration_since(theirs).abs();
    if apart.as_secs() >= 2 {
        return Err(trouble(format!("{apart:#} apart"), "Let NTP keep both clocks."));
    }
    Ok("agrees with this machine's".to_owned())
}

/// A receiver that has not taken an event for so long is away.
const LONG_UNTAKEN: SignedDuration = SignedDuration::from_mins(15);

async fn webhooks(config: &Config, store: &Store, now: Timestamp) -> HealthFinding {
    if config.webhook.secret.is_empty() {
        return Ok("not configured: what is to be told is kept in the console".to_owned());
    }
    let waiting = store.read(|tx| notices_waiting(tx, Channel::Webhook)).await;
    let waiting = waiting.map_err(|error| trouble(error, "Run `purser migrate apply`."))?;
    let Some(NoticesWaiting { count, since, trouble: error }) = waiting else {
        let to = if config.webhook.allow_private { "the network of this house too" } else { "the open net only" };
        return Ok(format!("signed, to {to}; none waits"));
    };
    let waits = now.duration_since(since).as_mins();
    let mut text = format!("{count} waiting, the oldest for {waits} min");
    if let Some((to, error)) = error {
        // What follows the path may open something, and what this prints is shown to those who help.
        let to = to.split(['?', '#']).next().unwrap_or_default();
        text = format!("{text}; {to}: {error}");
    }
    if now.duration_since(since) < LONG_UNTAKEN {
        return Ok(text);
    }
    Err(trouble(
        text,
        "Let the receiver answer 2xx; it is called every few minutes. Without an error, see that a worker runs.",
    ))
}

async fn superuser(store: &Store) -> HealthFinding {
    match store.read(superuser_exists).await {
        Ok(true) => Ok("there is one".to_owned()),
        Ok(false) => Err(trouble("there is none yet", "Open the link that `purser serve` prints.")),
        Err(error) => Err(trouble(error, "Run `purser migrate apply`.")),
    }
}
