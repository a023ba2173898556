//! Why a page of the console is not shown.

use axum::response::{IntoResponse, Response};
use purser_kit::Problem;

use crate::pages;

/// The page that is shown instead.
pub(crate) struct Refusal(Box<Response>);

impl Refusal {
    pub(crate) fn page(page: Response) -> Self {
        Refusal(Box::new(page))
    }

    pub(crate) fn nothing() -> Self {
        Refusal::page(pages::nothing())
    }
}

/// People get a problem as a page.
impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::page(pages::refused(&problem))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}
