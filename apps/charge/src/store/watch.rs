//! Whose credit is low, and who was told so.

use jiff::Timestamp;
use purser_money::Currency;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

use super::{SELLER_SELECT, read_seller};
use crate::domain::Seller;

/// A seller whose credit has crossed its alert since it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct CreditAlert {
    pub(crate) seller: Seller,
    /// It was told, and is at its alert again; else it is below, and was not told.
    pub(crate) is_notified: bool,
}

/// The sellers that must be told that their credit is low, and those that were told and need not be any more.
pub(crate) fn credit_alerts(tx: &mut ReadTx<'_>, currency: Currency) -> Result<Vec<CreditAlert>, Error> {
    let sql = format!(
        "{} WHERE (s.low_credit_told_at IS NULL AND s.low_credit_alert IS NOT NULL AND s.email IS NOT NULL
                   AND s.status = 'active' AND b.balance - b.held < s.low_credit_alert)
               OR (s.low_credit_told_at IS NOT NULL
                   AND (s.low_credit_alert IS NULL OR b.balance - b.held >= s.low_credit_alert))
         ORDER BY s.id",
        SELLER_SELECT.replacen(" FROM ", ", s.low_credit_told_at FROM ", 1)
    );
    tx.query(&sql, &[], |row| {
        Ok(CreditAlert { seller: read_seller(row, currency)?, is_notified: row.get::<Option<i64>>(12)?.is_some() })
    })
}

/// Notes that a seller was told, or need not be any more; whether that is news.
pub(crate) fn credit_alert_mark(tx: &mut WriteTx<'_>, seller: Uuid, at: Option<Timestamp>) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE charge_seller SET low_credit_told_at = ?2
         WHERE id = ?1 AND (low_credit_told_at IS NULL) = (CAST(?2 AS BIGINT) IS NOT NULL)",
        &params![seller, at],
    )?;
    Ok(changed > 0)
}
