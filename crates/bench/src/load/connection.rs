//! One client: a connection that is kept, with one request under way at a time.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::request::{RequestTemplate, Values};
use super::response::{ResponseHead, head};

/// Longer than any response that a load is made of.
const BUFFER: usize = 256 * 1024;

pub(super) struct LoadConnection {
    stream: TcpStream,
    request: Vec<u8>,
    response: Box<[u8]>,
    received: usize,
    head: Option<ResponseHead>,
    pub(super) sent_at: Instant,
}

impl LoadConnection {
    /// Connects, and has `registry` report under `token` what arrives.
    pub(super) fn open(
        server: SocketAddr,
        template: &RequestTemplate,
        registry: &Registry,
        token: Token,
    ) -> Result<Self, String> {
        let broken = |error| format!("cannot connect to {server}: {error}");
        let stream = std::net::TcpStream::connect(server).map_err(broken)?;
        stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(broken)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE).map_err(broken)?;
        Ok(LoadConnection {
            stream,
            request: template.bytes.clone(),
            response: vec![0; BUFFER].into_boxed_slice(),
            received: 0,
            head: None,
            sent_at: Instant::now(),
        })
    }

    /// Sends the next request. The last one's response is in, so that the socket has room for it.
    pub(super) fn send(&mut self, template: &RequestTemplate, values: &mut Values, now: Instant) -> Result<(), String> {
        values.fill(template, &mut self.request);
        (self.received, self.head, self.sent_at) = (0, None, now);
        match self.stream.write(&self.request) {
            Ok(written) if written == self.request.len() => Ok(()),
            Ok(_) => Err("a socket took only a part of a small request".to_owned()),
            Err(error) => Err(format!("sending failed: {error}")),
        }
    }

    /// Takes what has arrived: the status, once the response is all there.
    ///
    /// Events come when something arrives, not as long as something is there; so it reads until nothing is left, or
    /// until the response is complete, since nothing can follow that before the next request.
    pub(super) fn receive(&mut self) -> Result<Option<u16>, String> {
        loop {
            match self.stream.read(&mut self.response[self.received..]) {
                Ok(0) => return Err("the server closed a connection, or sent a response that is too long".to_owned()),
                Ok(count) => self.received += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("receiving failed: {error}")),
            }
            if self.head.is_none() {
                self.head = head(&self.response[..self.received])?;
            }
            if let Some(head) = self.head.filter(|head| self.received >= head.length) {
                return Ok(Some(head.status));
            }
        }
    }
}
