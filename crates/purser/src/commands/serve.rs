//! `purser serve`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use purser_identity::{HashCost, Secret, SessionRules, setup_issue, superuser_exists};
use purser_kit::console::Progress;
use purser_kit::{App, AppContext};
use purser_notify::{ChannelProbe, NoticeCatalog};
use purser_outbox::Schedule;
use purser_web::{
    AppSite, BackupEntry, BackupsFn, ClearListener, ConnectionLimits, HealthCheck, HealthFinding, SiteOptions,
    TlsListener,
};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::doctor::{MAIL, TELEGRAM};
use super::{connections, demo, say, worker};
use crate::channels::{self, Channels};
use crate::cli::ServeArgs;
use crate::cli_error::CliError;
use crate::condition::trouble;
use crate::config::Config;
use crate::{apps, backup, condition, environment, instance, logs, settings_record};

/// How long somebody waits for a file to be saved before they are shown how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn run(
    mut config: Config,
    flags: &ServeArgs,
    environment: &[(String, String)],
) -> Result<ExitCode, CliError> {
    logs::start(environment);
    config.listen = flags.listen.unwrap_or(config.listen);
    config.insecure_http |= flags.insecure_http;
    // Whoever only looks around has no authenticator app at hand; everybody else is asked for one before money leaves.
    config.identity.second_factor &= !flags.demo;
    let certificate = config.tls.certificate(&config.data)?;
    refuse_exposure(&config, certificate.is_some())?;
    let limits = connections::limits(&config, environment::open_files())?;
    let context = instance::context(&config, instance::store_migrated(&config).await?)?;
    let mut apps = apps::open(&context, &config)?;
    condition::refuse_contradiction(&context.store, &apps).await?;
    condition::clock_watch(&context.store, context.now()).await;
    if flags.demo {
        demo::fill(&context, &apps).await?;
    }
    settings_record::note(&context, &config).await?;
    let (ways, texts, schedules) =
        (Channels::open(&config)?, channels::texts(&config, &apps), worker::schedules(&config, &apps));
    let post = ways.post(&context, &texts);
    let backup = Progress::default();
    let workers =
        if flags.no_worker { Vec::new() } else { worker::workers(&context, &config, &mut apps, &post, &backup)? };
    let listener = purser_web::bind(config.listen)
        .map_err(|error| CliError::machine(&format!("cannot listen on {}", config.listen), error))?;
    let address = listener.local_addr().map_err(|error| CliError::machine("no address to listen on", error))?;
    let metrics = metrics_listener(&config).await?;
    let own = format!("{}://{address}", if certificate.is_some() { "https" } else { "http" });
    let told = ConsoleInfo { ways, texts, schedules, backup };
    let site = site(&config, &context, apps, told, &own, flags.with_noop);

    // One signal stops everything, in order: requests finish first, then jobs, then the database.
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        stopped().await;
        let _ = stop.send(true);
    });
    let metrics = metrics.map(|listener| spawn_metrics(listener, site.metrics, stopping.clone()));
    let workers = workers.into_iter().map(|worker| tokio::spawn(worker.run(stop_signal(stopping.clone()))));
    let workers: Vec<_> = workers.collect();
    if !instance::has_room(&config) {
        tracing::error!("the disk is full: reads are served, and every write is refused until there is room");
        say("the disk is full: reads are served, and every write is refused until there is room");
    }
    if !superuser_present(&context).await? {
        say(setup_notice(&config, &context, &own).await?);
    }
    say(format!("listening on {own}"));
    let stopping = stop_signal(stopping);
    let served = match certificate {
        Some(certificate) => {
            let listener = TlsListener::start(listener, &certificate);
            let listener = listener.map_err(|error| CliError::machine("no TLS", error))?;
            purser_web::serve(listener, site.router, limits, stopping).await
        }
        None => purser_web::serve(ClearListener(listener), site.router, limits, stopping).await,
    };
    for task in workers.into_iter().chain(metrics) {
        let _ = task.await;
    }
    context.store.close();
    served.map_err(|error| CliError::machine("the server failed", error))?;
    Ok(ExitCode::SUCCESS)
}

/// Passwords and keys do not cross a network in the clear unless the operator insists.
fn refuse_exposure(config: &Config, tls: bool) -> Result<(), CliError> {
    let https = tls || config.app_url.starts_with("https://");
    if let Some(metrics) = config.metrics_address()?
        && !metrics.ip().is_loopback()
        && !config.insecure_http
    {
        return Err(CliError::usage(format!(
            "metrics_listen is {metrics}, which can be reached from outside this machine, and metrics are told in the \
             clear. Listen on 127.0.0.1, or insist with --insecure-http."
        )));
    }
    if config.listen.ip().is_loopback() || https || config.insecure_http {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "{} can be reached from outside this machine, and nothing says that it is by https.\n\
         Give it a certificate ([tls] in purser.toml), set APP_URL to the https:// address of the proxy before it, \
         or insist with --insecure-http.",
        config.listen
    )))
}

/// What the console shows of notices and schedules.
struct ConsoleInfo {
    ways: Channels,
    texts: Arc<NoticeCatalog>,
    schedules: Vec<Schedule>,
    /// How far the backup is that is being taken.
    backup: Progress,
}

fn site(
    config: &Config,
    context: &AppContext,
    apps: Vec<App>,
    told: ConsoleInfo,
    own: &str,
    with_noop: bool,
) -> purser_web::Site {
    let options = SiteOptions {
        version: env!("CARGO_PKG_VERSION"),
        app_url: Some(config.app_url.clone()).filter(|url| !url.is_empty()),
        base_url: base_url(config, own),
        trusted_proxies: config.trusted_proxies.clone(),
        hash_cost: HashCost::standard(),
        session_rules: SessionRules::default(),
        sign_up: config.identity.sign_up,
        random: environment::random,
        with_noop,
        parts: parts(config, context, &told),
        backups: backups_found(config),
        backup_progress: told.backup,
        patience: PATIENCE,
        channels: told.ways.channels(),
        texts: told.texts,
        schedules: told.schedules,
    };
    purser_web::site(context, apps.into_iter().map(app_site).collect(), options)
}

/// The backups in the folder, for the console.
fn backups_found(config: &Config) -> BackupsFn {
    let folder = instance::backup_folder(config);
    Arc::new(move || {
        let found = backup::backups_list(&folder).map_err(|error| error.to_string())?;
        let told = |info: backup::BackupInfo| BackupEntry {
            name: info.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            moment: info.moment,
            bytes: info.bytes,
            contents: info
                .contents
                .map(|contents| (format!("{}, Purser {}", contents.engine, contents.program), contents.sealed)),
        };
        Ok(found.into_iter().map(told).collect())
    })
}

/// The same site for its documentation: nothing is served from it.
pub(super) fn documented(config: &Config, context: &AppContext, apps: Vec<App>) -> Result<purser_web::Site, CliError> {
    let told = ConsoleInfo {
        ways: Channels::open(config)?,
        texts: channels::texts(config, &apps),
        schedules: worker::schedules(config, &apps),
        backup: Progress::default(),
    };
    Ok(site(config, context, apps, told, "", false))
}

fn app_site(app: App) -> AppSite {
    let App { name, title, summary, scopes, codes, api, console, .. } = app;
    AppSite { name, title, summary, scopes, codes, api, console }
}

type FindingFuture = std::pin::Pin<Box<dyn Future<Output = HealthFinding> + Send>>;

/// What the health page asks besides the database: the channels that are configured among it.
fn parts(config: &Config, context: &AppContext, told: &ConsoleInfo) -> Vec<(&'static str, HealthCheck)> {
    let mut parts = condition_parts(config, context, &told.schedules);
    if let Some(mail) = told.ways.mail.clone() {
        let probe = Arc::new(ChannelProbe::default());
        let part = move || -> FindingFuture {
            let (mail, probe) = (mail.clone(), Arc::clone(&probe));
            Box::pin(async move { probe.ask(mail.check()).await.map_err(|wrong| trouble(wrong, MAIL)) })
        };
        parts.push(("mail", Arc::new(part)));
    }
    if let Some(telegram) = told.ways.telegram.clone() {
        let probe = Arc::new(ChannelProbe::default());
        let part = move || -> FindingFuture {
            let (telegram, probe) = (telegram.clone(), Arc::clone(&probe));
            Box::pin(async move { probe.ask(telegram.check()).await.map_err(|wrong| trouble(wrong, TELEGRAM)) })
        };
        parts.push(("telegram", Arc::new(part)));
    }
    parts
}

/// What [`condition`] finds, each as a part.
fn condition_parts(config: &Config, context: &AppContext, schedules: &[Schedule]) -> Vec<(&'static str, HealthCheck)> {
    let part = |asked: fn(Arc<HealthChecker>) -> FindingFuture| -> HealthCheck {
        let looking =
            Arc::new(HealthChecker { config: config.clone(), context: context.clone(), schedules: schedules.to_vec() });
        Arc::new(move || asked(Arc::clone(&looking)))
    };
    vec![
        ("disk", part(|it| Box::pin(async move { condition::disk(&it.config) }))),
        ("clock", part(|it| Box::pin(async move { condition::clock(&it.context.store, it.context.now()).await }))),
        ("jobs", part(|it| Box::pin(async move { condition::jobs(&it.context.store, it.context.now()).await }))),
        (
            "schedules",
            part(|it| {
                Box::pin(async move {
                    condition::schedules(&it.context.store, it.schedules.clone(), it.context.now()).await
                })
            }),
        ),
        (
            "backup",
            part(|it| {
                Box::pin(async move { condition::backup(&it.config, Some(&it.context.store), it.context.now()).await })
            }),
        ),
    ]
}

/// What a look needs.
struct HealthChecker {
    config: Config,
    context: AppContext,
    schedules: Vec<Schedule>,
}

/// Where /metrics is served, unless that is turned off. Says so, as port 0 picks one.
async fn metrics_listener(config: &Config) -> Result<Option<TcpListener>, CliError> {
    let Some(address) = config.metrics_address()? else { return Ok(None) };
    let failed = |error| {
        let what = format!("cannot listen on {address} for /metrics (metrics_listen; \"\" turns it off)");
        CliError::machine(&what, error)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    say(format!("metrics on http://{}/metrics", listener.local_addr().map_err(failed)?));
    Ok(Some(listener))
}

fn spawn_metrics(
    listener: TcpListener,
    router: purser_web::Router,
    stopping: watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let limits = ConnectionLimits::new(connections::OF_METRICS);
    tokio::spawn(async move {
        if let Err(error) = purser_web::serve(ClearListener(listener), router, limits, stop_signal(stopping)).await {
            tracing::error!(%error, "the metrics server failed");
        }
    })
}

async fn superuser_present(context: &AppContext) -> Result<bool, CliError> {
    Ok(context.store.read(superuser_exists).await?)
}

/// Where mailed links lead: never what a request calls this server, which its sender chooses.
fn base_url(config: &Config, own: &str) -> String {
    let base = if config.app_url.is_empty() { own } else { &config.app_url };
    base.trim_end_matches('/').to_owned()
}

/// Where the first superuser is set up. A link is a row, so a full disk has none.
async fn setup_notice(config: &Config, context: &AppContext, own: &str) -> Result<String, CliError> {
    match setup_link(config, context, own).await {
        Ok(link) => Ok(format!("set up the first superuser at {link}")),
        Err(_) if !instance::has_room(config) => Ok("there is no superuser yet, and no room for one".to_owned()),
        Err(failure) => Err(failure),
    }
}

/// A fresh one-time link; the one before it ends.
async fn setup_link(config: &Config, context: &AppContext, own: &str) -> Result<String, CliError> {
    let secret = Secret::setup(&environment::random_32());
    let (hash, now) = (secret.hash(), context.now());
    context.store.write(move |tx| setup_issue(tx, now, hash)).await?;
    Ok(format!("{}/setup/{}/", base_url(config, own), secret.expose()))
}

/// Completes when the process is asked to stop.
pub(super) async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            let _ = interrupted.await;
            return;
        };
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupted.await;
}

async fn stop_signal(mut stopping: watch::Receiver<bool>) {
    // The sender lives in a task that never ends before it sends.
    let _ = stopping.wait_for(|stop| *stop).await;
}
