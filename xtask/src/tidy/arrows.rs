//! Which room may use which: ARCHITECTURE.md's arrows, held against the manifests.

use super::tree::Finding;
use crate::metadata::{Dependency, Metadata};

/// A room, or all the apps (`apps/*`), and what of ours it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/money", &[]),
    ("crates/store", &[]),
    ("crates/ledger", &["crates/money", "crates/store"]),
    ("crates/identity", &["crates/store"]),
    ("crates/outbox", &["crates/store"]),
    ("crates/notify", &["crates/store", "crates/outbox"]),
    ("crates/files", &["crates/store"]),
    ("crates/kit", UNDER_KIT),
    ("apps/*", KIT_AND_UNDER),
    ("crates/web", UNDER_WEB),
    ("crates/telegram", KIT_AND_UNDER),
    ("crates/testkit", KIT_AND_UNDER),
    ("crates/purser", EVERYTHING),
    ("crates/bench", EVERYTHING),
    ("xtask", &[]),
];

const UNDER_KIT: &[&str] =
    &["crates/money", "crates/store", "crates/ledger", "crates/identity", "crates/outbox", "crates/files"];

const KIT_AND_UNDER: &[&str] = &[
    "crates/money",
    "crates/store",
    "crates/ledger",
    "crates/identity",
    "crates/outbox",
    "crates/files",
    "crates/kit",
];

/// The console shows what notices say, and would say.
const UNDER_WEB: &[&str] = &[
    "crates/money",
    "crates/store",
    "crates/ledger",
    "crates/identity",
    "crates/outbox",
    "crates/files",
    "crates/kit",
    "crates/notify",
];

const EVERYTHING: &[&str] = &["*"];

/// Packages that speak to a database, and the one room that may hold them. A name that ends in `*`
/// stands for all that begin like it.
const DRIVERS: &[&str] = &["rusqlite", "libsqlite3-sys", "postgres", "tokio-postgres*", "sqlx*"];
const DRIVERS_ROOM: &str = "crates/store";

/// Every arrow that points the wrong way, and every driver outside its room.
pub(crate) fn findings(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let manifest = metadata.relative(&package.manifest_path);
        let room = manifest.trim_end_matches("/Cargo.toml");
        let Some((_, allowed)) = ARROWS.iter().find(|(pattern, _)| matches(pattern, room)) else {
            let says = "has no row in ARROWS (xtask/src/tidy/arrows.rs): say what it may use";
            findings.push(Finding::about(&manifest, says));
            continue;
        };
        for dependency in &package.dependencies {
            let wrong = wrong_arrow(metadata, room, allowed, dependency).or_else(|| wrong_driver(room, dependency));
            findings.extend(wrong.map(|says| Finding::about(&manifest, says)));
        }
    }
    findings
}

fn wrong_arrow(metadata: &Metadata, room: &str, allowed: &[&str], dependency: &Dependency) -> Option<String> {
    let used = metadata.relative(dependency.path.as_deref()?);
    let points_down = allowed.iter().any(|pattern| matches(pattern, &used));
    if points_down || is_test_tool(room, &used, dependency) {
        return None;
    }
    let may = if allowed.is_empty() { String::from("nothing of ours") } else { allowed.join(", ") };
    Some(format!("{room} may not use {used}: the arrows go down only, to {may}"))
}

/// The tests of a room that stands above testkit may use it.
fn is_test_tool(room: &str, used: &str, dependency: &Dependency) -> bool {
    let under_testkit = KIT_AND_UNDER.contains(&room);
    used == "crates/testkit" && dependency.kind.as_deref() == Some("dev") && !under_testkit
}

fn wrong_driver(room: &str, dependency: &Dependency) -> Option<String> {
    let name = &dependency.name;
    let is_driver = DRIVERS.iter().any(|pattern| matches(pattern, name));
    (is_driver && room != DRIVERS_ROOM)
        .then(|| format!("{room} may not use {name}: only {DRIVERS_ROOM} knows a database driver"))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{self, Package};

    /// A workspace of one package in `room` that depends on `name`, at `path` where it is ours.
    fn workspace(room: &str, name: &str, path: Option<&str>, kind: Option<&str>) -> Metadata {
        let dependency = Dependency {
            name: name.to_string(),
            req: String::from("*"),
            kind: kind.map(String::from),
            path: path.map(|path| format!("/work/{path}")),
        };
        let package = Package {
            id: room.to_string(),
            name: room.to_string(),
            version: String::new(),
            license: None,
            source: None,
            manifest_path: format!("/work/{room}/Cargo.toml"),
            dependencies: vec![dependency],
        };
        Metadata {
            packages: vec![package],
            resolve: None,
            workspace_root: String::from("/work"),
            target_directory: String::new(),
        }
    }

    fn arrow(room: &str, used: &str) -> Vec<String> {
        let metadata = workspace(room, "ours", Some(used), None);
        findings(&metadata).iter().map(Finding::to_string).collect()
    }

    fn driver(room: &str, name: &str) -> usize {
        findings(&workspace(room, name, None, None)).len()
    }

    #[test]
    fn an_arrow_that_points_up_or_sideways_is_a_finding() {
        for (room, used) in [
            ("crates/money", "crates/store"),
            ("crates/store", "crates/money"),
            ("crates/identity", "crates/ledger"),
            ("crates/files", "crates/kit"),
            ("crates/kit", "crates/web"),
            ("apps/charge", "crates/notify"),
            ("apps/charge", "apps/mess"),
            ("apps/charge", "crates/web"),
            ("crates/web", "apps/charge"),
            ("crates/testkit", "crates/web"),
            ("xtask", "crates/money"),
        ] {
            assert_eq!(arrow(room, used).len(), 1, "{room} → {used}");
        }
    }

    #[test]
    fn an_arrow_that_points_down_is_not() {
        for (room, used) in [
            ("crates/ledger", "crates/money"),
            ("crates/outbox", "crates/store"),
            ("crates/kit", "crates/identity"),
            ("crates/kit", "crates/files"),
            ("apps/charge", "crates/kit"),
            ("apps/charge", "crates/ledger"),
            ("crates/web", "crates/kit"),
            ("crates/web", "crates/notify"),
            ("crates/purser", "apps/charge"),
            ("crates/bench", "crates/web"),
        ] {
            assert_eq!(arrow(room, used), [""; 0], "{room} → {used}");
        }
    }

    #[test]
    fn the_finding_says_what_would_be_right() {
        assert_eq!(
            arrow("crates/ledger", "crates/outbox"),
            ["crates/ledger/Cargo.toml: crates/ledger may not use crates/outbox: \
              the arrows go down only, to crates/money, crates/store"]
        );
    }

    #[test]
    fn testkit_may_serve_the_tests_of_rooms_above_it_only() {
        let uses = |room, kind| findings(&workspace(room, "t", Some("crates/testkit"), kind)).len();
        assert_eq!(uses("apps/charge", Some("dev")), 0);
        assert_eq!(uses("apps/charge", None), 1);
        assert_eq!(uses("crates/ledger", Some("dev")), 1);
    }

    #[test]
    fn a_driver_belongs_in_the_store_only() {
        for name in ["rusqlite", "postgres", "tokio-postgres", "tokio-postgres-rustls"] {
            assert_eq!((driver("crates/store", name), driver("apps/charge", name)), (0, 1), "{name}");
        }
        assert_eq!(driver("apps/charge", "serde"), 0);
    }

    #[test]
    fn a_room_without_a_row_is_a_finding() {
        assert_eq!(findings(&workspace("crates/attic", "serde", None, None)).len(), 1);
    }

    #[test]
    fn every_room_of_this_workspace_has_a_row() {
        let missing = |finding: &Finding| finding.to_string().contains("has no row");
        assert!(!findings(&metadata::manifests().unwrap()).iter().any(missing));
    }
}
