//! What is refused, and that nothing is changed by it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use purser_store::{Engine, Error};
use purser_testkit::{TestDb, both};

use super::{backup, elsewhere, house, ok, passphrase_file, restore, said};
use crate::dump::dump;
use crate::program::Installation;

/// What an installation holds, as far as an API key can tell, and which files are in its folder.
pub(super) fn state(installation: &Installation) -> (String, Vec<String>) {
    let files = std::fs::read_dir(installation.data()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    files.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    files.sort();
    (said(&installation.run(&["key", "list", "--json"])), files)
}

#[track_caller]
pub(super) fn refused(installation: &Installation, file: &Path, more: &[&str], because: &str) {
    let output = restore(installation, file, more);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains(because), "{}", said(&output));
}

/// Runs the program where no file may grow past so many blocks of 512 bytes: writing fails as it does on a full disk.
fn limited(installation: &Installation, blocks: &str, args: &[&str]) -> Output {
    let program = installation.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "limited", blocks]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.current_dir(installation.data()).stdin(Stdio::null());
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.output().unwrap()
}

both! {
    async fn a_damaged_backup_is_refused_and_nothing_replaced(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 5).await;
        let pass = passphrase_file(&installation, "correct horse battery");
        let there = elsewhere(db.engine()).await;
        there.installation.key("charge.*");
        let before = state(&there.installation);
        let broken = installation.data().join("broken.purser");
        for more in [&[][..], &["--passphrase-file", &pass]] {
            let file = backup(&installation, more);
            let whole = std::fs::read(&file).unwrap();
            let yes = [&["--yes"], more].concat();
            // In the first part, in a table, in a header or the manifest, and in the last block.
            for at in [600, whole.len() / 3, whole.len() / 2, whole.len() - 3_000, whole.len() - 1] {
                let mut flipped = whole.clone();
                flipped[at] ^= 4;
                std::fs::write(&broken, flipped).unwrap();
                refused(&there.installation, &broken, &yes, "nothing was changed");
            }
            for length in [0, 100, 512, whole.len() / 2, whole.len() - 1_024, whole.len() - 1] {
                std::fs::write(&broken, &whole[..length]).unwrap();
                refused(&there.installation, &broken, &yes, "nothing was changed");
            }
        }
        assert_eq!(state(&there.installation), before);
    }

    async fn a_sealed_backup_opens_with_its_passphrase_only(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let pass = passphrase_file(&installation, "correct horse battery");
        let wrong = passphrase_file(&installation, "incorrect horse battery");
        let file = backup(&installation, &["--passphrase-file", &pass]);
        let there = elsewhere(db.engine()).await;
        there.installation.key("charge.*");
        let before = state(&there.installation);
        refused(&there.installation, &file, &["--yes", "--passphrase-file", &wrong], "the passphrase does not open");
        refused(&there.installation, &file, &["--yes"], "is sealed: give its passphrase");
        assert_eq!(state(&there.installation), before);
        let short = passphrase_file(&installation, "short");
        let output = installation.run(&["backup", "--passphrase-file", &short]);
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    }

    async fn a_filled_database_is_replaced_only_when_told_and_then_kept_aside(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 2).await;
        let file = backup(&installation, &[]);
        let there = elsewhere(db.engine()).await;
        there.installation.key("invest.*");
        let before = state(&there.installation);
        refused(&there.installation, &file, &[], "holds something already");
        assert_eq!(state(&there.installation), before);

        let restored = ok(&restore(&there.installation, &file, &["--yes"]));
        let keys = said(&there.installation.run(&["key", "list", "--json"]));
        assert!(keys.contains("charge.*") && !keys.contains("invest.*"), "{keys}");
        let kept = restored["kept"][0].as_str().unwrap();
        match &there.db {
            None => {
                let old = Installation::at(&format!("sqlite:{kept}"));
                assert!(said(&old.run(&["key", "list", "--json"])).contains("invest.*"));
            }
            Some(db) => {
                let sql = format!("SELECT scopes FROM {}.identity_api_key", kept.strip_prefix("schema ").unwrap());
                let scopes = db.read(move |tx| tx.query_one(&sql, &[], |row| row.get::<String>(0))).await;
                assert_eq!(scopes, Ok::<_, Error>("invest.*".to_owned()));
            }
        }
        // Once more: what is kept has the moment in its name.
        ok(&restore(&there.installation, &file, &["--yes"]));
    }

    async fn a_full_disk_leaves_no_half_archive(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 5).await;
        let files = installation.data().join("files");
        std::fs::create_dir(&files).unwrap();
        std::fs::write(files.join("large.png"), vec![7; 4 << 20]).unwrap();
        let before = dump(&db).await;
        let folder = installation.data().join("out");
        let backup_to = ["backup", "--out", folder.to_str().unwrap()];
        // 64 KiB are too few for the pages of an embedded database, and 2 MiB for the archive.
        for blocks in ["128", "4096"] {
            let failed = limited(&installation, blocks, &backup_to);
            assert_eq!(failed.status.code(), Some(3), "{}", said(&failed));
            let expected = if blocks == "4096" { "the backup cannot be written" } else { "" };
            assert!(said(&failed).contains(expected), "{}", said(&failed));
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        }
        assert_eq!(dump(&db).await, before);
        ok(&installation.run(&backup_to));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    async fn a_database_at_work_is_not_replaced_under_its_server(db: TestDb) {
        if db.engine() == Engine::Postgres {
            return;
        }
        let installation = Installation::at("");
        let key = house(&installation, 1).await;
        let file = backup(&installation, &[]);
        let serving = installation.serve(&key);
        let output = restore(&installation, &file, &["--yes"]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains("is in use"), "{}", said(&output));
        let (status, _) = serving.caller().get("/api/sellers/").await;
        assert_eq!(status, 200);
        serving.kill();
        ok(&restore(&installation, &file, &["--yes"]));
    }
}
