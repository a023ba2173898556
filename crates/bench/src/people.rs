//! The house beside its counter: staff who look at lists, people who sign in, a pool of a hundred thousand members; and
//! what each of them costs those who go on selling.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use purser_store::Engine;
use serde::Serialize;

use crate::counter::{Stock, Workload};
use crate::load::{self, Load, Timing, Values, micros, per_second};
use crate::place::{BenchDatabase, BenchFolder};
use crate::prefill::sales_counted;
use crate::server::Program;

/// Members of the pool.
const MEMBERS: usize = 100_000;

/// Clients that sell meanwhile.
const CONNECTIONS: usize = 64;

/// A file of members, taken in. Times are microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ImportRow {
    pub(crate) engine: &'static str,
    pub(crate) members: usize,
    /// From the first byte of the upload to the verdict on every row.
    pub(crate) checked: u64,
    /// From the word to do it to the answer that it is done.
    pub(crate) saved: u64,
    /// Rows in a second of both.
    pub(crate) per_second: u64,
}

/// Sales beside something else. Times are microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BesideRow {
    pub(crate) engine: &'static str,
    pub(crate) beside: &'static str,
    pub(crate) connections: usize,
    pub(crate) per_second: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
    /// What came of the other thing.
    pub(crate) outcome: String,
    /// How long it took, where it is one thing.
    pub(crate) took: Option<u64>,
}

/// Fills a pool on a copy of `stock`, and sells beside an expiry and beside people who sign in.
pub(crate) fn measure(
    ground: &mut BenchFolder,
    program: &Program,
    stock: &Stock,
    timing: Timing,
) -> Result<(ImportRow, Vec<BesideRow>), String> {
    let place = ground.copy(stock.place())?;
    let server = program.serve(&place, "127.0.0.1:0")?;
    let house = BenchSite { server: server.address, process: server.process(), stock, place: &place, timing };
    let import = house.import()?;
    let mut sold = 0;
    let mut rows = Vec::new();
    rows.push(house.sales("nothing", &mut sold, |_| Ok((String::new(), None)))?);
    let member = house.member()?;
    rows.push(house.sales("the expiry of one of 100,000 members", &mut sold, |_| house.expire(&member))?);
    rows.push(house.sales("people who sign in", &mut sold, |over| house.sign_ins(over))?);
    server.stop()?;
    let found = sales_counted(&place)?;
    if found != sold {
        return Err(format!("{sold} sales were acknowledged, and {found} are there: the figures are void"));
    }
    ground.remove(&place)?;
    Ok((import, rows))
}

/// A server with everything in it.
struct BenchSite<'h> {
    server: SocketAddr,
    process: u32,
    stock: &'h Stock,
    place: &'h BenchDatabase,
    timing: Timing,
}

impl BenchSite<'_> {
    fn engine(&self) -> Engine {
        self.place.engine()
    }

    fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> Result<String, String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.server,
            self.stock.key(),
            body.len()
        );
        let answer = load::ask(self.server, request.as_bytes());
        match answer.map_err(|error| format!("{path} is not answered: {error}"))? {
            (200 | 201, body) => Ok(body),
            (status, body) => {
                let body: String = body.chars().take(300).collect();
                Err(format!("{path} is answered by {status} {body}"))
            }
        }
    }

    fn import(&self) -> Result<ImportRow, String> {
        let mut file = String::from("name,email,wallet_balance\n");
        for number in 0..MEMBERS {
            file.push_str(&format!("Member {number},member{number}@example.com,100.00\n"));
        }
        let began = Instant::now();
        let checked = self.ask("POST", "/api/members/import/?dry_run=true", "Content-Type: text/csv\r\n", &file)?;
        let checked_after = began.elapsed();
        let id = text(&checked, "id").ok_or("the dry run answers without an id")?;
        let began = Instant::now();
        let saved = self.ask("POST", &format!("/api/members/import/{id}/commit/"), "", "")?;
        let saved_after = began.elapsed();
        if !saved.contains(&format!("\"imported\":{MEMBERS}")) {
            return Err(format!("the import answers {saved}"));
        }
        Ok(ImportRow {
            engine: self.engine().name(),
            members: MEMBERS,
            checked: micros(checked_after),
            saved: micros(saved_after),
            per_second: per_second(MEMBERS as u64, checked_after + saved_after),
        })
    }

    fn member(&self) -> Result<String, String> {
        let list = self.ask("GET", "/api/members/?limit=1", "", "")?;
        text(&list, "id").ok_or_else(|| format!("the list of members is {list}"))
    }

    /// Sells, and once the warm-up is over does something else too.
    fn sales(
        &self,
        beside: &'static str,
        sold: &mut u64,
        other: impl FnOnce(&AtomicBool) -> Result<(String, Option<u64>), String> + Send,
    ) -> Result<BesideRow, String> {
        let template = Workload::Sale.template(self.server, self.stock.key());
        let mut values: Values = self.stock.values(Workload::Sale);
        let (over, begin) = (AtomicBool::new(false), self.timing.warm_up + Duration::from_millis(500));
        let (measured, outcome) = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                std::thread::sleep(begin);
                other(&over)
            });
            let load = Load {
                server: self.server,
                process: self.process,
                connections: CONNECTIONS,
                template: &template,
                timing: self.timing,
            };
            let measured = load::run(&load, &mut values);
            over.store(true, Ordering::Relaxed);
            let outcome = other.join().map_err(|_| "what went on beside the load broke off".to_owned());
            (measured, outcome)
        });
        let (measured, (outcome, took)) = (measured?, outcome??);
        *sold += measured.accepted;
        Ok(BesideRow {
            engine: self.engine().name(),
            beside,
            connections: CONNECTIONS,
            per_second: measured.per_second(),
            p50: measured.latency.percentile(50),
            p99: measured.latency.percentile(99),
            max: measured.latency.largest(),
            outcome,
            took,
        })
    }

    fn expire(&self, member: &str) -> Result<(String, Option<u64>), String> {
        let began = Instant::now();
        self.ask("POST", &format!("/api/members/{member}/expire/"), "", "")?;
        let took = began.elapsed();
        Ok((format!("{} ms", took.as_millis()), Some(micros(took))))
    }

    /// Four people at a time, each from an address of their own, so that what bounds them is the hashing and not a limit.
    fn sign_ins(&self, over: &AtomicBool) -> Result<(String, Option<u64>), String> {
        let (count, began) = (AtomicU64::new(0), Instant::now());
        let person = || {
            while !over.load(Ordering::Relaxed) {
                let number = count.fetch_add(1, Ordering::Relaxed);
                let body = format!("login=person{number}&password=paper+lantern+violet");
                let request = format!(
                    "POST /accounts/login/ HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: 10.{}.{}.{}\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                    self.server,
                    number >> 16 & 255,
                    number >> 8 & 255,
                    number & 255,
                    body.len()
                );
                match load::ask(self.server, request.as_bytes()) {
                    Ok((401, _)) => {}
                    Ok((status, _)) => return Err(format!("signing in is answered by {status}")),
                    Err(error) => return Err(format!("signing in is not answered: {error}")),
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let people: Vec<_> = (0..4).map(|_| scope.spawn(person)).collect();
            people.into_iter().try_for_each(|one| one.join().unwrap_or_else(|_| Err("signing in broke off".to_owned())))
        })?;
        let rate = per_second(count.load(Ordering::Relaxed), began.elapsed());
        Ok((format!("{rate} a second"), None))
    }
}

/// The first value of this name, which is text.
fn text(json: &str, name: &str) -> Option<String> {
    let rest = json.split(&format!("\"{name}\":\"")).nth(1)?;
    rest.split('"').next().map(str::to_owned)
}
