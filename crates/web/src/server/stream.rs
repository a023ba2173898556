//! What runs through a connection, watched on its way: its bytes, its requests' bodies, its answers' bodies.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use purser_kit::BodyTooSlow;

use super::body_timer::BodyTimer;
use super::gate::ConnectionClock;
use super::phase::{ConnectionPhase, PhaseClock};

/// A connection's bytes.
pub(super) struct WatchedStream<Io> {
    io: Io,
    progress: Arc<PhaseClock>,
    clock: ConnectionClock,
    sending: BodyTimer,
}

impl<Io> WatchedStream<Io> {
    pub(super) fn new(io: Io, progress: &Arc<PhaseClock>, clock: &ConnectionClock) -> Self {
        let sending = BodyTimer::new(clock.limits().send);
        WatchedStream { io, progress: Arc::clone(progress), clock: clock.clone(), sending }
    }

    /// What became of sending, and the end of it where it takes too long.
    fn sent<T>(
        &mut self,
        context: &mut Context<'_>,
        sent: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match sent {
            Poll::Ready(done) => {
                self.sending.moved(done.as_ref().map_or(0, bytes));
                Poll::Ready(done)
            }
            Poll::Pending => {
                self.progress.advance_from(ConnectionPhase::Working, ConnectionPhase::Sending, self.clock.moment());
                ready!(self.sending.poll_late(context));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not being taken")))
            }
        }
    }
}

impl<Io: Read + Unpin> Read for WatchedStream<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        let phase = self.progress.seen().0;
        if read.is_pending() {
            if phase == ConnectionPhase::Accepted {
                self.progress.advance_from(phase, ConnectionPhase::New, self.clock.moment());
            }
            return Poll::Pending;
        }
        ready!(read)?;
        if matches!(phase, ConnectionPhase::Accepted | ConnectionPhase::New | ConnectionPhase::Idle) {
            self.progress.advance_from(phase, ConnectionPhase::Head, self.clock.moment());
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: Write + Unpin> Write for WatchedStream<Io> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write(context, bytes);
        self.sent(context, sent, |bytes| *bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.io).poll_flush(context);
        ready!(self.sent(context, sent, |()| 0))?;
        self.sending.done();
        if self.progress.take_answered() {
            self.progress.advance(ConnectionPhase::Idle, self.clock.moment());
        } else {
            self.progress.advance_from(ConnectionPhase::Sending, ConnectionPhase::Working, self.clock.moment());
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.io).poll_shutdown(context);
        self.sent(context, sent, |()| 0)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.sent(context, sent, |bytes| *bytes)
    }
}

/// A request's body on its way in.
pub(super) struct RequestBody {
    body: Option<Incoming>,
    progress: Arc<PhaseClock>,
    clock: ConnectionClock,
    pace: BodyTimer,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, progress: &Arc<PhaseClock>, clock: &ConnectionClock) -> Self {
        let pace = BodyTimer::new(clock.limits().body);
        RequestBody { body: Some(body), progress: Arc::clone(progress), clock: clock.clone(), pace }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.progress.advance_from(ConnectionPhase::Receiving, ConnectionPhase::Working, self.clock.moment());
                let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
                self.pace.moved(bytes);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                self.progress.advance_from(ConnectionPhase::Working, ConnectionPhase::Receiving, self.clock.moment());
                ready!(self.pace.poll_late(context));
                self.progress.advance_from(ConnectionPhase::Receiving, ConnectionPhase::Working, self.clock.moment());
                // Nobody reads the rest: not even whoever would otherwise throw it away.
                self.body = None;
                Poll::Ready(Some(Err(BodyTooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

/// An answer's body on its way out.
pub(super) struct ResponseBody {
    body: Body,
    progress: Arc<PhaseClock>,
}

impl ResponseBody {
    pub(super) fn new(body: Body, progress: &Arc<PhaseClock>) -> Self {
        ResponseBody { body, progress: Arc::clone(progress) }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.progress.answer_ended();
    }
}
