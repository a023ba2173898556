//! A page with one form, as most of the account's pages are.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::pages::{Shell, page};

/// A page with one form.
#[derive(Template)]
#[template(path = "account/form.html")]
pub(super) struct FormPage {
    pub(super) shell: Shell,
    pub(super) intro: String,
    pub(super) error: Option<String>,
    pub(super) action: String,
    pub(super) fields: Vec<FormFieldView>,
    pub(super) button: &'static str,
    /// Where else to go: address and text.
    pub(super) links: Vec<(String, &'static str)>,
    /// Whose passwords are asked for: so that a browser keeps them under the right name.
    pub(super) whose: Option<String>,
}

/// A field of it.
pub(super) struct FormFieldView {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) help: &'static str,
    /// The input's type: text, email, password, tel, hidden.
    pub(super) kind: &'static str,
    /// What a browser may fill in.
    pub(super) autocomplete: &'static str,
    pub(super) value: String,
    pub(super) required: bool,
    pub(super) error: Option<String>,
}

impl FormFieldView {
    pub(super) fn new(name: &'static str, title: &'static str, kind: &'static str, autocomplete: &'static str) -> Self {
        let (help, value, error) = ("", String::new(), None);
        FormFieldView { name, title, help, kind, autocomplete, value, required: true, error }
    }

    pub(super) fn hidden(name: &'static str, value: impl Into<String>) -> Self {
        FormFieldView { value: value.into(), ..FormFieldView::new(name, "", "hidden", "off") }
    }

    pub(super) fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    pub(super) fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    pub(super) fn with(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    pub(super) fn wrong(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    /// What describes the input, for whoever hears the page.
    fn described(&self) -> String {
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.name));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        error.into_iter().chain(help).collect::<Vec<_>>().join(" ")
    }
}

impl FormPage {
    pub(super) fn new(shell: Shell, intro: impl Into<String>, action: impl Into<String>, button: &'static str) -> Self {
        let (intro, action) = (intro.into(), action.into());
        let whose = shell.username.clone();
        FormPage { shell, intro, error: None, action, fields: Vec::new(), button, links: Vec::new(), whose }
    }

    pub(super) fn fields(mut self, fields: impl IntoIterator<Item = FormFieldView>) -> Self {
        self.fields.extend(fields);
        self
    }

    pub(super) fn whose(mut self, username: impl Into<String>) -> Self {
        self.whose = Some(username.into());
        self
    }

    pub(super) fn link(mut self, href: impl Into<String>, text: &'static str) -> Self {
        self.links.push((href.into(), text));
        self
    }

    pub(super) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    /// The page; refused where something is wrong with what was sent.
    pub(super) fn render(self) -> Response {
        let is_wrong = self.error.is_some() || self.fields.iter().any(|field| field.error.is_some());
        page(if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &self)
    }

    /// The page, for whoever has tried too often.
    pub(super) fn limited(self, seconds: u32) -> Response {
        let page = self.error(Some(super::reauth::limited(seconds)));
        let mut response = page.render();
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

/// The two fields in which a new password is chosen, and what is wrong with each.
pub(super) fn new_password(wrong: (Option<String>, Option<String>)) -> [FormFieldView; 2] {
    [
        FormFieldView::new("password", "New password", "password", "new-password")
            .help("At least 8 characters, not all digits, and not easily guessed. Some unrelated words do well.")
            .wrong(wrong.0),
        FormFieldView::new("again", "The same password again", "password", "new-password").wrong(wrong.1),
    ]
}

/// What is wrong with a new password, typed twice, of somebody with these names and addresses.
pub(super) fn password_wrong(password: &str, again: &str, own: &[&str]) -> (Option<String>, Option<String>) {
    let wrong = purser_identity::password_check(password, own).err().map(|error| sentence(&error.to_string()));
    let differs = (password != again).then(|| "The two passwords differ.".to_owned());
    (wrong, differs)
}

/// With a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let capital = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{capital}{}.", letters.as_str().trim_end_matches('.'))
}
