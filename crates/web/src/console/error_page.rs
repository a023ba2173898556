//! Why a page of the console is not shown.

use axum::response::{IntoResponse, Response};
use purser_kit::Problem;

use crate::pages;

/// The page that is shown instead.
pub(crate) struct ErrorPage(Box<Response>);

impl ErrorPage {
    pub(crate) fn page(page: Response) -> Self {
        ErrorPage(Box::new(page))
    }

    pub(crate) fn nothing() -> Self {
        ErrorPage::page(pages::nothing())
    }
}

/// People get a problem as a page.
impl From<Problem> for ErrorPage {
    fn from(problem: Problem) -> Self {
        ErrorPage::page(pages::refused(&problem))
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        *self.0
    }
}
