//! The counter over HTTP: requests a second with and without a database, and how long they take.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use purser_store::Engine;
use serde::Serialize;

use crate::load::{self, Field, Load, Part, Template, Timing, Values, per_second};
use crate::place::{Ground, Place};
use crate::prefill::{PHONES, Prefill, SELLERS, sales_counted};
use crate::process::{self, CpuUse};
use crate::server::{PASSWORD, Program, SUPERUSER};

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
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
pub(crate) struct Row {
    pub(crate) what: What,
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
    place: Place,
    prefill: Prefill,
    key: String,
    sales: usize,
}

impl Stock {
    /// Has the program make its tables and a key, and fills in sellers and numbers.
    pub(crate) fn make(ground: &mut Ground, program: &Program, engine: Engine) -> Result<Stock, String> {
        let place = ground.fresh(engine)?;
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
        ground: &mut Ground,
        program: &Program,
        what: What,
        connections: usize,
        timing: Timing,
    ) -> Result<Row, String> {
        let place = ground.copy(&self.place)?;
        if what == What::SalesListed {
            program.superuser_create(&place)?;
        }
        let server = program.serve(&place, "127.0.0.1:0")?;
        let template = match what {
            What::SalesListed => listing(server.address)?,
            _ => what.template(server.address, &self.key),
        };
        let mut values = self.values(what);
        check(server.address, what, &template, &mut values)?;
        let load = Load { server: server.address, process: server.process(), connections, template: &template, timing };
        let measured = load::run(&load, &mut values)?;
        let (memory, _) = process::memory(server.process())?;
        server.stop()?;
        if !matches!(what, What::Noop | What::SalesListed) {
            // One more was sold by the check.
            let (expected, found) = (self.sales as u64 + measured.accepted + 1, sales_counted(&place)?);
            if expected != found {
                return Err(format!("{expected} sales were acknowledged, and {found} are there: the figures are void"));
            }
        }
        ground.remove(&place)?;
        Ok(Row {
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

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn values(&self, what: What) -> Values {
        let sellers = &self.prefill.sellers;
        Values::new(if what == What::SaleOfOneSeller { &sellers[..1] } else { sellers }, PHONES)
    }
}

impl What {
    pub(crate) fn template(self, server: SocketAddr, key: &str) -> Template {
        let bearer = format!("Authorization: Bearer {key}\r\n");
        let path: &[Part<'_>] = match self {
            What::Noop => &[Part::Text("/api/v1/noop/")],
            _ => &[Part::Text("/api/sellers/"), Part::Field(Field::Seller), Part::Text("/sell_charge/")],
        };
        let mut headers = vec![Part::Text(&bearer)];
        let mut body =
            vec![Part::Text(r#"{"phone_number":""#), Part::Field(Field::Phone), Part::Text(r#"","amount":1.00"#)];
        if self == What::SaleWithKey {
            headers.extend([Part::Text("Idempotency-Key: bench-"), Part::Field(Field::Serial), Part::Text("\r\n")]);
            body.extend([Part::Text(r#","client_ref":"bench-"#), Part::Field(Field::Serial), Part::Text(r#"""#)]);
        }
        body.push(Part::Text("}"));
        Template::post(server, path, &headers, &body)
    }

    /// What a good answer contains.
    fn answers(self) -> &'static [&'static str] {
        match self {
            What::Noop => &["{"],
            What::SalesListed => &["<h1>Sales</h1>", "rel=\"next\"", "</html>"],
            _ => &[r#""status":"charge sold successfully""#, r#""remaining_credit":"#, r#""sale_id":""#],
        }
    }
}

/// The console's list of sales, for a superuser who has signed in.
fn listing(server: SocketAddr) -> Result<Template, String> {
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
    Ok(Template::get(server, "/admin/charge/sales/", &format!("Cookie: {cookie}\r\n")))
}

/// A load of refusals would be quick and mean nothing: the first request must get what it asks for.
fn check(server: SocketAddr, what: What, template: &Template, values: &mut Values) -> Result<(), String> {
    let mut request = template.bytes.clone();
    values.fill(template, &mut request);
    let answer = load::ask(server, &request).map_err(|error| format!("the server does not answer: {error}"))?;
    match answer {
        (200, body) if what.answers().iter().all(|part| body.contains(part)) => Ok(()),
        (status, body) => Err(format!("{what:?} is answered by {status} {body}")),
    }
}
