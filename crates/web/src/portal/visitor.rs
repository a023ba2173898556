//! Who looks at the portal: anybody who is signed in.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use purser_kit::portal::Visit;

use super::object_id;
use crate::console::{Desk, Refusal, Visitor};

/// Whoever is signed in, staff or not. What they may see is decided object by object.
pub(super) struct Guest(Visitor);

impl Deref for Guest {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.0
    }
}

impl FromRequestParts<Arc<Desk>> for Guest {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        Visitor::anybody(parts, desk).await.map(Guest)
    }
}

impl Guest {
    /// The visit to an object. Whether the person acts for it is the reader's to see.
    pub(super) fn visit(&self, app: &str, object: &str) -> Result<Visit, Refusal> {
        let object = object_id(object)?;
        let base = format!("/portal/{app}/{object}/");
        let (user, actor, address) = (self.session.user.id, self.actor(), self.caller.address());
        Ok(Visit { user, actor, address, object, now: self.now, base })
    }
}
