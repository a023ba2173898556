//! The benchmark's ceiling: the same request and the same answer as a sale's, and nothing in between.

use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{Access, AppContext, JsonBody, Problem, Routes, json_text};
use utoipa_axum::routes;

pub(crate) fn routes(context: &AppContext) -> Routes {
    Routes::new(context).add(Access::Scope("charge.sell"), routes!(noop)).with_state(())
}

/// Read what a sale reads, and answer what it answers.
#[utoipa::path(post, path = "/api/v1/noop/", tag = "benchmark", responses((status = 200)))]
async fn noop(body: JsonBody) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let number = fields.text("phone_number").map(|text| text.len());
    let number = fields.required("phone_number", number);
    let amount = fields.text_or_number("amount");
    let amount = fields.required("amount", amount);
    fields.text("client_ref");
    let _ = fields.finish(number.zip(amount))?;
    let answer = r#"{"status":"charge sold successfully","remaining_credit":450.00,"sale_id":"0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"}"#;
    Ok(json_text(StatusCode::OK, answer.to_owned()))
}
