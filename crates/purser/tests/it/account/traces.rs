//! What the real program writes into its log when it is told to write everything.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use purser_testkit::{FakeSmtp, TestDb, both};
use serde_json::Value;

use crate::browser::{Browser, PASSWORD, person};
use crate::program::Installation;

const NEW: &str = "granite willow echo tangent";

/// The program, ended with the test.
struct VerboseProgram(Child);

impl Drop for VerboseProgram {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it with its log in the file `log` of its folder; its address, and the line with the set-up link.
fn serve(installation: &Installation) -> (VerboseProgram, String, Option<String>) {
    let log = File::create(installation.data().join("log")).unwrap();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (mut setup, mut base) = (None, String::new());
    for line in lines {
        if let Some(link) = line.strip_prefix("set up the first superuser at ") {
            setup = Some(link.to_owned());
        }
        if let Some(address) = line.strip_prefix("listening on ") {
            address.clone_into(&mut base);
            break;
        }
    }
    (VerboseProgram(child), base, setup)
}

/// The path of the link in a mail.
async fn link(smtp: &FakeSmtp, position: usize) -> String {
    let mail = smtp.mail(position).await;
    let text = mail.part("text/plain").unwrap();
    let at = text.find("http://127.0.0.1").unwrap_or_else(|| panic!("a link: {text}"));
    let link: String = text[at..].chars().take_while(|c| !c.is_whitespace()).collect();
    link.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap()
}

both! {
    async fn no_secret_stands_in_a_log_that_tells_everything(db: TestDb) {
        let smtp = FakeSmtp::start().await;
        let installation = Installation::new(&db)
            .with("EMAIL_HOST", "127.0.0.1")
            .with("EMAIL_PORT", &smtp.port().to_string())
            .with("DEFAULT_FROM_EMAIL", "purser@example.com");
        let (program, base, setup) = serve(&installation);
        let setup = setup.unwrap();
        let mut browser = Browser::at(&base);
        let path = setup.strip_prefix(&base).unwrap();
        browser.page(path).await;
        person(&installation, "ravi", &[]);
        let key = installation.key("charge.read");

        let fields = [("username", "asha"), ("email", "asha@example.com"), ("first_name", ""), ("last_name", ""), ("password", PASSWORD), ("again", PASSWORD)];
        assert_eq!(browser.post("/accounts/signup/", &fields).await.status, 200);
        let confirm = link(&smtp, 0).await;
        browser.page(&confirm).await;
        assert_eq!(browser.post(&confirm, &[("password", PASSWORD)]).await.status, 200);
        browser.sign_in("asha").await;
        browser.page("/accounts/").await;
        let session = browser.cookie().unwrap();
        assert_eq!(browser.post("/accounts/email/", &[("email", "new@example.com"), ("password", PASSWORD)]).await.status, 200);
        let change = link(&smtp, 1).await;
        browser.page(&change).await;
        assert_eq!(browser.post("/accounts/password/reset/", &[("email", "asha@example.com")]).await.status, 200);
        let reset = link(&smtp, 2).await;
        browser.page(&reset).await;
        browser.page(&format!("/accounts/login/?next={reset}")).await;
        assert_eq!(browser.post(&reset, &[("password", NEW), ("again", NEW)]).await.status, 200);
        let asked = crate::program::client().get(format!("{base}/api/sellers/?{key}=1")).bearer_auth(&key);
        assert_eq!(asked.send().await.unwrap().status(), 400);
        // The mail that tells of the new password is the last thing to be said.
        smtp.mail(3).await;
        drop(program);

        let log = fs::read_to_string(installation.data().join("log")).unwrap();
        let levels: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(levels.iter().any(|line| line["level"] == "TRACE"), "it tells everything");
        assert!(log.contains("/accounts/password/reset/{token}/"), "and names the page");
        let token = |path: &str| path.split('/').find(|part| part.starts_with('p') && part.contains('_')).unwrap().to_owned();
        let session = session.split('=').nth(1).unwrap().to_owned();
        for secret in [token(path), token(&confirm), token(&change), token(&reset), session, key] {
            let (head, tail) = (&secret[..secret.len().min(40)], &secret[secret.len() - 40..]);
            for part in [head, tail] {
                let line = log.lines().find(|line| line.contains(part));
                assert!(line.is_none(), "{secret}: {line:?}");
            }
        }
        for password in [PASSWORD, NEW] {
            for spelled in [password.to_owned(), password.replace(' ', "+")] {
                let line = log.lines().find(|line| line.contains(&spelled));
                assert!(line.is_none(), "{line:?}");
            }
        }
    }
}
