//! What goes on when its page has been answered already: a file that is being saved.
//!
//! The work is one transaction of the database, so there is nothing to be mended when the program ends in the middle of
//! it: nothing of it has happened then. What is kept here is only how far it is and how it ended, for whoever waits.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use purser_kit::console::{Progress, Seen};
use purser_kit::{Problem, Repeatable};
use tokio::sync::watch;

/// Ends that are kept; older ones are forgotten first.
const KEPT: usize = 64;

type End = Option<Result<(), Problem>>;

/// Everything that this process is at.
#[derive(Default)]
pub(crate) struct Works {
    works: Mutex<VecDeque<(Repeatable, Work)>>,
}

/// Something that goes on.
#[derive(Clone)]
pub(crate) struct Work {
    progress: Progress,
    end: watch::Receiver<End>,
}

impl Works {
    /// Begins what `start` makes, in the background; or joins it, where the same form was sent before and it goes on.
    pub(crate) fn begin<F>(&self, form: &Repeatable, start: impl FnOnce(Progress) -> F) -> Work
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, work)) = works.iter().find(|(known, work)| known == form && work.goes_on()) {
            return work.clone();
        }
        works.retain(|(known, work)| known != form || work.goes_on());
        while works.len() >= KEPT
            && let Some(ended) = works.iter().position(|(_, work)| !work.goes_on())
        {
            works.remove(ended);
        }
        let (told, end) = watch::channel(None);
        let work = Work { progress: Progress::default(), end };
        let doing = start(work.progress.clone());
        tokio::spawn(async move { told.send_replace(Some(doing.await)) });
        works.push_back((form.clone(), work.clone()));
        work
    }

    /// What the form of this owner and key began last, if this process knows of it.
    pub(crate) fn find(&self, owner: &str, key: &str) -> Option<Work> {
        let works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = works.iter().rev().filter(|(form, _)| form.owner == owner && form.key == key);
        found.next().map(|(_, work)| work.clone())
    }
}

impl Work {
    fn goes_on(&self) -> bool {
        self.end.borrow().is_none() && self.end.has_changed().is_ok()
    }

    /// How far it is.
    pub(crate) fn seen(&self) -> Seen {
        self.progress.seen()
    }

    /// How it ended, as soon as it has; `None` where it goes on for longer than `patience`.
    pub(crate) async fn ended(mut self, patience: Duration) -> End {
        let waited = tokio::time::timeout(patience, self.end.wait_for(Option::is_some)).await;
        match waited {
            Ok(Ok(end)) => end.clone(),
            // It was broken off without a word.
            Ok(Err(_)) => Some(Err(Problem::internal("what went on in the background has panicked"))),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use purser_kit::code;
    use tokio::sync::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn form(key: &str) -> Repeatable {
        Repeatable { owner: "user:asha".to_owned(), key: key.to_owned(), fingerprint: [0; 32] }
    }

    #[tokio::test]
    async fn a_form_sent_again_joins_what_goes_on() {
        let works = Works::default();
        let (go, gone) = oneshot::channel::<()>();
        let first = works.begin(&form("a"), |progress| async move {
            progress.phase("Saving", 7);
            gone.await.map_err(Problem::internal)
        });
        let second = works.begin(&form("a"), |_| async { panic!("it goes on already") });
        assert!(works.find("user:ravi", "a").is_none(), "somebody else's");
        assert_eq!(first.clone().ended(Duration::ZERO).await.map(|end| end.is_ok()), None);
        go.send(()).unwrap();
        assert_eq!(second.ended(LONG).await.map(|end| end.is_ok()), Some(true));
        assert_eq!(works.find("user:asha", "a").unwrap().seen().total, 7);
    }

    #[tokio::test]
    async fn a_refusal_and_a_panic_are_told_and_the_form_may_be_sent_again() {
        let works = Works::default();
        let refused = works.begin(&form("a"), |_| async { Err(Problem::not_found("upload")) });
        assert_eq!(refused.ended(LONG).await.unwrap().unwrap_err().code(), &code::NOT_FOUND);
        let broken = works.begin(&form("a"), |_| async { panic!("a mistake of ours") });
        assert!(broken.ended(LONG).await.unwrap().is_err());
        let good = works.begin(&form("a"), |_| async { Ok(()) });
        assert!(good.ended(LONG).await.unwrap().is_ok());
        assert_eq!(works.works.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn the_oldest_ends_are_forgotten_and_nothing_that_goes_on() {
        let works = Works::default();
        let (_go, gone) = oneshot::channel::<()>();
        works.begin(&form("long"), |_| async move { gone.await.map_err(Problem::internal) });
        for number in 0..100 {
            works.begin(&form(&number.to_string()), |_| async { Ok(()) }).ended(LONG).await;
        }
        assert!(works.find("user:asha", "long").is_some() && works.find("user:asha", "1").is_none());
        assert_eq!(works.works.lock().unwrap().len(), KEPT);
    }
}
