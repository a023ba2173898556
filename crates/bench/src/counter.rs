//! The counter over HTTP: requests a second with and without a database, and how long they take.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use purser_store::Engine;
use serde::Serialize;

use crate::load::{self, Load, RequestField, RequestPart, RequestTemplate, Timing, Values, per_second};
use crate::place::{BenchDatabase, BenchFolder};
use crate::prefill::{PHONES, Prefill, SELLERS, sales_counted};
use crate::process::{self, CpuUse};
use crate::server::{PASSWORD, Program, SUPERUSER};

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Workload {
    /// The body of a sale, to a route that reads it and does nothing.
    Noop,
    /// A sale: any seller, any number, no key.
    Sale,
    /// A sale with its own client_ref and Idempotency-Key, both of which must be kept.
    SaleWithKey,
    /// Sales of one seller only.
    SaleOfOneSeller,
    /// The console's list of all sales: a page that staff look at.
    SalesListed,
}

/// What one measurement came to. Times are microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SaleRow {
    pub(crate) what: Workload,
    pub(crate) engine: &'static str,
    /// Sales in the database before the measurement.
    pub(crate) sales_before: usize,
    pub(crate) connections: usize,
    /// Answers with status 200 in a second.
    pub(crate) per_second: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
    pub(crate) cpu: CpuUse,
    /// The server's resident memory at the end of the load, in KiB.
    pub(crate) memory: u64,
    /// Answers with any other status.
    pub(crate) refused: BTreeMap<u16, u64>,
}

/// Sales made through the library, a turn at a time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LibrarySales {
    pub(crate) engine: &'static str,
    pub(crate) sales: usize,
    pub(crate) per_second: u64,
}

/// A database with everything that a sale needs; measurements run on copies of it.
pub(crate) struct Stock {
    place: BenchDatabase,
    prefill: Prefill,
    key: String,
    sales: usize,
}

impl Stock {
    /// Has the program make its tables and a key, and fills in sellers and numbers.
    pub(crate) fn make(ground: &mut BenchFolder, program: &Program, engine: Engine) -> Result<Stock, String> {
        let place = ground.database_new(engine)?;
        program.serve(&place, "127.0.0.1:0")?.stop()?;
        let key = program.key_create(&place)?;
        let mut prefill = Prefill::new();
        prefill.stock(&place, SELLERS, PHONES)?;
        Ok(Stock { place, prefill, key, sales: 0 })
    }

    /// Adds `count` sales.
    pub(crate) fn sell(&mut self, count: usize) -> Result<LibrarySales, String> {
        let took = self.prefill.sell(&self.place, PHONES, count)?;
        self.sales += count;
        let per_second = per_second(count as u64, took);
        Ok(LibrarySales { engine: self.place.engine().name(), sales: count, per_second })
    }

    pub(crate) fn engine(&self) -> Engine {
        self.place.engine()
    }

    /// Measures on a copy, which is checked afterwards: exactly the sales that were acknowledged are there.
    pub(crate) fn measure(
        &self,
        ground: &mut BenchFolder,
        program: &Program,
        what: Workload,
        connections: usize,
        timing: Timing,
    ) -> Result<SaleRow, String> {
        let place = ground.copy(&self.place)?;
        if what == Workload::SalesListed {
            program.superuser_create(&place)?;
        }
        let server = program.serve(&place, "127.0.0.1:0")?;
        let template = match what {
            Workload::SalesListed => listing(server.address)?,
            _ => what.template(server.address, &self.key),
        };
        let mut values = self.values(what);
        check(server.address, what, &template, &mut values)?;
        let load = Load { server: server.address, process: server.process(), connections, template: &template, timing };
        let measured = load::run(&load, &mut values)?;
        let (memory, _) = process::memory(server.process())?;
        server.stop()?;
        if !matches!(what, Workload::Noop | Workload::SalesListed) {
            // One more was sold by the check.
            let (expected, found) = (self.sales as u64 + measured.accepted + 1, sales_counted(&place)?);
            if expected != found {
                return Err(format!("{expected} sales were acknowledged, and {found} are there: the figures are void"));
            }
        }
        ground.remove(&place)?;
        Ok(SaleRow {
            what,
            engine: self.place.engine().name(),
            sales_before: self.sales,
            connections,
            per_second: measured.per_second(),
            p50: measured.latency.percentile(50),
            p99: measured.latency.percentile(99),
            max: measured.latency.largest(),
            cpu: measured.cpu,
            memory,
            refused: measured.refused,
        })
    }

    pub(crate) fn place(&self) -> &BenchDatabase {
        &self.place
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn values(&self, what: Workload) -> Values {
        let sellers = &self.prefill.sellers;
        Values::new(if what == Workload::SaleOfOneSeller { &sellers[..1] } else { sellers }, PHONES)
    }
}

impl Workload {
    pub(crate) fn template(self, server: SocketAddr, key: &str) -> RequestTemplate {
        let bearer = format!("Authorization: Bearer {key}\r\n");
        let path: &[RequestPart<'_>] = match self {
            Workload::Noop => &[RequestPart::Text("/api/v1/noop/")],
            _ => &[
                RequestPart::Text("/api/sellers/"),
                RequestPart::Field(RequestField::Seller),
                RequestPart::Text("/sell_charge/"),
            ],
        };
        let mut headers = vec![RequestPart::Text(&bearer)];
        let mut body = vec![
            RequestPart::Text(r#"{"phone_number":""#),
            RequestPart::Field(RequestField::Phone),
            RequestPart::Text(r#"","amount":1.00"#),
        ];
        if self == Workload::SaleWithKey {
            headers.extend([
                RequestPart::Text("Idempotency-Key: bench-"),
                RequestPart::Field(RequestField::Serial),
                RequestPart::Text("\r\n"),
            ]);
            body.extend([
                RequestPart::Text(r#","client_ref":"bench-"#),
                RequestPart::Field(RequestField::Serial),
                RequestPart::Text(r#"""#),
            ]);
        }
        body.push(RequestPart::Text("}"));
        RequestTemplate::post(server, path, &headers, &body)
    }

    /// What a good answer contains.
    fn answers(self) -> &'static [&'static str] {
        match self {
            Workload::Noop => &["{"],
            Workload::SalesListed => &["<h1>Sales</h1>", "rel=\"next\"", "</html>"],
            _ => &[r#""status":"charge sold successfully""#, r#""remaining_credit":"#, r#""sale_id":""#],
        }
    }
}

/// The console's list of sales, for a superuser who has signed in.
fn listing(server: SocketAddr) -> Result<RequestTemplate, String> {
    let body = format!("login={SUPERUSER}&password={}", PASSWORD.replace(' ', "+"));
    let request = format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = load::exchange(server, request.as_bytes());
    let (status, head, _) = answer.map_err(|error| format!("signing in is not answered: {error}"))?;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let cookie = cookie.ok_or_else(|| format!("signing in is answered by {status}, without a session"))?;
    Ok(RequestTemplate::get(server, "/admin/charge/sales/", &format!("Cookie: {cookie}\r\n")))
}

/// A load of refusals would be quick and mean nothing: the first request must get what it asks for.
fn check(server: SocketAddr, what: Workload, template: &RequestTemplate, values: &mut Values) -> Result<(), String> {
    let mut request = template.bytes.clone();
    values.fill(template, &mut request);
    let answer = load::ask(server, &request).map_err(|error| format!("the server does not answer: {error}"))?;
    match answer {
        (200, body) if what.answers().iter().all(|part| body.contains(part)) => Ok(()),
        (status, body) => Err(format!("{what:?} is answered by {status} {body}")),
    }
}
