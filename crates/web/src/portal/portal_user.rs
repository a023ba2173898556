//! Who looks at the portal: anybody who is signed in.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use purser_kit::portal::PortalContext;

use super::object_id;
use crate::console::{ConsoleState, ErrorPage, StaffUser};

/// Whoever is signed in, staff or not. What they may see is decided object by object.
pub(super) struct PortalUser(StaffUser);

impl Deref for PortalUser {
    type Target = StaffUser;

    fn deref(&self) -> &StaffUser {
        &self.0
    }
}

impl FromRequestParts<Arc<ConsoleState>> for PortalUser {
    type Rejection = ErrorPage;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<ConsoleState>) -> Result<Self, ErrorPage> {
        StaffUser::anybody(parts, console).await.map(PortalUser)
    }
}

impl PortalUser {
    /// The visit to an object. Whether the person acts for it is the reader's to see.
    pub(super) fn portal_context(&self, app: &str, object: &str) -> Result<PortalContext, ErrorPage> {
        let object = object_id(object)?;
        let base = format!("/portal/{app}/{object}/");
        let (user, actor, address) = (self.session.user.id, self.actor(), self.principal.address());
        Ok(PortalContext { user, actor, address, object, now: self.now, base })
    }
}
