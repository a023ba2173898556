//! Settings that are fixed once there is data.

use std::sync::Arc;

use purser_ledger::{AccountPath, accounts_under};
use purser_money::Currency;
use purser_store::ReadTx;

use crate::problem::Problem;

/// A setting that is fixed once there is data, and how the data says what it was. With another value the program would
/// start, and refuse every command that meets the data.
#[derive(Clone)]
pub struct FixedSetting {
    /// The setting, by its name in purser.toml: `charge.currency`.
    pub setting: &'static str,
    /// What is set now.
    pub set: String,
    /// What the data says; `None` while it says nothing. Cheap: it is asked at every start.
    pub stored: StoredSettingFn,
}

/// Reads what the data says of a setting.
pub type StoredSettingFn = Arc<dyn Fn(&mut ReadTx<'_>) -> Result<Option<String>, Problem> + Send + Sync>;

impl FixedSetting {
    /// The currency of all accounts at the path `under` and below it.
    #[must_use]
    pub fn currency(setting: &'static str, set: Currency, under: &'static str) -> Self {
        let stored = move |tx: &mut ReadTx<'_>| {
            let under = AccountPath::new(under)?;
            let first = accounts_under(tx, &under, None, 1)?;
            Ok(first.first().map(|account| setting_text(account.currency)))
        };
        FixedSetting { setting, set: setting_text(set), stored: Arc::new(stored) }
    }

    /// What is wrong, where the data says otherwise than the setting.
    ///
    /// # Errors
    /// The store's.
    pub fn contradiction(&self, tx: &mut ReadTx<'_>) -> Result<Option<String>, Problem> {
        let stored = (self.stored)(tx)?;
        Ok(stored.filter(|stored| *stored != self.set).map(|stored| {
            let FixedSetting { setting, set, .. } = self;
            format!(
                "{setting} is set to {set}, but the data is kept in {stored}, and is fixed to it. \
                 Set {setting} to {stored} again; for {set} begin a new instance in a data folder and a database of its own."
            )
        }))
    }
}

fn setting_text(currency: Currency) -> String {
    currency.code().to_owned()
}
