//! The part of deny.toml that is checked here, and the checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use super::license;
use crate::metadata::{Metadata, Node, Package};
use crate::process;

/// deny.toml, as far as it is checked here.
#[derive(Deserialize)]
pub(crate) struct DependencyPolicy {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
    features: Vec<FeatureBan>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    /// The packages that may use it all the same.
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct FeatureBan {
    #[serde(rename = "crate")]
    name: String,
    deny: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// One package and its place in the graph.
struct PlacedPackage<'a> {
    package: &'a Package,
    node: &'a Node,
    /// The names of the packages that use it directly.
    users: BTreeSet<&'a str>,
}

impl DependencyPolicy {
    pub(crate) fn read() -> Result<DependencyPolicy, String> {
        let path = process::root().join("deny.toml");
        let text = fs::read_to_string(path).map_err(|error| format!("deny.toml cannot be read: {error}"))?;
        DependencyPolicy::parse(&text)
    }

    fn parse(text: &str) -> Result<DependencyPolicy, String> {
        toml::from_str(text).map_err(|error| format!("deny.toml is not as expected: {error}"))
    }

    /// One line for each thing in the tree that this policy does not allow.
    pub(crate) fn findings(&self, metadata: &Metadata) -> Result<Vec<String>, String> {
        let tree = place(metadata)?;
        let mut findings = Vec::new();
        for placed in &tree {
            findings.extend(self.license(placed));
            findings.extend(self.bans(placed));
            findings.extend(self.features(placed));
            findings.extend(self.source(placed));
            findings.extend(pins(placed.package));
        }
        findings.extend(provider(&tree));
        Ok(findings)
    }

    fn license(&self, placed: &PlacedPackage<'_>) -> Option<String> {
        let name = placed.label();
        match &placed.package.license {
            Some(license) if license::is_allowed(license, &self.licenses.allow) => None,
            Some(license) => Some(format!("{name} is under `{license}`: not an allowed license")),
            None => Some(format!("{name} does not say its license")),
        }
    }

    fn bans(&self, placed: &PlacedPackage<'_>) -> Vec<String> {
        let rows = self.bans.deny.iter().filter(|ban| ban.name == placed.package.name);
        rows.flat_map(|ban| {
            let users = placed.users.iter().filter(|user| !ban.wrappers.iter().any(|w| w == *user));
            users.map(|user| format!("{user} uses {}: {}", placed.label(), ban.reason))
        })
        .collect()
    }

    fn features(&self, placed: &PlacedPackage<'_>) -> Vec<String> {
        let rows = self.bans.features.iter().filter(|ban| ban.name == placed.package.name);
        rows.flat_map(|ban| {
            let features = placed.node.features.iter().filter(|name| ban.deny.contains(name));
            features.map(|feature| format!("{} has the feature `{feature}` on: {}", placed.label(), ban.reason))
        })
        .collect()
    }

    fn source(&self, placed: &PlacedPackage<'_>) -> Option<String> {
        let source = placed.package.source.as_deref()?;
        let registry = source.strip_prefix("registry+");
        let allowed = registry.is_some_and(|url| self.sources.allow_registry.iter().any(|a| a == url));
        (!allowed).then(|| format!("{} comes from {source}: not an allowed source", placed.label()))
    }
}

impl PlacedPackage<'_> {
    fn label(&self) -> String {
        format!("{} {}", self.package.name, self.package.version)
    }
}

fn place(metadata: &Metadata) -> Result<Vec<PlacedPackage<'_>>, String> {
    let graph = metadata.resolve.as_ref().ok_or("`cargo metadata` printed no graph")?;
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in &graph.nodes {
        let Some(user) = packages.get(node.id.as_str()) else { continue };
        for used in &node.dependencies {
            users.entry(used).or_default().insert(&user.name);
        }
    }
    let mut tree = Vec::new();
    for node in &graph.nodes {
        let id = node.id.as_str();
        let package = packages.get(id).ok_or_else(|| format!("no package is called {id}"))?;
        tree.push(PlacedPackage { package, node, users: users.remove(id).unwrap_or_default() });
    }
    Ok(tree)
}

/// A lock file alone does not pin: `cargo update` and whoever uses a crate of ours elsewhere would
/// get versions that nobody here has tried.
fn pins(package: &Package) -> Vec<String> {
    if package.source.is_some() {
        return Vec::new();
    }
    let outside = package.dependencies.iter().filter(|dependency| dependency.path.is_none());
    let loose = outside.filter(|dependency| !dependency.req.starts_with('='));
    loose
        .map(|dependency| {
            let (name, req) = (&dependency.name, &dependency.req);
            format!("{} asks for {name} `{req}`: pin it, as `=1.2.3`", package.name)
        })
        .collect()
}

/// rustls takes its primitives from a provider; two of them would be two things to patch.
fn provider(tree: &[PlacedPackage<'_>]) -> Option<String> {
    let rustls: Vec<_> = tree.iter().filter(|placed| placed.package.name == "rustls").collect();
    match rustls[..] {
        [] => None,
        [one] if one.node.features.iter().any(|feature| feature == "ring") => None,
        [one] => Some(format!("{} does not have its provider `ring` on", one.label())),
        _ => Some(String::from("more than one version of rustls is in the tree")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Graph};

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [
            { crate = "openssl", reason = "one TLS stack" },
            { crate = "libsqlite3-sys", wrappers = ["rusqlite"], reason = "one user" },
        ]
        [[bans.features]]
        crate = "rustls"
        deny = ["aws_lc_rs"]
        reason = "one provider"
        [sources]
        allow-registry = ["https://registry"]
    "#;

    /// A tree of packages: name, features, what it uses. The first is ours.
    fn tree(packages: &[(&str, &[&str], &[&str])]) -> Metadata {
        let owned = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
        let package = |(index, (name, _, _)): (usize, &(&str, &[&str], &[&str]))| Package {
            id: name.to_string(),
            name: name.to_string(),
            version: String::from("1.0.0"),
            license: Some(String::from("MIT")),
            source: (index > 0).then(|| String::from("registry+https://registry")),
            manifest_path: String::new(),
            dependencies: Vec::new(),
        };
        let node = |(name, features, uses): &(&str, &[&str], &[&str])| Node {
            id: name.to_string(),
            features: owned(features),
            dependencies: owned(uses),
        };
        Metadata {
            packages: packages.iter().enumerate().map(package).collect(),
            resolve: Some(Graph { nodes: packages.iter().map(node).collect() }),
            workspace_root: String::new(),
            target_directory: String::new(),
        }
    }

    fn findings(metadata: &Metadata) -> Vec<String> {
        DependencyPolicy::parse(POLICY).unwrap().findings(metadata).unwrap()
    }

    #[test]
    fn a_tree_within_the_policy_has_no_findings() {
        let good = tree(&[
            ("purser", &[], &["rusqlite", "rustls"]),
            ("rusqlite", &[], &["libsqlite3-sys"]),
            ("libsqlite3-sys", &[], &[]),
            ("rustls", &["ring"], &[]),
        ]);
        assert_eq!(findings(&good), [""; 0]);
    }

    #[test]
    fn a_banned_package_is_named_with_its_user_and_the_reason() {
        let bad = tree(&[("purser", &[], &["openssl"]), ("openssl", &[], &[])]);
        assert_eq!(findings(&bad), ["purser uses openssl 1.0.0: one TLS stack"]);
    }

    #[test]
    fn a_wrapped_package_may_have_no_other_user() {
        let bad = tree(&[("purser", &[], &["libsqlite3-sys"]), ("libsqlite3-sys", &[], &[])]);
        assert_eq!(findings(&bad), ["purser uses libsqlite3-sys 1.0.0: one user"]);
    }

    #[test]
    fn a_banned_feature_is_named() {
        let bad = tree(&[("purser", &[], &["rustls"]), ("rustls", &["ring", "aws_lc_rs"], &[])]);
        assert_eq!(findings(&bad), ["rustls 1.0.0 has the feature `aws_lc_rs` on: one provider"]);
    }

    #[test]
    fn rustls_without_ring_is_a_finding() {
        let bad = tree(&[("purser", &[], &["rustls"]), ("rustls", &[], &[])]);
        assert_eq!(findings(&bad), ["rustls 1.0.0 does not have its provider `ring` on"]);
    }

    #[test]
    fn a_license_not_allowed_or_not_said_is_a_finding() {
        let mut bad = tree(&[("purser", &[], &["a", "b"]), ("a", &[], &[]), ("b", &[], &[])]);
        bad.packages[1].license = Some(String::from("GPL-3.0-only"));
        bad.packages[2].license = None;
        let expected = ["a 1.0.0 is under `GPL-3.0-only`: not an allowed license", "b 1.0.0 does not say its license"];
        assert_eq!(findings(&bad), expected);
    }

    #[test]
    fn a_package_from_git_is_a_finding() {
        let mut bad = tree(&[("purser", &[], &["a"]), ("a", &[], &[])]);
        bad.packages[1].source = Some(String::from("git+https://example.org/a"));
        let expected = "a 1.0.0 comes from git+https://example.org/a: not an allowed source";
        assert_eq!(findings(&bad), [expected]);
    }

    #[test]
    fn our_manifests_ask_for_exact_versions() {
        let asks = |name: &str, req: &str, path: Option<&str>| Dependency {
            name: name.to_string(),
            req: req.to_string(),
            kind: None,
            path: path.map(String::from),
        };
        let mut bad = tree(&[("purser", &[], &["a"]), ("a", &[], &[])]);
        bad.packages[0].dependencies =
            vec![asks("a", "^1", None), asks("b", "=1.0.0", None), asks("c", "*", Some("crates/c"))];
        bad.packages[1].dependencies = vec![asks("d", "^1", None)];
        assert_eq!(findings(&bad), ["purser asks for a `^1`: pin it, as `=1.2.3`"]);
    }

    #[test]
    fn the_policy_in_the_repository_can_be_read() {
        let policy = DependencyPolicy::read().unwrap();
        assert!(policy.bans.deny.iter().any(|ban| ban.name == "aws-lc-rs"));
    }
}
