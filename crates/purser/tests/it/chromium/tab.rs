//! A person at a browser: what they read, fill in and press is named by the words that they see.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::driver::Session;
use crate::browser::Browser;

/// A browser window on a site.
pub(super) struct Tab {
    session: Session,
    site: String,
}

/// Pages that may go away from under a click, one after another.
const GONE: usize = 5;

/// Calls back once the page and its scripts are there.
const COMPLETE: &str = "const done = arguments[arguments.length - 1]; \
    if (document.readyState === 'complete') done(); else addEventListener('load', () => done(), { once: true });";

/// The wide screen of a desk.
pub(super) const DESK: (u32, u32) = (1280, 800);

/// The narrowest screen of a phone that is still about.
pub(super) const PHONE: (u32, u32) = (375, 667);

impl Tab {
    /// A new browser, with nothing in it, at the first page.
    pub(super) async fn open(site: &str) -> Self {
        let tab = Tab { session: Session::open().await, site: site.to_owned() };
        tab.screen(DESK).await;
        // A window that nobody looks at has no focus; a person's window has.
        tab.session.browser("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        tab.go("/").await;
        tab
    }

    /// Sets the size of the window's inside.
    pub(super) async fn screen(&self, (width, height): (u32, u32)) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.session.browser("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Asks for `light` or `dark` pages, as a desktop's setting does.
    pub(super) async fn colors(&self, scheme: &str) {
        let wish = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.session.browser("Emulation.setEmulatedMedia", wish).await;
    }

    /// Types an address of the site.
    pub(super) async fn go(&self, path: &str) {
        self.must("going", Method::POST, "url", json!({ "url": format!("{}{path}", self.site) })).await;
    }

    /// Where it is now, without the site.
    pub(super) async fn path(&self) -> String {
        let url = self.must("asking for the address", Method::GET, "url", Value::Null).await;
        url.as_str().unwrap().trim_start_matches(&self.site).to_owned()
    }

    /// Types into the field with this label, instead of what it held.
    pub(super) async fn fill(&self, label: &str, text: &str) {
        let field = labelled(label);
        self.act(&field, "clear", json!({})).await;
        self.type_into(&field, text).await;
    }

    /// Chooses from the list with this label.
    pub(super) async fn choose(&self, label: &str, option: &str) {
        let field = labelled(label);
        self.click(&format!("({field})//option[normalize-space(.)={}]", quoted(option))).await;
    }

    /// Ticks the box that says this.
    pub(super) async fn tick(&self, label: &str) {
        let label = quoted(label);
        let named = format!("@aria-label={label} or ancestor::label[starts-with(normalize-space(.), {label})]");
        self.click(&format!("//input[@type='checkbox'][{named}]")).await;
    }

    /// Chooses a file of this machine.
    pub(super) async fn attach(&self, label: &str, file: &std::path::Path) {
        self.type_into(&labelled(label), file.to_str().unwrap()).await;
    }

    /// Presses the button that begins with these words, and waits for the page that it leads to.
    pub(super) async fn press(&self, name: &str) {
        self.leave(&format!("//button[starts-with(normalize-space(.), {})]", quoted(name))).await;
    }

    /// Follows the link that says exactly this, perhaps with how many there are.
    pub(super) async fn follow(&self, name: &str) {
        let name = quoted(name);
        self.leave(&format!("//a[normalize-space(.)={name} or normalize-space(text()[1])={name}]")).await;
    }

    /// Opens the first object of the list that is shown.
    pub(super) async fn follow_first(&self) {
        self.leave("//tbody//th/a").await;
    }

    /// What the link that says this would download.
    pub(super) async fn download(&self, name: &str) -> String {
        let link = self.find(&format!("//a[normalize-space(.)={}]", quoted(name))).await;
        let path = self.must(name, Method::GET, &format!("element/{link}/attribute/href"), Value::Null).await;
        let cookies = self.must("asking for cookies", Method::GET, "cookie", Value::Null).await;
        let of = |cookie: &Value| Some(format!("{}={}", cookie["name"].as_str()?, cookie["value"].as_str()?));
        let cookies: Vec<String> = cookies.as_array().unwrap().iter().filter_map(of).collect();
        Browser::at(&self.site).with_cookie(Some(cookies.join("; "))).page(path.as_str().unwrap()).await
    }

    /// Waits until the page says this.
    pub(super) async fn sees(&self, words: &str) {
        self.find(&format!("//body[contains(normalize-space(.), {})]", quoted(words))).await;
    }

    /// Waits until the page marks a field as wrong.
    pub(super) async fn sees_a_refusal(&self) {
        self.find("//*[@aria-invalid='true']").await;
    }

    /// The words of the page as they are shown.
    pub(super) async fn text(&self) -> String {
        self.run("return document.body.innerText", json!([])).await.as_str().unwrap().to_owned()
    }

    /// The words of the one element that a selector names.
    pub(super) async fn words(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0]).innerText";
        self.run(script, json!([selector])).await.as_str().unwrap().to_owned()
    }

    /// Presses keys where the focus is. `\u{E004}` is the tabulator, `\u{E007}` Enter.
    ///
    /// Words appear before the page's script runs, and a key that nobody listens to yet is lost: the page is complete
    /// first.
    pub(super) async fn keys(&self, keys: &str) {
        self.run_to_the_call(COMPLETE, json!([])).await;
        let each = keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })));
        let actions = json!({ "actions": [{ "type": "key", "id": "keys", "actions": each.collect::<Vec<_>>() }] });
        self.must("pressing keys", Method::POST, "actions", actions).await;
    }

    /// What a function body returns on this page. The page's own policy does not hold for it.
    pub(super) async fn run(&self, script: &str, arguments: Value) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.must("running a script", Method::POST, "execute/sync", body).await
    }

    /// The same for one that calls its last argument when it is done.
    pub(super) async fn run_to_the_call(&self, script: &str, arguments: Value) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.must("running a script", Method::POST, "execute/async", body).await
    }

    /// What the browser complained about since it was asked last, such as a breach of the page's policy.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let log = self.must("asking for the log", Method::POST, "se/log", json!({ "type": "browser" })).await;
        // That a form was refused is told there too, and is as it should be.
        let lines = log.as_array().unwrap().iter().filter(|line| line["source"] != "network");
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture of what the window shows, as PNG.
    pub(super) async fn picture(&self) -> Vec<u8> {
        let taken = self.must("taking a picture", Method::GET, "screenshot", Value::Null).await;
        STANDARD.decode(taken.as_str().unwrap()).unwrap()
    }

    /// Clicks on what leads to another page, and waits until that page is there: what it is asked for next might stand on
    /// the one before as well.
    async fn leave(&self, xpath: &str) {
        self.find(xpath).await;
        self.run("document.documentElement.dataset.left = ''", json!([])).await;
        self.click(xpath).await;
        let mut told = String::new();
        for _ in 0..GONE {
            match self.session.find("/html[not(@data-left)]").await {
                Ok(_) => return,
                Err(error) => told = error,
            }
        }
        panic!("{xpath} leads nowhere: {told}");
    }

    async fn click(&self, xpath: &str) {
        self.act(xpath, "click", json!({})).await;
    }

    async fn type_into(&self, field: &str, text: &str) {
        self.act(field, "value", json!({ "text": text })).await;
    }

    /// Has something done to an element. The page may go away between looking and doing, and the browser has more than
    /// one way to say so; the next page is looked at then.
    async fn act(&self, xpath: &str, what: &str, body: Value) {
        let mut told = String::new();
        for _ in 0..GONE {
            let element = self.find(xpath).await;
            match self.session.call(Method::POST, &format!("element/{element}/{what}"), body.clone()).await {
                Ok(_) => return,
                Err(error) => told = error,
            }
        }
        panic!("{xpath}: {told}");
    }

    async fn find(&self, xpath: &str) -> String {
        match self.session.find(xpath).await {
            Ok(element) => element,
            Err(error) => panic!("{xpath}: {error}\n{}: {}", self.path().await, self.text().await),
        }
    }

    async fn must(&self, what: &str, method: Method, path: &str, body: Value) -> Value {
        self.session.call(method, path, body).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

/// What can be filled in and whose label begins with these words.
fn labelled(label: &str) -> String {
    let named = format!("label[starts-with(normalize-space(.), {})]", quoted(label));
    format!("//*[self::input or self::select or self::textarea][@id = //{named}/@for or ancestor::{named}]")
}

/// For XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "{text}");
    format!("\"{text}\"")
}
