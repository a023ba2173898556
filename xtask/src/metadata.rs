//! What `cargo metadata` says about the workspace: the part of it that the checks read.

use serde::Deserialize;

use crate::process;

#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// The dependency graph; only asked for by [`resolved`].
    pub(crate) resolve: Option<Graph>,
    pub(crate) workspace_root: String,
    pub(crate) target_directory: String,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) license: Option<String>,
    /// Where it comes from; none for the packages of this workspace.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: String,
    /// As the manifest says them, whether used on this machine or not.
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The version asked for, such as `=1.0.154`.
    pub(crate) req: String,
    /// None for an ordinary one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// The folder of a package of this workspace.
    pub(crate) path: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
}

/// One package in the graph, after features and targets are known.
#[derive(Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) features: Vec<String>,
    /// The ids of the packages it uses directly.
    pub(crate) dependencies: Vec<String>,
}

impl Metadata {
    /// A folder of this workspace as the checks name it: `crates/store`, with forward slashes.
    pub(crate) fn relative(&self, path: &str) -> String {
        let inside = path.strip_prefix(&self.workspace_root).unwrap_or(path);
        inside.replace('\\', "/").trim_start_matches('/').to_string()
    }
}

/// The packages of this workspace and what their manifests ask for. Needs no network.
pub(crate) fn manifests() -> Result<Metadata, String> {
    read(&["metadata", "--format-version", "1", "--no-deps"])
}

/// Everything that the lock file brings in, and who uses what.
pub(crate) fn resolved() -> Result<Metadata, String> {
    read(&["metadata", "--format-version", "1"])
}

fn read(args: &[&str]) -> Result<Metadata, String> {
    let json = process::output(&mut process::cargo(args))?;
    serde_json::from_slice(&json).map_err(|error| format!("`cargo metadata` printed something unexpected: {error}"))
}
