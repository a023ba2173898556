//! The page of something that goes on: how far it is, told anew every few seconds.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use purser_kit::console::ProgressSnapshot;

use crate::pages::{self, Shell};

/// Seconds until the page is loaded again.
const AGAIN: &str = "3";

/// How far something is, for people.
pub(super) struct ProgressBar {
    /// What is being done, and how far it is.
    pub(super) sentence: String,
    pub(super) done: u64,
    /// 0 where nobody knows.
    pub(super) total: u64,
}

impl ProgressBar {
    pub(super) fn of(seen: &ProgressSnapshot) -> Self {
        let what = if seen.phase.is_empty() { "Waiting for its turn" } else { &seen.phase };
        let sentence = if seen.total == 0 {
            format!("{what}.")
        } else {
            format!("{what}: {} of {}.", grouped(seen.done), grouped(seen.total))
        };
        ProgressBar { sentence, done: seen.done, total: seen.total }
    }
}

/// 100000 as 100,000.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[derive(Template)]
#[template(path = "console/going.html")]
pub(super) struct TaskPage {
    pub(super) shell: Shell,
    pub(super) title: &'static str,
    /// The page to go back to, and its name.
    pub(super) back: (String, &'static str),
    /// How far it is; `None` where nobody here knows of it.
    pub(super) bar: Option<ProgressBar>,
    /// What else there is to say.
    pub(super) about: String,
    /// Where to go on with it.
    pub(super) go_on: Option<String>,
}

/// The page, which the browser loads again by itself. By a header and not by an element, which programs that look for
/// barriers take for one that cannot be stopped: here nothing is lost on the way, as there is nothing to fill in.
pub(super) fn task_page(page: &TaskPage) -> Response {
    let mut response = pages::page(StatusCode::OK, page);
    response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(AGAIN));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_is_said_in_words() {
        let seen = |what: &str, done, total| {
            ProgressBar::of(&ProgressSnapshot { phase: what.to_owned(), done, total }).sentence
        };
        assert_eq!(seen("Making the sales", 1_000, 100_000), "Making the sales: 1,000 of 100,000.");
        assert_eq!(seen("Checking the file", 0, 0), "Checking the file.");
        assert_eq!(seen("", 0, 0), "Waiting for its turn.");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
