//! The console: what staff see and do.
//!
//! Apps say what there is ([`Resource`]); here it becomes pages. Every page needs a signed-in member of staff with the
//! scope that the resource or the action names, works without JavaScript, and keeps its state in its address.

mod act;
mod action_request;
mod audit_detail;
mod backups;
mod books;
mod commands;
mod done;
mod download;
mod error_page;
pub(crate) mod export;
pub(crate) mod field;
mod frame;
mod health;
mod home;
mod inbox;
mod keys;
mod list;
mod names;
mod notices;
pub(crate) mod object;
mod origin;
mod people;
pub(crate) mod reauth;
mod report;
mod schedules;
mod staff_user;
mod system;
mod table;
mod task;
mod task_progress;
mod texts;
pub(crate) mod upload;
pub(crate) mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use purser_kit::Problem;
use purser_kit::console::{Action, Console, Download, Import, Report, Resource};

use crate::form_route::{FormEffect, FormRoute};
use crate::site::SiteState;

pub(crate) use act::entropy;
pub use backups::{BackupEntry, BackupsFn};
pub(crate) use error_page::ErrorPage;
pub(crate) use frame::{NavGroup, NavLink};
pub(crate) use staff_user::{StaffUser, escaped};
pub use system::SCOPES as SYSTEM_SCOPES;

/// Everything that the console stands on.
pub(crate) struct ConsoleState {
    pub(crate) site: Arc<SiteState>,
    pub(crate) apps: Vec<AppSection>,
    /// What goes on in the background.
    tasks: task::TaskRegistry,
}

/// What one app has put there.
pub(crate) struct AppSection {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) console: Console,
}

impl ConsoleState {
    pub(crate) fn section(&self, app: &str) -> Result<&AppSection, Problem> {
        self.apps.iter().find(|section| section.name == app).ok_or_else(|| Problem::not_found("page"))
    }

    fn resource(&self, app: &str, name: &str) -> Result<(&AppSection, &Resource), Problem> {
        let section = self.section(app)?;
        let found = section.console.resources.iter().find(|resource| resource.name == name);
        found.map(|resource| (section, resource)).ok_or_else(|| Problem::not_found("page"))
    }

    fn action(&self, app: &str, name: &str, action: &str) -> Result<(&AppSection, &Resource, &Action), Problem> {
        let (section, resource) = self.resource(app, name)?;
        let found = resource.actions.iter().find(|candidate| candidate.name == action);
        found.map(|action| (section, resource, action)).ok_or_else(|| Problem::not_found("action"))
    }

    /// What every action, upload and portal action does.
    fn doors(&self) -> Vec<FormRoute> {
        let mut forms = Vec::new();
        for AppSection { name: app, console, .. } in &self.apps {
            for resource in &console.resources {
                let at = format!("/admin/{app}/{}/do/?action=", resource.name);
                let of = |action: &Action| FormRoute::of(format!("{at}{}", action.name), action.command);
                forms.extend(resource.actions.iter().map(of));
            }
            let imports = console.imports.iter();
            forms.extend(
                imports.map(|import| FormRoute::of(format!("/admin/{app}/import/{}/", import.name), import.command)),
            );
            let actions = console.portal.iter().flat_map(|portal| &portal.actions);
            forms.extend(actions.map(|portal_action| {
                FormRoute::of(format!("/portal/{app}/{{object}}/do/{}/", portal_action.name), portal_action.command)
            }));
        }
        forms
    }

    fn report(&self, app: &str, resource: &str, name: &str) -> Result<&Report, Problem> {
        let mut reports = self.section(app)?.console.reports.iter();
        let found = reports.find(|report| report.resource == resource && report.name == name);
        found.ok_or_else(|| Problem::not_found("page"))
    }

    fn download(&self, app: &str, resource: &str, name: &str) -> Result<&Download, Problem> {
        let mut downloads = self.section(app)?.console.downloads.iter();
        let found = downloads.find(|download| download.resource == resource && download.name == name);
        found.ok_or_else(|| Problem::not_found("file"))
    }

    fn import(&self, app: &str, name: &str) -> Result<(&AppSection, &Import), Problem> {
        let section = self.section(app)?;
        let found = section.console.imports.iter().find(|import| import.name == name);
        found.map(|import| (section, import)).ok_or_else(|| Problem::not_found("upload"))
    }
}

/// An app, and a resource or an import of it, in an address.
type ResourcePath = axum::extract::Path<(String, String)>;

/// Puts what apps bring beside what is the house's own.
pub(crate) fn console_state(site: &Arc<SiteState>, mut apps: Vec<AppSection>) -> Arc<ConsoleState> {
    apps.push(system::section(site));
    for resource in apps.iter_mut().flat_map(|section| &mut section.console.resources) {
        let commands: Vec<Action> = resource.commands.iter().map(Action::of).collect();
        resource.actions.splice(0..0, commands);
    }
    Arc::new(ConsoleState { site: Arc::clone(site), apps, tasks: task::TaskRegistry::default() })
}

/// The console's pages, each with and without its last slash.
pub(crate) fn routes(console: &Arc<ConsoleState>) -> (Router, Vec<FormRoute>) {
    let pages = [
        ("/admin/", get(home::page), FormEffect::None),
        ("/admin/inbox/", get(inbox::page), FormEffect::None),
        ("/admin/ledger/accounts/", get(books::tree), FormEffect::None),
        ("/admin/ledger/accounts/{id}/", get(books::account), FormEffect::None),
        (backups::BASE, get(backups::page).post(backups::take), FormEffect::Runs(&commands::SCHEDULE_RUN)),
        ("/admin/house/backups/{job}/", get(backups::progress), FormEffect::None),
        ("/admin/house/new-key/", get(keys::form).post(keys::submit), FormEffect::Runs(&commands::KEY_CREATE)),
        (health::BASE, get(health::page), FormEffect::None),
        (
            "/admin/house/schedules/",
            get(schedules::page).post(schedules::run),
            FormEffect::Runs(&commands::SCHEDULE_RUN),
        ),
        ("/admin/house/texts/", get(texts::list), FormEffect::None),
        (
            "/admin/house/texts/{kind}/{channel}/{language}/",
            get(texts::form).post(texts::submit),
            FormEffect::Either(&commands::TEXT_CHANGE, &commands::SECRET_TEXT_CHANGE),
        ),
        ("/admin/{app}/{resource}/", get(list::page), FormEffect::None),
        ("/admin/{app}/{resource}/do/", get(act::form).post(act::submit), FormEffect::Each),
        ("/admin/{app}/{resource}/done/{once}/", get(done::page), FormEffect::None),
        ("/admin/{app}/{resource}/{id}/", get(object::page), FormEffect::None),
        ("/admin/{app}/{resource}/{id}/{report}/", get(report::page), FormEffect::None),
        ("/admin/{app}/{resource}/{id}/download/{download}/", get(download::file), FormEffect::None),
        ("/admin/{app}/import/{import}/", get(upload::form), FormEffect::None),
        ("/admin/{app}/import/{import}/{id}/", get(upload::render), FormEffect::None),
        ("/admin/{app}/import/{import}/{id}/commit/", post(upload::commit), FormEffect::Each),
        ("/admin/{app}/import/{import}/done/{once}/", get(upload::done), FormEffect::None),
        ("/admin/{app}/import/{import}/{id}/going/{once}/", get(upload::progress), FormEffect::None),
    ];
    let mut router = Router::new();
    let mut forms = FormRoute::table(pages.each_ref().map(|(path, _, form)| (*path, *form)));
    forms.extend(console.doors());
    for (path, methods, _) in pages {
        router = router.route(path.trim_end_matches('/'), methods.clone()).route(path, methods);
    }
    let upload = post(upload::check).layer(DefaultBodyLimit::disable());
    let router = router
        .route("/admin/{app}/import/{import}/check/", upload)
        .route("/admin/{app}/import/{import}/template.csv", get(upload::template))
        .route("/admin/{app}/import/{import}/{id}/report.csv", get(upload::report))
        .route("/admin/{app}/{resource}/export.csv", get(export::csv))
        .route("/admin/{app}/{resource}/done/{once}/report.csv", get(done::report))
        .route("/admin/{app}/{resource}/{id}/{report}/file.csv", get(report::csv))
        .with_state(Arc::clone(console));
    (router, forms)
}
