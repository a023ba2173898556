//! Relative links in Markdown lead to a file or folder of the repository.

use super::tree::{File, Finding, Tree};

/// Links to other sites are not followed: a check must not fail because a stranger's server does.
pub(crate) fn broken(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.written("md") {
        for (line, target) in links(text) {
            let found = resolve(file, target).is_some_and(|path| tree.has(&path));
            if is_relative(target) && !found {
                findings.push(file.finding(line, format!("the link to {target} leads nowhere")));
            }
        }
    }
    findings
}

fn is_relative(target: &str) -> bool {
    !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

/// The path from the root of the workspace; None where it leads out of it.
fn resolve(file: &File, target: &str) -> Option<String> {
    let path = target.split(['#', '?']).next().unwrap_or(target);
    let (from, path) = match path.strip_prefix('/') {
        Some(absolute) => ("", absolute),
        None => (file.folder(), path),
    };
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Every `[text](target)`, `[name]: target` and `src="target"` outside code, with its line.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_fence = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            links.extend(links_in(line).into_iter().map(|target| (index + 1, target)));
        }
    }
    links
}

/// What stands before the target of a link or of a picture.
const BEFORE_TARGET: &[&str] = &["](", "src=\""];

fn links_in(line: &str) -> Vec<&str> {
    if let Some(target) = definition(line) {
        return vec![target];
    }
    let places = BEFORE_TARGET.iter().flat_map(|before| line.match_indices(before));
    let links = places.filter(|(at, _)| !is_code(line, *at));
    let targets = links.map(|(at, before)| {
        let rest = &line[at + before.len()..];
        rest.split([')', '"', ' ']).next().unwrap_or_default().trim_matches(['<', '>'])
    });
    targets.collect()
}

/// `[name]: target`, on a line of its own.
fn definition(line: &str) -> Option<&str> {
    let (_, target) = line.strip_prefix('[')?.split_once("]: ")?;
    target.split_whitespace().next()
}

/// Whether the byte at `at` stands between backticks.
fn is_code(line: &str, at: usize) -> bool {
    line[..at].matches('`').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::sample(&[
            ("docs/guide.md", text),
            ("docs/errors.md", ""),
            ("README.md", ""),
            ("apps/charge/README.md", ""),
        ]);
        broken(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(found("a\n[b](no.md)"), ["docs/guide.md:2: the link to no.md leads nowhere"]);
        for text in [
            "![a picture](no.png)",
            "[`code`](../no.md#part)",
            "[out](../../outside.md)",
            "[a]: no.md",
            "<img alt=\"\" src=\"no.png\">",
            "[good](errors.md) and [bad](/docs/no.md)",
        ] {
            assert_eq!(found(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_link_that_leads_somewhere_is_not() {
        for text in [
            "[a](errors.md) [b](./errors.md#part \"title\") [c](../README.md)",
            "[a folder](../apps/charge) [the same](../apps/charge/) [from the root](/README.md)",
            "[elsewhere](https://example.org/no.md) [mail](mailto:a@example.org) [here](#part)",
            "[a]: errors.md",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn code_holds_no_links() {
        assert_eq!(found("```\n[a](no.md)\n```\nand `[b](no.md)`\n"), [""; 0]);
    }
}
