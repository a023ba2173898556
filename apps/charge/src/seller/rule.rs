//! The rule of who may sell.

use crate::domain::Standing;
use crate::error::Error;

/// Whether a seller of this standing may sell, ask for credit, be given it and make keys.
///
/// # Errors
/// [`Error::SellerNotActive`].
pub(crate) fn check_active(standing: Standing) -> Result<(), Error> {
    if standing == Standing::Active { Ok(()) } else { Err(Error::SellerNotActive(standing)) }
}
