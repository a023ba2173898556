//! The outcome of a sale for the door that asked, and the text that is stored with an idempotency key.

use purser_money::Money;
use purser_store::ReadTx;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::{Sale, SaleStatus, Settings};
use crate::error::Error;
use crate::service::sale_get;

/// A sale that was made, and its state when it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleResult {
    /// The sale's id.
    pub sale: Uuid,
    /// Its status.
    pub status: SaleStatus,
    /// The seller's credit after it, holds included.
    pub credit_after: Money,
    /// The operator's reason, where it refused.
    pub reason: Option<String>,
    /// Whether this answers a repeated request.
    pub replayed: bool,
}

/// The stored answer of a sale that was completed at once.
#[derive(Deserialize)]
struct CompletedRecord<'a> {
    sale_id: Uuid,
    #[serde(borrow)]
    remaining_credit: &'a RawValue,
}

impl SaleResult {
    /// A sale that was completed at once and left this credit.
    pub(crate) fn completed(sale: Uuid, credit_after: Money) -> Self {
        SaleResult { sale, status: SaleStatus::Completed, credit_after, reason: None, replayed: false }
    }

    /// A sale as it stands now.
    pub(crate) fn of(sale: &Sale) -> Self {
        let Sale { id, status, credit_after, ref reason, .. } = *sale;
        SaleResult { sale: id, status, credit_after, reason: reason.clone(), replayed: false }
    }

    /// The same outcome, for a request that is repeated.
    pub(crate) fn again(self) -> Self {
        SaleResult { replayed: true, ..self }
    }

    /// The text that is stored with the request's idempotency key. It is the documented answer, as every version has
    /// stored it. It is written by hand, because it is written tens of thousands of times a second.
    pub(crate) fn record(&self) -> String {
        let SaleResult { sale, credit_after, .. } = self;
        format!(r#"{{"status":"charge sold successfully","remaining_credit":{credit_after},"sale_id":"{sale}"}}"#)
    }

    /// The outcome that a stored text tells. A sale that was completed at once stored its answer; one that was held
    /// stored its id, because its outcome was not known yet. The connector may have changed since.
    pub(crate) fn recorded(tx: &mut ReadTx<'_>, settings: &Settings, text: &str) -> Result<Self, Error> {
        if let Ok(sale) = Uuid::try_parse(text) {
            return Ok(SaleResult::of(&sale_get(tx, settings, sale)?));
        }
        let record: CompletedRecord<'_> = serde_json::from_str(text).map_err(|_| Error::NoSale)?;
        let credit = Money::parse(record.remaining_credit.get(), settings.currency).map_err(|_| Error::NoSale)?;
        Ok(SaleResult::completed(record.sale_id, credit))
    }
}
