//! What an operator tells us by itself.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_kit::{BODY_LIMIT, Fields, Problem, Rule, body_bytes, json};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::connector::http::{AnswerStatus, OperatorAnswer, SIGNATURE, TIMESTAMP};
use crate::contradiction::WordSource;
use crate::error::{Error, INVALID_SIGNATURE};
use crate::service::{self, SaleOutcome};
use crate::{Charge, Connector};

/// How a charge turned out.
#[derive(ToSchema)]
struct Callback {
    /// The sale's id.
    reference: Uuid,
    /// completed, failed or pending.
    #[schema(value_type = String, example = "completed")]
    status: AnswerStatus,
    /// The operator's name for it.
    operator_ref: Option<String>,
    /// Why it failed.
    reason: Option<String>,
}

/// Reads a callback. An operator may say more than is known here.
fn read(body: &[u8]) -> Result<Callback, Problem> {
    let mut fields = Fields::from_json(body)?;
    let reference = fields.id("reference");
    let reference = fields.required("reference", reference);
    let status = fields.parsed("status", |text| {
        let must = "be completed, failed or pending";
        AnswerStatus::from_name(text).ok_or_else(|| Rule::new("unknown_value", must))
    });
    let status = fields.required("status", status);
    let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    let (operator_ref, reason) = (text(fields.text("operator_ref")), text(fields.text("reason")));
    fields.pass_over_others();
    let (reference, status) = fields.finish(reference.zip(status))?;
    Ok(Callback { reference, status, operator_ref, reason })
}

/// How the sale stands.
#[derive(Serialize, ToSchema)]
struct CallbackJson {
    #[schema(example = "ok")]
    status: &'static str,
    sale_status: &'static str,
}

/// Tell how a charge turned out. For operators; signed with the shared secret, and safe to repeat. A word against what is
/// settled is answered with 409 `already_settled`; it is kept each time that the word changes, and staff decide.
#[utoipa::path(post, path = "/api/charge-callbacks/http/", tag = "charge: operators", params(
    ("X-Purser-Timestamp" = String, Header, description = "Seconds since 1970."),
    ("X-Purser-Signature" = String, Header, description = "HMAC-SHA-256 of `timestamp.body`, in hex."),
), request_body = Callback, responses((status = 200, body = CallbackJson)))]
pub(super) async fn operator_callback(
    State(charge): State<Arc<Charge>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let Connector::Http(operator) = &charge.connector else {
        return Err(Problem::not_found("operator"));
    };
    let body = body_bytes(request, BODY_LIMIT).await?;
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = charge.context.now();
    if !operator.signed(now, header(TIMESTAMP), header(SIGNATURE), &body) {
        return Err(Problem::new(&INVALID_SIGNATURE, "The signature is wrong, or older than five minutes."));
    }
    let Callback { reference, status, operator_ref, reason } = read(&body)?;
    let outcome = SaleOutcome::from(OperatorAnswer { status, operator_ref, reason });
    let (settings, id) = (Arc::clone(&charge.settings), charge.context.stamp().1);
    let claim = charge
        .context
        .store
        .write(move |tx| service::sale_hear(tx, now, &settings, reference, &outcome, WordSource::Callback, id));
    let claim = claim.await.map_err(|error: Error| Problem::from(error))?;
    if claim.contradicts {
        // Kept, and for staff to decide; the operator hears that its word was not taken for the outcome.
        let status = claim.sale.status;
        return Err(if claim.dismissed { Error::Dismissed(status) } else { Error::Settled(status) }.into());
    }
    Ok(json(StatusCode::OK, &CallbackJson { status: "ok", sale_status: claim.sale.status.name() }))
}
