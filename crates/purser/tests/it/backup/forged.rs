//! Archives that nobody's Purser wrote, whose checksums are right all the same.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use purser_testkit::{TestDb, both};
use ring::digest;
use serde_json::{Value, json};

use super::refusals::{refused, state};
use super::{backup, elsewhere, house};
use crate::program::Installation;

const BLOCK: usize = 512;

fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One file of a tar archive, as the program writes it but for its kind: '0' is a file, '2' a link.
fn entry(name: &str, content: &[u8], kind: u8) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    if kind == b'2' {
        put(157, b"/etc/passwd");
    }
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(content);
    block.resize(block.len().div_ceil(BLOCK) * BLOCK, 0);
    block
}

/// A backup taken apart.
#[derive(Clone)]
struct Forgery {
    parts: Vec<(String, Vec<u8>)>,
    manifest: Value,
}

impl Forgery {
    fn of(file: &Path) -> Self {
        let bytes = std::fs::read(file).unwrap();
        let (mut at, mut parts, mut manifest) = (0, Vec::new(), Value::Null);
        while bytes[at] != 0 {
            let name = bytes[at..at + 100].split(|byte| *byte == 0).next().unwrap();
            let name = String::from_utf8(name.to_vec()).unwrap();
            let size = std::str::from_utf8(&bytes[at + 124..at + 135]).unwrap();
            let size = usize::from_str_radix(size, 8).unwrap();
            let content = bytes[at + BLOCK..at + BLOCK + size].to_vec();
            at += BLOCK + size.div_ceil(BLOCK) * BLOCK;
            match name.as_str() {
                "manifest.json" => manifest = serde_json::from_slice(&content).unwrap(),
                "manifest.sha256" => {}
                _ => parts.push((name, content)),
            }
        }
        Forgery { parts, manifest }
    }

    /// The same with another part behind the others.
    fn with(mut self, name: &str, content: &[u8]) -> Self {
        self.parts.push((name.to_owned(), content.to_vec()));
        self
    }

    /// Puts it together, with all checksums right. `unlisted` is in the archive and not in its manifest.
    fn write(mut self, to: &Path, unlisted: &[u8]) -> PathBuf {
        let listed = self
            .parts
            .iter()
            .map(|(name, content)| json!({ "name": name, "bytes": content.len(), "sha256": sha256(content) }));
        self.manifest["parts"] = listed.collect();
        let manifest = serde_json::to_vec(&self.manifest).unwrap();
        let sum = format!("{}  manifest.json\n", sha256(&manifest));
        let mut bytes: Vec<u8> = self.parts.iter().flat_map(|(name, content)| entry(name, content, b'0')).collect();
        bytes.extend_from_slice(unlisted);
        bytes.extend(entry("manifest.json", &manifest, b'0'));
        bytes.extend(entry("manifest.sha256", sum.as_bytes(), b'0'));
        bytes.extend([0; 2 * BLOCK]);
        std::fs::write(to, bytes).unwrap();
        to.to_owned()
    }
}

fn packed(plain: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(9));
    plain.for_each(|piece| encoder.write_all(&piece).unwrap());
    encoder.finish().unwrap()
}

both! {
    async fn what_was_put_together_by_hand_and_is_as_it_was_restores(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let forged = Forgery::of(&backup(&installation, &[]));
        let file = forged.write(&installation.data().join("forged.purser"), &[]);
        let there = elsewhere(db.engine()).await;
        super::ok(&super::restore(&there.installation, &file, &[]));
    }

    async fn an_unsealed_backup_with_an_instance_key_is_refused(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let forged = Forgery::of(&backup(&installation, &[])).with("instance.key", "5a".repeat(32).as_bytes());
        let file = forged.write(&installation.data().join("forged.purser"), &[]);
        let there = elsewhere(db.engine()).await;
        there.installation.key("charge.*");
        let before = state(&there.installation);
        let key = std::fs::read(there.installation.data().join("instance.key")).unwrap();
        for more in [&["--yes"][..], &["--check"]] {
            refused(&there.installation, &file, more, "it holds an instance key and is not sealed");
        }
        assert_eq!(state(&there.installation), before);
        assert_eq!(std::fs::read(there.installation.data().join("instance.key")).unwrap(), key);
    }

    async fn rows_that_unpack_to_far_more_than_a_backup_holds_are_refused(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let forged = Forgery::of(&backup(&installation, &[]));
        let there = elsewhere(db.engine()).await;
        there.installation.key("charge.*");
        let before = state(&there.installation);
        let bombed = |content: Vec<u8>| {
            let mut forged = forged.clone();
            let part = forged.parts.iter_mut().find(|(name, _)| name.starts_with("tables/charge_sale/")).unwrap();
            part.1 = content;
            forged.write(&installation.data().join("bomb.purser"), &[])
        };
        // One line of 200 MiB in 200 KiB.
        let line = bombed(packed((0..200).map(|_| vec![b'x'; 1 << 20])));
        refused(&there.installation, &line, &["--yes"], "nothing was changed");
        // Many parts, each of a size that is allowed.
        let mut many = forged.clone();
        let rows = packed((0..60).map(|_| b"x\n".repeat(1 << 19)));
        for number in 2..40 {
            many.parts.push((format!("tables/charge_sale/{number:05}.rows.gz"), rows.clone()));
        }
        let many = many.write(&installation.data().join("bomb.purser"), &[]);
        refused(&there.installation, &many, &["--yes"], "far more than any backup");
        // More rows than the manifest says.
        let more = bombed(packed((0..10).map(|_| b"x\n".repeat(100))));
        refused(&there.installation, &more, &["--yes"], "where its manifest says");
        assert_eq!(state(&there.installation), before);
    }

    async fn parts_that_have_no_place_in_a_backup_are_refused(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let forged = Forgery::of(&backup(&installation, &[]));
        let there = elsewhere(db.engine()).await;
        there.installation.key("charge.*");
        let before = state(&there.installation);
        let to = installation.data().join("forged.purser");
        for name in ["files/../../evil", "/etc/evil", "files/a/../b", "tables/charge_sale/../../x.rows.gz", "other"] {
            let file = forged.clone().with(name, &packed(std::iter::empty())).write(&to, &[]);
            refused(&there.installation, &file, &["--yes"], "nothing was changed");
        }
        let twice = forged.clone().with("files/a.png", b"1").with("files/a.png", b"2").write(&to, &[]);
        refused(&there.installation, &twice, &["--yes"], "has no place in it");
        let link = forged.clone().write(&to, &entry("files/a.png", b"", b'2'));
        refused(&there.installation, &link, &["--yes"], "nothing was changed");
        let unlisted = forged.clone().write(&to, &entry("files/a.png", b"1", b'0'));
        refused(&there.installation, &unlisted, &["--yes"], "more or fewer parts");
        let mut strange = forged.clone();
        strange.manifest["tables"][0]["name"] = json!("sqlite_schema");
        refused(&there.installation, &strange.write(&to, &[]), &["--yes"], "nothing was changed");
        let mut lacking = forged.clone();
        lacking.manifest["tables"].as_array_mut().unwrap().retain(|table| table["name"] != "identity_session");
        lacking.parts.retain(|(name, _)| !name.starts_with("tables/identity_session/"));
        refused(&there.installation, &lacking.write(&to, &[]), &["--yes"], "it lacks the table identity_session");
        let mut misfit = forged.clone();
        let part = misfit.parts.iter_mut().find(|(name, _)| name.starts_with("tables/charge_sale/")).unwrap();
        part.1 = packed(std::iter::once(b"not a row\n".to_vec()));
        refused(&there.installation, &misfit.write(&to, &[]), &["--yes"], "nothing was changed");
        assert_eq!(state(&there.installation), before);
    }

    async fn a_file_that_is_no_backup_is_refused_by_name(db: TestDb) {
        let installation = Installation::new(&db);
        let there = elsewhere(db.engine()).await;
        there.installation.key("charge.*");
        let before = state(&there.installation);
        let tar = [entry("notes.txt", b"hello", b'0'), vec![0; 2 * BLOCK]].concat();
        let gzip = packed(std::iter::once(b"hello".to_vec()));
        let text = b"a text of more than five hundred letters, ".repeat(20);
        let zip = [b"PK\x03\x04".to_vec(), vec![7; 2_000]].concat();
        let zeros = vec![0; 10_000];
        for (name, bytes) in [("tar", tar), ("gzip", gzip), ("text", text), ("zip", zip), ("zeros", zeros), ("empty", Vec::new())] {
            let file = installation.data().join(name);
            std::fs::write(&file, bytes).unwrap();
            for more in [&["--yes"][..], &["--check"]] {
                refused(&there.installation, &file, more, "is not a backup of Purser");
            }
        }
        refused(&there.installation, installation.data(), &["--yes"], "is not a backup of Purser");
        assert_eq!(state(&there.installation), before);
    }
}
