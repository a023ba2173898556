//! The dependency policy of deny.toml, checked with cargo alone.
//!
//! cargo-deny reads the same file and knows more (advisories), but takes minutes to build and asks
//! the network. This reads what `cargo metadata` says and needs a second.

mod license;
mod policy;

use crate::{Chore, metadata};
use policy::DependencyPolicy;

pub(crate) const CHORE: Chore = Chore {
    name: "deps",
    about: "check licenses, bans and pins of what we depend on",
    help: "
Usage: cargo xtask deps

Checks the whole dependency tree, for every platform, against deny.toml:

  licenses   each package's license expression is met by the allowed ones
  bans       no banned package or feature is in the tree; a wrapped one has no other user
  sources    everything comes from an allowed registry
  provider   rustls has exactly one crypto provider, ring
  pins       each of our manifests asks for exact versions (=1.2.3)
",
    run,
};

fn run(args: &[String]) -> Result<(), String> {
    if let Some(extra) = args.first() {
        return Err(format!("`deps` takes no arguments; what is `{extra}`?"));
    }
    check()
}

/// Fails with one line for each thing that the policy does not allow.
pub(crate) fn check() -> Result<(), String> {
    let policy = DependencyPolicy::read()?;
    let metadata = metadata::resolved()?;
    let findings = policy.findings(&metadata)?;
    if findings.is_empty() {
        println!("{} packages, all within deny.toml", metadata.packages.len());
        return Ok(());
    }
    Err(format!("deny.toml does not allow what is in the tree:\n  {}", findings.join("\n  ")))
}
