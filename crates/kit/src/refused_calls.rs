//! Refused calls of the API, on record.
//!
//! A refusal is written beside the request and never in its transaction, which has changed nothing. A flood of them must
//! neither fill the disk nor slow the sales, so they are gathered in memory: of one caller and one kind of refusal the
//! first in a minute is written, and how many followed with the next line. So many lines a minute are written in all;
//! beyond that only their number is kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use purser_identity::{Actor, AuditEvent, Error, SecretHash, api_key_id, audit};
use serde_json::json;

use crate::context::AppContext;

/// How long refusals are gathered into one line.
const GATHERED: SignedDuration = SignedDuration::from_mins(1);

/// Lines of a copy of the program in that time, at most.
const LINES: usize = 30;

/// Lines of one caller in that time, at most: a flood of theirs hides nobody else's refusals.
const OF_ONE: usize = 6;

/// Callers and kinds that are told apart in that time.
const KNOWN: usize = 1_000;

/// Characters of a path that are kept.
const PATH: usize = 150;

/// Who names nobody that is known here.
const NOBODY: &str = "nobody";

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedCall {
    /// Who asked: an actor, where that is known.
    pub(crate) actor: Option<String>,
    /// The key that was shown, where it opens nothing any more or never did. The key itself is written nowhere.
    pub(crate) token: Option<SecretHash>,
    /// From where.
    pub(crate) address: Option<String>,
    /// What was asked for, without its query.
    pub(crate) method: String,
    pub(crate) path: String,
    /// The answer.
    pub(crate) status: u16,
    /// The code of the problem, where there is one.
    pub(crate) code: &'static str,
}

/// Refusals of one caller and kind.
struct RefusalCount {
    since: Timestamp,
    /// How many came after the one that was written.
    more: u64,
}

/// Who was refused, how, and what they had asked for.
type RefusalKey = (String, u16, &'static str, String);

#[derive(Default)]
struct RefusalState {
    gathered: HashMap<RefusalKey, RefusalCount>,
    since: Option<Timestamp>,
    lines: usize,
    lines_of: HashMap<String, usize>,
    /// How many were not written because others were.
    passed_over: u64,
}

impl RefusalState {
    /// Forgets whose minute is over, but for this one; what was not written of them is told with the next line.
    fn retire(&mut self, but: &RefusalKey, now: Timestamp) {
        let passed_over = &mut self.passed_over;
        self.gathered.retain(|key, gathered| {
            let stays = key == but || !is_over(gathered.since, now);
            *passed_over += if stays { 0 } else { gathered.more };
            stays
        });
    }
}

/// Refusals of the last minute.
#[derive(Default)]
pub struct RefusedCalls(Mutex<RefusalState>);

/// A line that is to be written.
#[derive(Debug, PartialEq, Eq)]
struct RefusalLine {
    /// Refusals of the same caller and kind since their last line.
    more: u64,
    /// Refusals of anybody that no line tells of.
    passed_over: u64,
}

impl RefusedCalls {
    /// Counts a refusal; a line where one is due.
    fn count(&self, call: &RefusedCall, now: Timestamp) -> Option<RefusalLine> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let who = call.actor.clone().or_else(|| call.address.clone()).unwrap_or_default();
        let key = (who.clone(), call.status, call.code, format!("{} {}", call.method, call.path));
        if state.since.is_none_or(|since| now < since || is_over(since, now)) {
            (state.since, state.lines) = (Some(now), 0);
            state.lines_of.clear();
            state.retire(&key, now);
        }
        let known = state.gathered.len();
        let more = match state.gathered.get_mut(&key) {
            Some(gathered) if !is_over(gathered.since, now) => {
                gathered.more += 1;
                return None;
            }
            Some(gathered) => gathered.more,
            None => 0,
        };
        let of_one = state.lines_of.get(&who).copied().unwrap_or_default();
        if state.lines >= LINES || of_one >= OF_ONE || known >= KNOWN {
            state.passed_over += 1;
            return None;
        }
        state.gathered.insert(key, RefusalCount { since: now, more: 0 });
        state.lines += 1;
        state.lines_of.insert(who, of_one + 1);
        Some(RefusalLine { more, passed_over: std::mem::take(&mut state.passed_over) })
    }

    /// Puts a refusal on record, where it is not one of many. It is written beside the request, which does not wait.
    pub(crate) fn note(context: &AppContext, call: RefusedCall) {
        let now = context.now();
        let Some(line) = context.refused_calls.count(&call, now) else { return };
        let (store, id) = (context.store.clone(), context.ids.next(now));
        tokio::spawn(async move {
            let path: String = call.path.chars().filter(|character| !character.is_control()).take(PATH).collect();
            let mut detail = json!({ "status": call.status, "code": call.code });
            if let Some(detail) = detail.as_object_mut() {
                let counts = [("more_since_the_last_line", line.more), ("others_passed_over", line.passed_over)];
                let counts = counts.into_iter().filter(|(_, count)| *count > 0);
                detail.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
            }
            let (known, detail) = (call.actor, detail.to_string());
            let subject = format!("{} {path}", call.method);
            let written = store.write(move |tx| {
                let dead = call.token.map_or(Ok(None), |token| api_key_id(tx, token))?;
                let dead = dead.map(|id| Actor::ApiKey(id).to_string());
                let actor = known.clone().or(dead).unwrap_or_else(|| NOBODY.to_owned());
                let address = call.address.as_deref();
                let event =
                    AuditEvent { actor: &actor, action: "api.refused", subject: &subject, address, detail: &detail };
                audit(tx, now, id, &event).map_err(Error::from)
            });
            if let Err(error) = written.await {
                tracing::warn!(%error, "[API] a refusal could not be put on record");
            }
        });
    }
}

fn is_over(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) >= GATHERED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(address: &str) -> RefusedCall {
        RefusedCall {
            actor: None,
            token: None,
            address: Some(address.to_owned()),
            method: "POST".to_owned(),
            path: "/api/sellers/".to_owned(),
            status: 401,
            code: "unauthenticated",
        }
    }

    #[test]
    fn of_many_refusals_in_a_minute_one_is_written_and_the_others_are_counted() {
        let (refusals, begin) = (RefusedCalls::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(refusals.count(&call("192.0.2.1"), begin), Some(RefusalLine { more: 0, passed_over: 0 }));
        for second in 1..60 {
            assert_eq!(refusals.count(&call("192.0.2.1"), begin + SignedDuration::from_secs(second)), None);
        }
        assert_eq!(refusals.count(&call("192.0.2.2"), begin), Some(RefusalLine { more: 0, passed_over: 0 }));
        let later = begin + GATHERED;
        assert_eq!(refusals.count(&call("192.0.2.1"), later), Some(RefusalLine { more: 59, passed_over: 0 }));
    }

    #[test]
    fn a_flood_from_everywhere_writes_so_many_lines_and_no_more() {
        let (refusals, begin) = (RefusedCalls::default(), Timestamp::UNIX_EPOCH);
        let written = (0..5_000).filter(|n| refusals.count(&call(&format!("198.51.100.{n}")), begin).is_some()).count();
        assert_eq!(written, LINES);
        let line = refusals.count(&call("192.0.2.1"), begin + GATHERED);
        assert_eq!(line, Some(RefusalLine { more: 0, passed_over: 5_000 - 30 }));
        assert!(refusals.0.lock().unwrap().gathered.len() <= KNOWN);
    }
}
