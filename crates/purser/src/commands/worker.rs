//! `purser worker`, and the worker inside `purser serve`

use std::process::ExitCode;

use purser_kit::console::Progress;
use purser_kit::{App, AppContext};
use purser_notify::NoticeDelivery;
use purser_outbox::{Outbox, Schedule, Worker, WorkerLimits, WorkerSetup};
use tokio::task::JoinSet;

use super::say;
use crate::channels::{self, Channels};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, condition, instance, logs, maintenance, retention, settings_record};

/// Notices of many that are sent at once.
const BULK: u32 = 4;

/// Programs that are called at once.
const WEBHOOKS: u32 = 16;

pub(super) async fn run(config: &Config, environment: &[(String, String)]) -> Result<ExitCode, CliError> {
    logs::start(environment);
    let context = instance::context(config, instance::store_migrated(config).await?)?;
    let mut apps = apps::open(&context, config)?;
    condition::refuse_contradiction(&context.store, &apps).await?;
    condition::clock_watch(&context.store, context.now()).await;
    let post = Channels::open(config)?.post(&context, &channels::texts(config, &apps));
    settings_record::note(&context, config).await?;
    let mut working = JoinSet::new();
    for worker in workers(&context, config, &mut apps, &post, &Progress::default())? {
        working.spawn(worker.run(super::serve::stopped()));
    }
    say("working; stop with Ctrl-C");
    while working.join_next().await.is_some() {}
    context.store.close();
    Ok(ExitCode::SUCCESS)
}

/// Everything that is done again and again.
pub(super) fn schedules(config: &Config, apps: &[App]) -> Vec<Schedule> {
    apps.iter().flat_map(|app| app.schedules.clone()).chain(maintenance::schedules(config)).collect()
}

/// The worker that does the apps' jobs and minds their schedules, and beside it one for what is told to many and one that
/// calls other programs: however much that is, and however slow they are, it holds nothing else up.
pub(super) fn workers(
    context: &AppContext,
    config: &Config,
    apps: &mut [App],
    post: &NoticeDelivery,
    backup: &Progress,
) -> Result<Vec<Worker>, CliError> {
    retention::check(config)?;
    let (schedules, operator) = (schedules(config, apps), channels::operator(config)?);
    let jobs = apps.iter_mut().flat_map(|app| std::mem::take(&mut app.jobs));
    let handlers = jobs
        .chain(purser_web::system_jobs(context))
        .chain(maintenance::handlers(context, config, backup.clone(), operator))
        .chain([post.handler()])
        .collect();
    let failed = |error| CliError::machine("the worker cannot start", error);
    let setup = WorkerSetup {
        store: context.store.clone(),
        clock: context.clock.clone(),
        owner: context.process,
        outbox: context.outbox.clone(),
        handlers,
        schedules,
        zone: context.zone.clone(),
        limits: WorkerLimits::default(),
    };
    let beside = |handler, concurrency| WorkerSetup {
        store: context.store.clone(),
        clock: context.clock.clone(),
        owner: context.process,
        // One wake wakes one worker, and it is not for this one.
        outbox: Outbox::default(),
        handlers: vec![handler],
        schedules: Vec::new(),
        zone: context.zone.clone(),
        limits: WorkerLimits { concurrency, ..WorkerLimits::default() },
    };
    let (bulk, webhooks) = (beside(post.bulk_handler(), BULK), beside(post.webhook_handler(), WEBHOOKS));
    [setup, bulk, webhooks].into_iter().map(|setup| Worker::new(setup).map_err(failed)).collect()
}
