//! The files of the repository, in memory, and what a rule says about one of them.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::generate;

/// Every file that is read by the rules, sorted by path.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

pub(crate) struct File {
    /// From the root of the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// One thing against a house rule, said in a sentence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1; none where it is about the whole file.
    line: Option<usize>,
    says: String,
}

/// Paths that hold nothing of ours: what git keeps (a file in a second work tree), cargo's build, a running purser's data.
const SKIPPED: &[&str] = &[".git", "target", "data"];

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Tree, String> {
        let mut tree = Tree { files: Vec::new() };
        tree.read_folder(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> Result<(), String> {
        let failed = |error| format!("the folder ./{folder} cannot be read: {error}");
        for entry in fs::read_dir(root.join(folder)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && !SKIPPED.contains(&path.as_str()) {
                self.read_folder(root, &format!("{path}/"))?;
            } else if kind.is_file() && !SKIPPED.contains(&path.as_str()) {
                let bytes = fs::read(entry.path()).map_err(|error| format!("{path} cannot be read: {error}"))?;
                self.files.push(File { path, bytes });
            }
        }
        Ok(())
    }

    /// The files with this extension that a person wrote for people to read.
    pub(crate) fn written(&self, extension: &str) -> impl Iterator<Item = (&File, &str)> {
        let suffix = format!(".{extension}");
        self.texts().filter(move |(file, _)| file.path.ends_with(&suffix))
    }

    /// The text files that a person wrote for people to read.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&File, &str)> {
        let written = self.files.iter().filter(|file| file.is_written());
        written.filter_map(|file| Some((file, file.text()?)))
    }

    /// Whether there is a file or a folder at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    }

    /// A tree made of the given paths and texts, for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn sample(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File { path: path.to_string(), bytes: text.as_bytes().to_vec() };
        Tree { files: files.iter().map(file).collect() }
    }
}

impl File {
    /// None where it is not text.
    pub(crate) fn text(&self) -> Option<&str> {
        if self.bytes.contains(&0) { None } else { std::str::from_utf8(&self.bytes).ok() }
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path without its last part and without a slash at its end.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Generated, vendored and lock files are the ones that nobody reads.
    fn is_written(&self) -> bool {
        let generated = self.path == "Cargo.lock"
            || self.path.ends_with(".snap")
            || generate::paths().any(|path| path == self.path);
        !generated && !self.is_vendored()
    }

    pub(crate) fn is_vendored(&self) -> bool {
        self.path.contains("/vendor/")
    }

    pub(crate) fn finding(&self, line: usize, says: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: Some(line), says: says.into() }
    }

    pub(crate) fn whole(&self, says: impl Into<String>) -> Finding {
        Finding::about(&self.path, says)
    }
}

impl Finding {
    pub(crate) fn about(path: &str, says: impl Into<String>) -> Finding {
        Finding { path: path.to_string(), line: None, says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.says),
            None => write!(f, "{}: {}", self.path, self.says),
        }
    }
}

/// The number, from 1, of the line in which the byte at `offset` stands.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;

    #[test]
    fn the_tree_holds_this_file_and_no_build_output() {
        let tree = Tree::read(process::root()).unwrap();
        assert!(tree.has("xtask/src/tidy/tree.rs") && tree.has("xtask/src"));
        assert!(!tree.has("target") && !tree.has(".git"));
    }

    #[test]
    fn generated_vendored_and_binary_files_are_not_texts() {
        let tree = Tree::sample(&[
            ("Cargo.lock", ""),
            ("docs/openapi.json", ""),
            ("crates/web/assets/vendor/htmx.js", ""),
            ("docs/picture.png", "\0"),
            ("README.md", ""),
        ]);
        let paths: Vec<_> = tree.texts().map(|(file, _)| file.path.as_str()).collect();
        assert_eq!(paths, ["README.md"]);
    }

    #[test]
    fn a_finding_reads_as_path_line_sentence() {
        let tree = Tree::sample(&[("a/b.rs", "")]);
        assert_eq!(tree.files[0].finding(3, "no").to_string(), "a/b.rs:3: no");
        assert_eq!(tree.files[0].whole("no").to_string(), "a/b.rs: no");
        assert_eq!((tree.files[0].folder(), tree.files[0].name()), ("a", "b.rs"));
    }
}
