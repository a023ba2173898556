//! The rule of who may sell.

use crate::domain::LifecycleStatus;
use crate::error::Error;

/// Whether a seller of this standing may sell, ask for credit, be given it and make keys.
///
/// # Errors
/// [`Error::SellerNotActive`].
pub(crate) fn check_active(status: LifecycleStatus) -> Result<(), Error> {
    if status == LifecycleStatus::Active { Ok(()) } else { Err(Error::SellerNotActive(status)) }
}
