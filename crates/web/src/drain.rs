//! Reading what a refused request still sends.
//!
//! A server that answers early and closes the connection resets it, and the client, still sending, loses the answer
//! that would have told it why. So what is left of a body is read and thrown away, up to a bound.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;

/// How much is read in vain: more than any client sends by mistake.
const BYTES: usize = 16 * 1_048_576;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a body comes back to when nobody reads it any more.
#[derive(Debug)]
pub(crate) struct UnreadBody(Arc<Mutex<Option<Body>>>);

impl UnreadBody {
    /// Takes hold of the request's body, where that may be worth it.
    pub(crate) fn of(request: &mut Request) -> Option<Self> {
        if !worth_watching(request.headers()) {
            return None;
        }
        let place = Arc::new(Mutex::new(None));
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(WatchedBody { body: Some(body), place: Arc::clone(&place) });
        Some(UnreadBody(place))
    }

    /// Reads what nobody has read.
    pub(crate) async fn drain(self) {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = body {
            let _ = tokio::time::timeout(PATIENCE, discard(body)).await;
        }
    }
}

/// A client that asked whether to send its body at all has not begun to.
fn worth_watching(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // Even a small body may come in a packet of its own, behind the headers.
    let has_body = length.map_or(headers.contains_key(header::TRANSFER_ENCODING), |length| length > 0);
    has_body && !headers.contains_key(header::EXPECT)
}

async fn discard(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > BYTES {
            return;
        }
    }
}

/// A body that goes back to its place when its reader drops it.
struct WatchedBody {
    body: Option<Body>,
    place: Arc<Mutex<Option<Body>>>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &'static str) -> Request {
        let builder = headers.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
        builder.body(Body::from(body)).unwrap()
    }

    #[tokio::test]
    async fn a_body_that_nobody_read_comes_back_and_one_that_was_read_does_not() {
        let mut unread = request(&[("content-length", "5000")], "unread");
        let leftover = UnreadBody::of(&mut unread).unwrap();
        drop(unread);
        assert!(leftover.0.lock().unwrap().is_some());
        leftover.drain().await;

        let mut read = request(&[("transfer-encoding", "chunked")], "read");
        let leftover = UnreadBody::of(&mut read).unwrap();
        assert_eq!(read.into_body().collect().await.unwrap().to_bytes(), "read");
        assert!(leftover.0.lock().unwrap().is_none());
    }

    #[test]
    fn requests_without_a_body_and_bodies_not_yet_sent_are_left_alone() {
        for headers in [&[("content-length", "0")][..], &[], &[("content-length", "9999"), ("expect", "100-continue")]]
        {
            assert!(UnreadBody::of(&mut request(headers, "")).is_none(), "{headers:?}");
        }
    }
}
