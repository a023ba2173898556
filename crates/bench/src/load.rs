//! The load generator: clients that ask, wait for the answer, and ask again.
//!
//! It shares the machine with the server it measures, so it is one thread over epoll that does little more than the
//! two system calls of each request: requests are patched in place, of responses only status and length are read, and
//! nothing is allocated on the way.
//!
//! A client that waits for its answer asks less often of a slow server, so that the latencies are those of a given
//! number of patient clients, not of a given rate of arrivals.

mod connection;
mod request;
mod response;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::histogram::Histogram;
use crate::process::{Cpu, CpuUse};
use connection::LoadConnection;

pub(crate) use request::{FIRST_PHONE, RequestField, RequestPart, RequestTemplate, Values};

/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to send before counting, and how long to count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What to send where.
pub(crate) struct Load<'a> {
    pub(crate) server: SocketAddr,
    /// The server's process, whose use of the processors is measured.
    pub(crate) process: u32,
    pub(crate) connections: usize,
    pub(crate) template: &'a RequestTemplate,
    pub(crate) timing: Timing,
}

/// What came of it.
pub(crate) struct LoadResult {
    /// Latencies of the answers with status 200 that came while it counted.
    pub(crate) latency: Histogram,
    /// Answers with any other status, at any time.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// Answers with status 200 at any time.
    pub(crate) accepted: u64,
    /// How long it counted.
    pub(crate) window: Duration,
    pub(crate) cpu: CpuUse,
}

impl LoadResult {
    /// Answers with status 200 in a second.
    pub(crate) fn per_second(&self) -> u64 {
        per_second(self.latency.total(), self.window)
    }
}

/// `count` in `time` as a rate. Zero where there was no time.
pub(crate) fn per_second(count: u64, time: Duration) -> u64 {
    let rate = (u128::from(count) * 1_000_000_000).checked_div(time.as_nanos());
    rate.map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

/// Runs the load to its end: every request has been answered when it returns.
pub(crate) fn run(load: &Load<'_>, values: &mut Values) -> Result<LoadResult, String> {
    let broken = |error| format!("epoll failed: {error}");
    let mut poll = Poll::new().map_err(broken)?;
    let mut connections = Vec::with_capacity(load.connections);
    for index in 0..load.connections {
        connections.push(LoadConnection::open(load.server, load.template, poll.registry(), Token(index))?);
    }
    let mut events = Events::with_capacity(load.connections);
    let mut meter = Meter::start(load);
    for connection in &mut connections {
        connection.send(load.template, values, Instant::now())?;
    }
    let mut waiting = connections.len();
    while waiting > 0 {
        wait(&mut poll, &mut events)?;
        meter.advance(Instant::now())?;
        for event in &events {
            let connection = &mut connections[event.token().0];
            let Some(status) = connection.receive()? else { continue };
            let now = Instant::now();
            meter.record(status, now - connection.sent_at);
            if meter.is_over() {
                waiting -= 1;
            } else {
                connection.send(load.template, values, now)?;
            }
        }
    }
    meter.finish()
}

fn wait(poll: &mut Poll, events: &mut Events) -> Result<(), String> {
    loop {
        match poll.poll(events, Some(PATIENCE)) {
            Ok(()) if events.is_empty() => return Err(format!("no answer within {PATIENCE:?}")),
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("epoll failed: {error}")),
        }
    }
}

/// Counts what comes in the window between the warm-up and the end.
struct Meter {
    process: u32,
    timing: Timing,
    started: Instant,
    phase: Phase,
    latency: Histogram,
    refused: BTreeMap<u16, u64>,
    accepted: u64,
}

enum Phase {
    WarmUp,
    Counting { since: Instant, before: Cpu },
    Over { window: Duration, cpu: CpuUse },
}

impl Meter {
    fn start(load: &Load<'_>) -> Self {
        Meter {
            process: load.process,
            timing: load.timing,
            started: Instant::now(),
            phase: Phase::WarmUp,
            latency: Histogram::new(),
            refused: BTreeMap::new(),
            accepted: 0,
        }
    }

    /// Goes on to the next phase when its time has come.
    fn advance(&mut self, now: Instant) -> Result<(), String> {
        match self.phase {
            Phase::WarmUp if now >= self.started + self.timing.warm_up => {
                self.phase = Phase::Counting { since: now, before: Cpu::read(self.process)? };
            }
            Phase::Counting { since, before } if now >= since + self.timing.measured => {
                let window = now - since;
                self.phase = Phase::Over { window, cpu: Cpu::read(self.process)?.since(before, window) };
            }
            _ => {}
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    fn record(&mut self, status: u16, latency: Duration) {
        if status != 200 {
            *self.refused.entry(status).or_default() += 1;
            return;
        }
        self.accepted += 1;
        if matches!(self.phase, Phase::Counting { .. }) {
            self.latency.record(latency);
        }
    }

    fn finish(self) -> Result<LoadResult, String> {
        let Phase::Over { window, cpu } = self.phase else { return Err("the load ended early".to_owned()) };
        let Meter { latency, refused, accepted, .. } = self;
        Ok(LoadResult { latency, refused, accepted, window, cpu })
    }
}

/// A time in microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Sends one request on a connection of its own: the answer's status and body.
pub(crate) fn ask(server: SocketAddr, request: &[u8]) -> std::io::Result<(u16, String)> {
    exchange(server, request).map(|(status, _, body)| (status, body))
}

/// The same with the answer's headers as well: status, headers, body.
pub(crate) fn exchange(server: SocketAddr, request: &[u8]) -> std::io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut response = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let count = stream.read(&mut chunk)?;
        response.extend_from_slice(&chunk[..count]);
        let head = response::head(&response).map_err(std::io::Error::other)?;
        if let Some(head) = head.filter(|head| response.len() >= head.length) {
            let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
            return Ok((head.status, text(&response[..head.body]), text(&response[head.body..head.length])));
        }
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// Answers each request of four lines and an empty body on any number of connections; every tenth with 503.
    fn serve(listener: &TcpListener) {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                for count in 1.. {
                    let mut line = String::new();
                    while line != "\r\n" {
                        line.clear();
                        if lines.read_line(&mut line).unwrap() == 0 {
                            return;
                        }
                    }
                    let status = if count % 10 == 0 { "503 Busy" } else { "200 OK" };
                    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-").as_bytes()).unwrap();
                    stream.write_all(b"length: 2\r\n\r\nok").unwrap();
                }
            });
        }
    }

    #[test]
    fn every_answer_is_counted_by_its_status() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        std::thread::spawn(move || serve(&listener));
        let template = RequestTemplate::post(server, &[RequestPart::Text("/")], &[], &[]);
        assert_eq!(ask(server, &template.bytes).unwrap(), (200, "ok".to_owned()));

        let timing = Timing { warm_up: Duration::from_millis(20), measured: Duration::from_millis(100) };
        let process = std::process::id();
        let load = Load { server, process, connections: 3, template: &template, timing };
        let measured = run(&load, &mut Values::new(&[], 0)).unwrap();
        let refused = measured.refused[&503];
        assert!(measured.refused.len() == 1 && refused > 0, "{:?}", measured.refused);
        // Nine were accepted before each that was refused, and at most nine since on each of three connections.
        assert!((refused * 9..=refused * 9 + 27).contains(&measured.accepted), "{refused} of {}", measured.accepted);
        assert!(measured.latency.total() > 0 && measured.latency.total() <= measured.accepted);
        assert!(measured.window >= timing.measured && measured.per_second() > 0);
    }

    #[test]
    fn a_rate_is_a_count_by_a_time() {
        assert_eq!(per_second(100, Duration::from_millis(500)), 200);
        assert_eq!(per_second(100, Duration::ZERO), 0);
    }
}
