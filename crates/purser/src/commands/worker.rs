//! `purser worker`, and the worker inside `purser serve`

use std::process::ExitCode;

use purser_kit::{App, AppContext};
use purser_outbox::{Worker, WorkerLimits, WorkerSetup};

use crate::config::Config;
use crate::failure::Failure;
use crate::{apps, house, logs, upkeep};

pub(super) async fn run(config: &Config, environment: &[(String, String)]) -> Result<ExitCode, Failure> {
    logs::start(environment);
    let context = house::context(config, house::store_migrated(config).await?)?;
    let mut apps = apps::open(&context, config)?;
    let worker = worker(&context, config, &mut apps)?;
    println!("working; stop with Ctrl-C");
    worker.run(super::serve::stopped()).await;
    context.store.close();
    Ok(ExitCode::SUCCESS)
}

/// The worker that does the apps' jobs and minds their schedules.
pub(super) fn worker(context: &AppContext, config: &Config, apps: &mut [App]) -> Result<Worker, Failure> {
    let jobs = apps.iter_mut().flat_map(|app| std::mem::take(&mut app.jobs));
    let handlers = jobs.chain(upkeep::handlers(context, config)).collect();
    let timed = apps.iter_mut().flat_map(|app| std::mem::take(&mut app.schedules));
    let schedules = timed.chain(upkeep::schedules(config)).collect();
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
    Worker::new(setup).map_err(|error| Failure::machine("the worker cannot start", error))
}
