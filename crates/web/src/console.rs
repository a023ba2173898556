//! The console: what staff see and do.
//!
//! Apps say what there is ([`Resource`]); here it becomes pages. Every page needs a signed-in member of staff with the
//! scope that the resource or the action names, works without JavaScript, and keeps its state in its address.

mod act;
mod backups;
mod books;
mod commands;
mod done;
mod download;
pub(crate) mod export;
pub(crate) mod field;
mod frame;
mod going;
mod health;
mod home;
mod house;
mod inbox;
mod keys;
mod list;
mod names;
mod notices;
pub(crate) mod object;
mod order;
mod origin;
mod people;
pub(crate) mod proof;
mod record;
mod refusal;
mod report;
mod schedules;
pub(crate) mod show;
mod table;
mod texts;
pub(crate) mod upload;
mod visitor;
mod work;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use purser_kit::Problem;
use purser_kit::console::{Action, Console, Download, Import, Report, Resource};

use crate::door::{Door, Form};
use crate::site::House;

pub(crate) use act::chance;
pub use backups::{Backup, BackupsFn};
pub(crate) use frame::{Group, NavLink};
pub use house::SCOPES as HOUSE_SCOPES;
pub(crate) use refusal::Refusal;
pub(crate) use visitor::{Visitor, escaped};

/// Everything that the console stands on.
pub(crate) struct Desk {
    pub(crate) house: Arc<House>,
    pub(crate) apps: Vec<Shelf>,
    /// What goes on in the background.
    works: work::Works,
}

/// What one app has put there.
pub(crate) struct Shelf {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) console: Console,
}

impl Desk {
    pub(crate) fn shelf(&self, app: &str) -> Result<&Shelf, Problem> {
        self.apps.iter().find(|shelf| shelf.name == app).ok_or_else(|| Problem::not_found("page"))
    }

    fn resource(&self, app: &str, name: &str) -> Result<(&Shelf, &Resource), Problem> {
        let shelf = self.shelf(app)?;
        let found = shelf.console.resources.iter().find(|resource| resource.name == name);
        found.map(|resource| (shelf, resource)).ok_or_else(|| Problem::not_found("page"))
    }

    fn action(&self, app: &str, name: &str, action: &str) -> Result<(&Shelf, &Resource, &Action), Problem> {
        let (shelf, resource) = self.resource(app, name)?;
        let found = resource.actions.iter().find(|candidate| candidate.name == action);
        found.map(|action| (shelf, resource, action)).ok_or_else(|| Problem::not_found("action"))
    }

    /// What every action, upload and deed does.
    fn doors(&self) -> Vec<Door> {
        let mut doors = Vec::new();
        for Shelf { name: app, console, .. } in &self.apps {
            for resource in &console.resources {
                let at = format!("/admin/{app}/{}/do/?action=", resource.name);
                let of = |action: &Action| Door::of(format!("{at}{}", action.name), action.command);
                doors.extend(resource.actions.iter().map(of));
            }
            let imports = console.imports.iter();
            doors.extend(
                imports.map(|import| Door::of(format!("/admin/{app}/import/{}/", import.name), import.command)),
            );
            let deeds = console.portal.iter().flat_map(|portal| &portal.deeds);
            doors.extend(
                deeds.map(|deed| Door::of(format!("/portal/{app}/{{object}}/do/{}/", deed.name), deed.command)),
            );
        }
        doors
    }

    fn report(&self, app: &str, resource: &str, name: &str) -> Result<&Report, Problem> {
        let mut reports = self.shelf(app)?.console.reports.iter();
        let found = reports.find(|report| report.resource == resource && report.name == name);
        found.ok_or_else(|| Problem::not_found("page"))
    }

    fn download(&self, app: &str, resource: &str, name: &str) -> Result<&Download, Problem> {
        let mut downloads = self.shelf(app)?.console.downloads.iter();
        let found = downloads.find(|download| download.resource == resource && download.name == name);
        found.ok_or_else(|| Problem::not_found("file"))
    }

    fn import(&self, app: &str, name: &str) -> Result<(&Shelf, &Import), Problem> {
        let shelf = self.shelf(app)?;
        let found = shelf.console.imports.iter().find(|import| import.name == name);
        found.map(|import| (shelf, import)).ok_or_else(|| Problem::not_found("upload"))
    }
}

/// An app, and a resource or an import of it, in an address.
type At = axum::extract::Path<(String, String)>;

/// Puts what apps bring beside what is the house's own.
pub(crate) fn desk(house: &Arc<House>, mut apps: Vec<Shelf>) -> Arc<Desk> {
    apps.push(house::shelf(house));
    for resource in apps.iter_mut().flat_map(|shelf| &mut shelf.console.resources) {
        let commands: Vec<Action> = resource.commands.iter().map(Action::of).collect();
        resource.actions.splice(0..0, commands);
    }
    Arc::new(Desk { house: Arc::clone(house), apps, works: work::Works::default() })
}

/// The console's pages, each with and without its last slash.
pub(crate) fn routes(desk: &Arc<Desk>) -> (Router, Vec<Door>) {
    let pages = [
        ("/admin/", get(home::page), Form::None),
        ("/admin/inbox/", get(inbox::page), Form::None),
        ("/admin/ledger/accounts/", get(books::tree), Form::None),
        ("/admin/ledger/accounts/{id}/", get(books::account), Form::None),
        (backups::BASE, get(backups::page).post(backups::take), Form::Runs(&commands::SCHEDULE_RUN)),
        ("/admin/house/backups/{job}/", get(backups::going), Form::None),
        ("/admin/house/new-key/", get(keys::form).post(keys::submit), Form::Runs(&commands::KEY_CREATE)),
        (health::BASE, get(health::page), Form::None),
        ("/admin/house/schedules/", get(schedules::page).post(schedules::run), Form::Runs(&commands::SCHEDULE_RUN)),
        ("/admin/house/texts/", get(texts::list), Form::None),
        (
            "/admin/house/texts/{kind}/{channel}/{language}/",
            get(texts::form).post(texts::submit),
            Form::Either(&commands::TEXT_CHANGE, &commands::SECRET_TEXT_CHANGE),
        ),
        ("/admin/{app}/{resource}/", get(list::page), Form::None),
        ("/admin/{app}/{resource}/do/", get(act::form).post(act::submit), Form::Each),
        ("/admin/{app}/{resource}/done/{once}/", get(done::page), Form::None),
        ("/admin/{app}/{resource}/{id}/", get(object::page), Form::None),
        ("/admin/{app}/{resource}/{id}/{report}/", get(report::page), Form::None),
        ("/admin/{app}/{resource}/{id}/download/{download}/", get(download::file), Form::None),
        ("/admin/{app}/import/{import}/", get(upload::form), Form::None),
        ("/admin/{app}/import/{import}/{id}/", get(upload::shown), Form::None),
        ("/admin/{app}/import/{import}/{id}/commit/", post(upload::commit), Form::Each),
        ("/admin/{app}/import/{import}/done/{once}/", get(upload::done), Form::None),
        ("/admin/{app}/import/{import}/{id}/going/{once}/", get(upload::going), Form::None),
    ];
    let mut router = Router::new();
    let mut doors = Door::table(pages.each_ref().map(|(path, _, form)| (*path, *form)));
    doors.extend(desk.doors());
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
        .with_state(Arc::clone(desk));
    (router, doors)
}
