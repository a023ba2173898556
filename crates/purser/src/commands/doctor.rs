//! `purser doctor`: checks, and what to do about each.

use std::process::ExitCode;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use purser_identity::superuser_exists;
use purser_outbox::{Channel, NoticesWaiting, notices_waiting};
use purser_store::{Engine, MigrationState, Store, Tx};
use serde_json::json;

use super::print_json;
use crate::cli::Doctor;
use crate::config::Config;
use crate::failure::Failure;
use crate::post::Ways;
use crate::{apps, backup, edge, house};

/// Free space below which the disk is a worry, in bytes: 1 GiB.
const FREE_SPACE: u64 = 1 << 30;

/// A durable commit slower than this makes a slow house, in milliseconds.
const SLOW_COMMIT: u128 = 50;

/// One thing looked at.
struct Check {
    name: &'static str,
    finding: Result<String, Advice>,
}

/// What is wrong, and what to do about it.
struct Advice {
    wrong: String,
    advice: &'static str,
}

fn advise(wrong: impl ToString, advice: &'static str) -> Advice {
    Advice { wrong: wrong.to_string(), advice }
}

pub(super) async fn run(config: &Config, flags: &Doctor) -> Result<ExitCode, Failure> {
    let mut checks = vec![
        Check { name: "settings", finding: settings(config) },
        Check { name: "data folder", finding: data_folder(config) },
        Check { name: "disk", finding: disk(config) },
        Check { name: "clock", finding: clock(edge::clock().now()) },
        Check { name: "backup", finding: backup(config, edge::clock().now()) },
    ];
    match house::store(config) {
        Err(failure @ Failure::Files(_)) => checks
            .push(Check { name: "database", finding: Err(advise(failure, "Keep a copy of the data folder first.")) }),
        Err(failure) => checks.push(Check {
            name: "database",
            finding: Err(advise(failure, "Check DATABASE_URL, and that the server runs and lets this machine in.")),
        }),
        Ok(store) => {
            checks.extend(database(config, &store).await);
            store.close();
        }
    }
    checks.push(Check { name: "file modes", finding: file_modes(config) });
    checks.extend(channels(config).await);
    let healthy = checks.iter().all(|check| check.finding.is_ok());
    if flags.json {
        print_checks_json(&checks)
    } else {
        print_checks(&checks)
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_checks(checks: &[Check]) {
    for check in checks {
        match &check.finding {
            Ok(text) => println!("ok     {:12} {text}", check.name),
            Err(Advice { wrong, advice }) => println!("WRONG  {:12} {wrong}\n       {:12} → {advice}", check.name, ""),
        }
    }
}

fn print_checks_json(checks: &[Check]) {
    let checks = checks.iter().map(|check| match &check.finding {
        Ok(text) => json!({ "name": check.name, "ok": true, "finding": text }),
        Err(Advice { wrong, advice }) => {
            json!({ "name": check.name, "ok": false, "finding": wrong, "advice": advice })
        }
    });
    print_json(&checks.collect());
}

fn settings(config: &Config) -> Result<String, Advice> {
    let wrong = |failure: Failure| advise(failure, "`purser config` shows the settings; README.md explains them.");
    house::zone(config).map_err(wrong)?;
    house::database(config).map_err(wrong)?;
    Ok(format!("time zone {}", config.time_zone))
}

fn data_folder(config: &Config) -> Result<String, Advice> {
    let probe = config.data.join(".doctor");
    std::fs::create_dir_all(&config.data)
        .and_then(|()| std::fs::write(&probe, b"purser"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| {
            advise(format!("{}: {error}", config.data.display()), "Let the user that runs Purser write there.")
        })?;
    Ok(config.data.display().to_string())
}

/// The key, the database and the backups are for their owner only.
fn file_modes(config: &Config) -> Result<String, Advice> {
    match house::files_private(config).first() {
        None => Ok("key, database and backups are readable by their owner only".to_owned()),
        Some(told) => Err(advise(told, "Let the user that runs Purser own them.")),
    }
}

fn disk(config: &Config) -> Result<String, Advice> {
    let stat = rustix::fs::statvfs(&config.data)
        .map_err(|error| advise(error, "Check that the data folder's disk is mounted."))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let text = format!("{} MiB free", free >> 20);
    if free < FREE_SPACE {
        return Err(advise(text, "Make room: a full disk refuses every sale."));
    }
    Ok(text)
}

/// A clock that was never set says 1970, or the year in which the machine was built.
fn clock(now: Timestamp) -> Result<String, Advice> {
    // 2026-01-01, before this program was written.
    if now.as_second() < 1_767_225_600 {
        return Err(advise(now, "Set the machine's clock, and let NTP keep it."));
    }
    Ok(format!("{now:.0}"))
}

/// The ways to tell people something, each asked whether it works.
async fn channels(config: &Config) -> Vec<Check> {
    let ways = match Ways::open(config) {
        Ok(ways) => ways,
        Err(failure) => {
            let finding = Err(advise(failure, "`purser config` shows the settings; README.md explains them."));
            return vec![Check { name: "channels", finding }];
        }
    };
    let kept = || Ok("not configured: what is to be told is kept in the console".to_owned());
    let mail = match &ways.mail {
        Some(mail) => mail.check().await.map_err(|error| {
            advise(error, "Check EMAIL_HOST, EMAIL_PORT, the user and the password, and that the port is open.")
        }),
        None => kept(),
    };
    let telegram = match &ways.telegram {
        Some(telegram) => telegram.check().await.map_err(|error| {
            advise(error, "Check TELEGRAM_BOT_TOKEN, and that api.telegram.org can be reached from here.")
        }),
        None => kept(),
    };
    let sheets = match &ways.sheets {
        Some(sheets) => sheets.check(edge::clock().now()).await.map_err(|error| {
            advise(error, "Check SHEETS_CREDENTIALS_JSON, the machine's clock, and that googleapis.com can be reached.")
        }),
        None => kept(),
    };
    vec![
        Check { name: "mail", finding: mail },
        Check { name: "telegram", finding: telegram },
        Check { name: "sheets", finding: sheets },
    ]
}

/// A backup older than this was to be followed by another, where they are taken every day.
const OLD_BACKUP: SignedDuration = SignedDuration::from_hours(3 * 24);

/// An installation that is older than that, without any, has nobody who takes them.
fn backup(config: &Config, now: Timestamp) -> Result<String, Advice> {
    let advice = "Look at the dead letters, and at the disk; `purser backup` takes one now.";
    let newest = backup::newest(&house::backup_folder(config)).map_err(|error| advise(error, advice))?;
    let Some(newest) = newest else {
        let begun = std::fs::metadata(house::instance_key(config)).and_then(|key| key.modified()).ok();
        let begun = begun.and_then(|begun| Timestamp::try_from(begun).ok()).unwrap_or(now);
        return if now.duration_since(begun) < OLD_BACKUP {
            Ok("none yet".to_owned())
        } else {
            Err(advise("there is none", "Let `purser serve` take them ([backup] schedule), or run `purser backup`."))
        };
    };
    let sealed = newest.contents.as_ref().is_ok_and(|contents| contents.sealed);
    let sealed = if sealed { "sealed" } else { "not sealed: without the instance key" };
    let text = format!("the newest is {} h old, {} KiB, {sealed}", newest.age(now).as_hours(), newest.bytes >> 10);
    if newest.age(now) > OLD_BACKUP { Err(advise(text, advice)) } else { Ok(text) }
}

async fn database(config: &Config, store: &Store) -> Vec<Check> {
    let mut checks = vec![Check { name: "migrations", finding: migrations(store).await }];
    let migrated = checks.iter().all(|check| check.finding.is_ok());
    checks.push(Check { name: "commit", finding: commit(store).await });
    if store.engine() == Engine::Postgres {
        checks.push(Check { name: "server clock", finding: server_clock(store).await });
    }
    if migrated {
        checks.push(Check { name: "superuser", finding: superuser(store).await });
        checks.push(Check { name: "webhooks", finding: webhooks(config, store, edge::clock().now()).await });
    }
    checks
}

async fn migrations(store: &Store) -> Result<String, Advice> {
    let steps = store.migrate_plan(apps::migrations()).await;
    let steps = steps.map_err(|error| advise(error, "Run the version of Purser that this database belongs to."))?;
    let pending = steps.iter().filter(|step| step.state == MigrationState::Pending).count();
    if pending > 0 {
        return Err(advise(format!("{pending} pending"), "Run `purser migrate apply`; `purser serve` does it too."));
    }
    Ok(format!("all {} there", steps.len()))
}

async fn commit(store: &Store) -> Result<String, Advice> {
    let began = Instant::now();
    // Changes nothing, but takes the whole way to the disk.
    let touched = store.write(|tx: &mut Tx<'_>| {
        tx.execute("CREATE TABLE IF NOT EXISTS store_doctor (at BIGINT)", &[])?;
        tx.execute("DROP TABLE store_doctor", &[])
    });
    touched.await.map_err(|error| advise(error, "Let the database's user create tables, and look at its log."))?;
    let took = began.elapsed().as_millis();
    if took > SLOW_COMMIT {
        return Err(advise(format!("a durable commit took {took} ms"), "Put the database on a faster disk."));
    }
    Ok(format!("{} commits durably in {took} ms", store.engine().name()))
}

async fn server_clock(store: &Store) -> Result<String, Advice> {
    let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
    let theirs = store.read(move |tx| tx.query_one(sql, &[], |row| row.get::<Timestamp>(0))).await;
    let theirs = theirs.map_err(|error: purser_store::Error| advise(error, "Look at the server's log."))?;
    let apart = edge::clock().now().duration_since(theirs).abs();
    if apart.as_secs() >= 2 {
        return Err(advise(format!("{apart:#} apart"), "Let NTP keep both clocks."));
    }
    Ok("agrees with this machine's".to_owned())
}

/// A receiver that has not taken an event for so long is away.
const LONG_UNTAKEN: SignedDuration = SignedDuration::from_mins(15);

async fn webhooks(config: &Config, store: &Store, now: Timestamp) -> Result<String, Advice> {
    if config.webhook.secret.is_empty() {
        return Ok("not configured: what is to be told is kept in the console".to_owned());
    }
    let waiting = store.read(|tx| notices_waiting(tx, Channel::Webhook)).await;
    let waiting = waiting.map_err(|error| advise(error, "Run `purser migrate apply`."))?;
    let Some(NoticesWaiting { count, since, trouble }) = waiting else {
        let to = if config.webhook.allow_private { "the network of this house too" } else { "the open net only" };
        return Ok(format!("signed, to {to}; none waits"));
    };
    let waits = now.duration_since(since).as_mins();
    let mut text = format!("{count} waiting, the oldest for {waits} min");
    if let Some((to, error)) = trouble {
        // What follows the path may open something, and what this prints is shown to those who help.
        let to = to.split(['?', '#']).next().unwrap_or_default();
        text = format!("{text}; {to}: {error}");
    }
    if now.duration_since(since) < LONG_UNTAKEN {
        return Ok(text);
    }
    Err(advise(
        text,
        "Let the receiver answer 2xx; it is called every few minutes. Without an error, see that a worker runs.",
    ))
}

async fn superuser(store: &Store) -> Result<String, Advice> {
    match store.read(superuser_exists).await {
        Ok(true) => Ok("there is one".to_owned()),
        Ok(false) => Err(advise("there is none yet", "Open the link that `purser serve` prints.")),
        Err(error) => Err(advise(error, "Run `purser migrate apply`.")),
    }
}
