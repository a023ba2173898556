//! Things that must be where a reader looks for them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::tree::{Finding, Tree};

/// The first line of a crate says what it is.
pub(crate) fn crate_headers(tree: &Tree) -> Vec<Finding> {
    let roots = tree.written("rs").filter(|(file, _)| {
        let root = file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs");
        root && file.path.split('/').count() <= 4
    });
    let silent = roots.filter(|(_, text)| {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        !first.starts_with("//!") && !first.starts_with("#![doc")
    });
    silent.map(|(file, _)| file.finding(1, "a crate begins with `//!` and what it is for")).collect()
}

/// An app's README is the one page that says what it does, for whom, and by which rules.
pub(crate) fn app_readmes(tree: &Tree) -> Vec<Finding> {
    let manifests =
        tree.written("toml").filter(|(file, _)| file.path.starts_with("apps/") && file.name() == "Cargo.toml");
    let without = manifests.filter(|(file, _)| !tree.has(&format!("{}/README.md", file.folder())));
    without.map(|(file, _)| Finding::about(file.folder(), "an app has a README.md")).collect()
}

/// Name of the list, in each folder `vendor`, of its files and their hashes.
const MANIFEST: &str = "manifest";

/// Nobody reads vendored files, so each is held to the hash it had when somebody did. The manifest
/// is what `sha256sum * > manifest` prints in that folder.
pub(crate) fn vendored(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut manifests: BTreeMap<String, BTreeMap<&str, &str>> = BTreeMap::new();
    for file in tree.files.iter().filter(|file| file.is_vendored() && file.name() == MANIFEST) {
        manifests.insert(format!("{}/", file.folder()), entries(file.text().unwrap_or_default()));
    }
    for file in tree.files.iter().filter(|file| file.is_vendored() && file.name() != MANIFEST) {
        let manifest = manifests.iter_mut().find(|(folder, _)| file.path.starts_with(*folder));
        let Some((folder, hashes)) = manifest else {
            findings.push(file.whole("is vendored, but no `manifest` in its vendor folder lists it"));
            continue;
        };
        match hashes.remove(&file.path[folder.len()..]) {
            Some(hash) if hash == sha256(&file.bytes) => {}
            Some(_) => findings.push(file.whole("is not the file whose hash is in the manifest")),
            None => findings.push(file.whole("is vendored, but not in the manifest")),
        }
    }
    for (folder, hashes) in manifests {
        let missing = hashes.into_keys().map(|name| format!("lists {name}, which is not there"));
        findings.extend(missing.map(|says| Finding::about(&format!("{folder}{MANIFEST}"), says)));
    }
    findings
}

/// File to hash.
fn entries(manifest: &str) -> BTreeMap<&str, &str> {
    let lines = manifest.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(hash, name)| (name.trim_start_matches([' ', '*']), hash)).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
        rule(&Tree::sample(files)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_crate_without_a_header_is_found() {
        let silent = [("crates/money/src/lib.rs", "\nmod money;\n")];
        assert_eq!(sentences(crate_headers, &silent).len(), 1);
        let spoken = [
            ("crates/money/src/lib.rs", "//! Exact amounts.\n"),
            ("xtask/src/main.rs", "#![doc = \"Chores.\"]\n"),
            ("crates/money/src/money.rs", "struct Money;\n"),
        ];
        assert_eq!(sentences(crate_headers, &spoken), [""; 0]);
    }

    #[test]
    fn an_app_without_a_readme_is_found() {
        let app = ("apps/charge/Cargo.toml", "");
        assert_eq!(sentences(app_readmes, &[app]), ["apps/charge: an app has a README.md"]);
        assert_eq!(sentences(app_readmes, &[app, ("apps/charge/README.md", "")]), [""; 0]);
    }

    const FILE: (&str, &str) = ("crates/web/assets/vendor/a.js", "abc");
    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn with_manifest(text: &str) -> Vec<String> {
        sentences(vendored, &[FILE, ("crates/web/assets/vendor/manifest", text)])
    }

    #[test]
    fn a_vendored_file_matches_its_manifest() {
        assert_eq!(with_manifest(&format!("{HASH}  a.js\n")), [""; 0]);
        assert_eq!(with_manifest(&format!("{HASH} *a.js\n")), [""; 0]);
    }

    #[test]
    fn a_vendored_file_changed_unlisted_or_missing_is_found() {
        let changed = with_manifest(&format!("{}  a.js\n", HASH.replace('b', "c")));
        assert!(changed.len() == 1 && changed[0].contains("is not the file"), "{changed:?}");
        let unlisted = with_manifest("");
        assert!(unlisted.len() == 1 && unlisted[0].contains("not in the manifest"), "{unlisted:?}");
        let missing = with_manifest(&format!("{HASH}  a.js\n{HASH}  b.js\n"));
        assert!(missing.len() == 1 && missing[0].contains("lists b.js"), "{missing:?}");
        assert_eq!(sentences(vendored, &[FILE]).len(), 1);
    }
}
