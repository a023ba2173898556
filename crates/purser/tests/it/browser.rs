//! A browser without JavaScript: it keeps a session, reads pages, and sends their forms.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};

use crate::program::{Installation, Serving, client};

/// The password of everybody that a test makes.
pub(crate) const PASSWORD: &str = "paper lantern violet harbor";

pub(crate) struct Browser {
    base: String,
    client: Client,
    session: Option<String>,
    /// By what the site knows the browser again when nobody is signed in.
    known: Option<String>,
}

/// What a browser shows: the status, the page, and where it was sent to instead.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) sent_to: String,
}

/// Makes a person by the command line.
pub(crate) fn person(installation: &Installation, name: &str, flags: &[&str]) {
    let email = format!("{name}@example.com");
    let args = [&["user", "create", "--username", name, "--email", &email, "--password-stdin"], flags].concat();
    let made = installation.run_with(&args, &format!("{PASSWORD}\n"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

impl Browser {
    /// One that nobody has signed in with.
    pub(crate) fn new(serving: &Serving) -> Self {
        Browser::at(&serving.url(""))
    }

    /// The same, of a site at this address.
    pub(crate) fn at(base: &str) -> Self {
        let _ = client();
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Browser { base: base.to_owned(), client, session: None, known: None }
    }

    /// What it would show to be known again.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.session.clone()
    }

    /// The same browser with somebody else's cookie.
    pub(crate) fn with_cookie(mut self, cookie: Option<String>) -> Self {
        self.session = cookie;
        self
    }

    /// One that `name` has signed in with.
    pub(crate) async fn signed_in(serving: &Serving, name: &str) -> Self {
        let mut browser = Browser::new(serving);
        browser.sign_in(name).await;
        browser
    }

    /// Signs `name` in, who has no second factor.
    pub(crate) async fn sign_in(&mut self, name: &str) {
        let page = self.post("/accounts/login/", &[("login", name), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 303, "{}", page.text);
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        let request = self.with_cookies(self.client.get(format!("{}{path}", self.base)));
        Page::of(request.send().await.unwrap()).await
    }

    /// A page that must be there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {} {}", page.sent_to, page.text);
        page.text
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = Url::parse("http://form/").unwrap();
        form.query_pairs_mut().extend_pairs(fields);
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response =
            self.with_cookies(request).body(form.query().unwrap_or_default().to_owned()).send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
            let is_session = cookie.as_ref().is_some_and(|cookie| cookie.contains("purser_session="));
            *(if is_session { &mut self.session } else { &mut self.known }) = cookie;
        }
        Page::of(response).await
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies: Vec<&str> = self.session.iter().chain(&self.known).map(String::as_str).collect();
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    /// The same browser with nobody signed in.
    pub(crate) fn signed_out(mut self) -> Self {
        self.session = None;
        self
    }

    /// Sends a form with one file in it.
    pub(crate) async fn upload(&self, path: &str, field: &str, name: &str, bytes: &[u8]) -> Page {
        let head = format!(
            "--line\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--line--\r\n"].concat();
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header("content-type", "multipart/form-data; boundary=line");
        let request = self.with_cookies(request);
        Page::of(request.body(body).send().await.unwrap()).await
    }

    /// Sends a form, and goes where it leads.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let sent = self.post(path, fields).await;
        assert_eq!(sent.status, 303, "{path}: {}", sent.text);
        self.end_of(&sent.sent_to).await
    }

    /// The page that comes after the one that tells how far something is.
    pub(crate) async fn end_of(&self, path: &str) -> String {
        let mut path = path.to_owned();
        loop {
            let page = self.get(&path).await;
            match page.status {
                303 => path = page.sent_to,
                200 if page.text.contains("<progress") => {}
                200 => return page.text,
                _ => panic!("{path}: {} {}", page.status, page.text),
            }
        }
    }
}

impl Page {
    async fn of(response: Response) -> Self {
        let sent_to = response.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        Page { status, sent_to: sent_to.unwrap_or_default(), text: response.text().await.unwrap() }
    }
}

/// The value of a hidden input.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\" value=\"")).expect("a hidden input");
    let rest = &page[at..];
    rest.split('"').nth(3).unwrap().to_owned()
}
