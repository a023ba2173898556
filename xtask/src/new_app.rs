//! A new app: a folder of the shape that every app has, at work and tested, and its lines in the house's lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Chore, process};

pub(crate) const CHORE: Chore = Chore {
    name: "new-app",
    about: "make a new app's folder, and its lines in the house's lists",
    help: "
Usage: cargo xtask new-app NAME

Makes apps/NAME, a small app that works: purses that staff fill by posting, over the API and in the console, with demo
data, and a test on both engines. Writes its lines into the workspace, the binary and the tests, and rewrites the
generated files. Then it is yours to change: docs/adding-an-app.md says what each file is for.

  NAME   2 to 20 lower-case letters: the app's name in paths, tables and scopes
",
    run,
};

/// What a new app begins with: where it stands in the workspace, and its text. `{name}` and `{ConnectorName}` stand for the name.
const FILES: &[(&str, &str)] = &[
    ("apps/{name}/Cargo.toml", include_str!("../new-app/Cargo.toml.txt")),
    ("apps/{name}/README.md", include_str!("../new-app/README.md.txt")),
    ("apps/{name}/migrations/0001_{name}.sql", include_str!("../new-app/migration.sql.txt")),
    ("apps/{name}/src/lib.rs", include_str!("../new-app/lib.rs.txt")),
    ("apps/{name}/src/domain.rs", include_str!("../new-app/domain.rs.txt")),
    ("apps/{name}/src/store.rs", include_str!("../new-app/store.rs.txt")),
    ("apps/{name}/src/service.rs", include_str!("../new-app/service.rs.txt")),
    ("apps/{name}/src/error.rs", include_str!("../new-app/error.rs.txt")),
    ("apps/{name}/src/api.rs", include_str!("../new-app/api.rs.txt")),
    ("apps/{name}/src/command.rs", include_str!("../new-app/command.rs.txt")),
    ("apps/{name}/src/console.rs", include_str!("../new-app/console.rs.txt")),
    ("apps/{name}/src/demo.rs", include_str!("../new-app/demo.rs.txt")),
    ("crates/purser/tests/it/{name}.rs", include_str!("../new-app/test.rs.txt")),
];

/// A list that an app is in: its file, where it begins and ends, and what the app adds before the end.
struct List {
    path: &'static str,
    begin: &'static str,
    end: &'static str,
    line: &'static str,
}

const LISTS: &[List] = &[
    List {
        path: "Cargo.toml",
        begin: "purser-charge = {",
        end: "\n\n",
        line: "\npurser-{name} = { path = \"apps/{name}\" }",
    },
    List {
        path: "crates/purser/Cargo.toml",
        begin: "[dependencies]",
        end: "\n\n",
        line: "\npurser-{name}.workspace = true",
    },
    List { path: "crates/purser/src/apps.rs", begin: "let apps = [", end: "];", line: ", purser_{name}::MIGRATIONS" },
    List {
        path: "crates/purser/src/apps.rs",
        begin: "[purser_web::SYSTEM_SCOPES",
        end: "].concat()",
        line: ", purser_{name}::SCOPES",
    },
    List {
        path: "crates/purser/src/apps.rs",
        begin: "Ok(vec![",
        end: "    ])",
        line: "        purser_{name}::app(context),\n",
    },
    List {
        path: "crates/purser/tests/it/main.rs",
        begin: "let apps = [",
        end: "];",
        line: ", purser_{name}::MIGRATIONS",
    },
    List {
        path: "crates/purser/tests/it/main.rs",
        begin: "[purser_web::SYSTEM_SCOPES",
        end: "].concat()",
        line: ", purser_{name}::SCOPES",
    },
    List { path: "crates/purser/tests/it/main.rs", begin: "mod account;", end: "\n\n", line: "\nmod {name};" },
    List {
        path: "crates/purser/tests/it/declared.rs",
        begin: "let award = json!",
        end: "\n        let described = ",
        line: include_str!("../new-app/declared.rs.txt"),
    },
    List {
        path: "crates/purser/tests/it/power.rs",
        begin: "let expected = [",
        end: "        ];",
        line: "            \"{name}.purses.create\",\n",
    },
];

fn run(args: &[String]) -> Result<(), String> {
    let [name] = args else { return Err(String::from("`new-app` takes the app's name and nothing else")) };
    let made = make(process::root(), name)?;
    for path in made {
        println!("{} written", path.display());
    }
    process::run(&mut process::cargo(&["fmt", "--all"]))?;
    process::run(&mut process::cargo(&["xtask", "generate"]))?;
    println!("\nNow: cargo xtask test {name}. What each file is for is in docs/adding-an-app.md.");
    Ok(())
}

/// Writes the app into the workspace at `root`, all of it or, where something is in the way, nothing; the paths of what
/// was written.
fn make(root: &Path, name: &str) -> Result<Vec<PathBuf>, String> {
    check(root, name)?;
    let filled = |text: &str| text.replace("{name}", name).replace("{Name}", &title(name));
    let mut written: Vec<(PathBuf, String)> = Vec::new();
    for (path, text) in FILES {
        let path = PathBuf::from(filled(path));
        if root.join(&path).exists() {
            return Err(format!("{} is there already", path.display()));
        }
        written.push((path, filled(text)));
    }
    for path in LISTS.iter().map(|list| list.path).collect::<BTreeSet<_>>() {
        let mut text = fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        for list in LISTS.iter().filter(|list| list.path == path) {
            text = added(&text, list, &filled(list.line))?;
        }
        written.push((PathBuf::from(path), text));
    }
    for (path, text) in &written {
        let whole = root.join(path);
        let folder = whole.parent().unwrap_or(root);
        let done = fs::create_dir_all(folder).and_then(|()| fs::write(&whole, text));
        done.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(written.into_iter().map(|(path, _)| path).collect())
}

fn check(root: &Path, name: &str) -> Result<(), String> {
    if !(2..=20).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(format!("'{name}' is no name for an app: it must be 2 to 20 lower-case letters"));
    }
    // A room's tables and codes are named after it, and so are an app's.
    for taken in ["apps", "crates"] {
        if root.join(taken).join(name).exists() {
            return Err(format!("'{name}' is taken: there is {taken}/{name}"));
        }
    }
    if ["account", "console", "house", "portal"].contains(&name) {
        return Err(format!("'{name}' is taken: the house uses it in its own paths"));
    }
    Ok(())
}

fn title(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}

/// The text with `line` at the end of the list.
fn added(text: &str, list: &List, line: &str) -> Result<String, String> {
    let lost = || format!("{}: there is no list between `{}` and `{}`", list.path, list.begin, list.end.escape_debug());
    let begin = text.find(list.begin).ok_or_else(lost)?;
    let end = begin + text[begin..].find(list.end).ok_or_else(lost)?;
    let (before, after) = text.split_at(end);
    Ok(format!("{before}{line}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of the files with the lists, in a folder of its own.
    struct TreeCopy(PathBuf);

    impl TreeCopy {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("purser-new-app-{name}-{}", std::process::id()));
            for path in LISTS.iter().map(|list| list.path).collect::<BTreeSet<_>>() {
                let to = root.join(path);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(process::root().join(path), to).unwrap();
            }
            fs::create_dir_all(root.join("apps/charge")).unwrap();
            TreeCopy(root)
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.0.join(path)).unwrap()
        }
    }

    impl Drop for TreeCopy {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_app_is_a_folder_and_its_lines_in_the_house_s_lists() {
        let copy = TreeCopy::new("made");
        let made = make(&copy.0, "purse").unwrap();
        assert!(made.contains(&PathBuf::from("apps/purse/migrations/0001_purse.sql")), "{made:?}");
        assert!(copy.read("apps/purse/src/lib.rs").contains("pub fn app(context: &AppContext) -> App"));
        assert!(copy.read("Cargo.toml").contains("\npurser-purse = { path = \"apps/purse\" }\n"));
        assert!(
            copy.read("crates/purser/Cargo.toml").contains("\npurser-purse.workspace = true\n\n[dev-dependencies]")
        );
        let (apps, tests) = (copy.read("crates/purser/src/apps.rs"), copy.read("crates/purser/tests/it/main.rs"));
        for text in [&apps, &tests] {
            assert!(text.contains(", purser_purse::MIGRATIONS];") && text.contains(", purser_purse::SCOPES].concat()"));
        }
        assert!(apps.contains("        purser_purse::app(context),\n    ])") && tests.contains("\nmod purse;\n"));
        let declared = copy.read("crates/purser/tests/it/declared.rs");
        assert!(declared.contains("run(\"/api/purse/purses/create/\".into()"));
        assert!(copy.read("crates/purser/tests/it/power.rs").contains("            \"purse.purses.create\",\n"));
        for path in made.iter().filter(|path| path.to_string_lossy().contains("purse/")) {
            let text = copy.read(path.to_str().unwrap());
            assert!(!text.contains("{name}") && !text.contains("{Name}"), "{}", path.display());
        }
    }

    #[test]
    fn a_name_that_is_none_or_taken_writes_nothing() {
        let copy = TreeCopy::new("refused");
        for name in ["", "x", "Purse", "a-b", "../a", "purse1", "charge", "house", "abcdefghijklmnopqrstu"] {
            let before = copy.read("Cargo.toml");
            assert!(make(&copy.0, name).unwrap_err().contains(&format!("'{name}'")), "{name}");
            assert_eq!(copy.read("Cargo.toml"), before);
        }
    }

    #[test]
    fn what_stands_in_the_way_or_is_lost_writes_nothing() {
        let copy = TreeCopy::new("lost");
        fs::write(copy.0.join("crates/purser/tests/it/main.rs"), "mod account;\n\n").unwrap();
        assert!(make(&copy.0, "purse").unwrap_err().contains("let apps = ["));
        assert!(!copy.0.join("apps/purse").exists());
        fs::write(copy.0.join("crates/purser/tests/it/purse.rs"), "").unwrap();
        assert!(make(&copy.0, "purse").unwrap_err().contains("purse.rs is there already"));
    }
}
