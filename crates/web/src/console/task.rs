//! What goes on when its page has been answered already: a file that is being saved.
//!
//! The work is one transaction of the database, so there is nothing to be mended when the program ends in the middle of
//! it: nothing of it has happened then. What is kept here is only how far it is and how it ended, for whoever waits.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use purser_kit::console::{Progress, ProgressSnapshot};
use purser_kit::{IdempotentRequest, Problem};
use tokio::sync::watch;

/// Ends that are kept; older ones are forgotten first.
const KEPT: usize = 64;

type TaskEnd = Option<Result<(), Problem>>;

/// Everything that this process is at.
#[derive(Default)]
pub(crate) struct TaskRegistry {
    tasks: Mutex<VecDeque<(IdempotentRequest, Task)>>,
}

/// Something that goes on.
#[derive(Clone)]
pub(crate) struct Task {
    progress: Progress,
    end: watch::Receiver<TaskEnd>,
}

impl TaskRegistry {
    /// Begins what `start` makes, in the background; or joins it, where the same form was sent before and it goes on.
    pub(crate) fn start<F>(&self, form: &IdempotentRequest, start: impl FnOnce(Progress) -> F) -> Task
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, task)) = tasks.iter().find(|(known, task)| known == form && task.is_running()) {
            return task.clone();
        }
        tasks.retain(|(known, task)| known != form || task.is_running());
        while tasks.len() >= KEPT
            && let Some(ended) = tasks.iter().position(|(_, task)| !task.is_running())
        {
            tasks.remove(ended);
        }
        let (told, end) = watch::channel(None);
        let task = Task { progress: Progress::default(), end };
        let invocation = start(task.progress.clone());
        tokio::spawn(async move { told.send_replace(Some(invocation.await)) });
        tasks.push_back((form.clone(), task.clone()));
        task
    }

    /// What the form of this owner and key began last, if this process knows of it.
    pub(crate) fn find(&self, owner: &str, key: &str) -> Option<Task> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = tasks.iter().rev().filter(|(form, _)| form.owner == owner && form.key == key);
        found.next().map(|(_, task)| task.clone())
    }
}

impl Task {
    fn is_running(&self) -> bool {
        self.end.borrow().is_none() && self.end.has_changed().is_ok()
    }

    /// How far it is.
    pub(crate) fn snapshot(&self) -> ProgressSnapshot {
        self.progress.snapshot()
    }

    /// How it ended, as soon as it has; `None` where it goes on for longer than `patience`.
    pub(crate) async fn wait(mut self, patience: Duration) -> TaskEnd {
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

    fn form(key: &str) -> IdempotentRequest {
        IdempotentRequest { owner: "user:asha".to_owned(), key: key.to_owned(), fingerprint: [0; 32] }
    }

    #[tokio::test]
    async fn a_form_sent_again_joins_what_goes_on() {
        let tasks = TaskRegistry::default();
        let (go, gone) = oneshot::channel::<()>();
        let first = tasks.start(&form("a"), |progress| async move {
            progress.phase("Saving", 7);
            gone.await.map_err(Problem::internal)
        });
        let second = tasks.start(&form("a"), |_| async { panic!("it goes on already") });
        assert!(tasks.find("user:ravi", "a").is_none(), "somebody else's");
        assert_eq!(first.clone().wait(Duration::ZERO).await.map(|end| end.is_ok()), None);
        go.send(()).unwrap();
        assert_eq!(second.wait(LONG).await.map(|end| end.is_ok()), Some(true));
        assert_eq!(tasks.find("user:asha", "a").unwrap().snapshot().total, 7);
    }

    #[tokio::test]
    async fn a_refusal_and_a_panic_are_told_and_the_form_may_be_sent_again() {
        let tasks = TaskRegistry::default();
        let refused = tasks.start(&form("a"), |_| async { Err(Problem::not_found("upload")) });
        assert_eq!(refused.wait(LONG).await.unwrap().unwrap_err().code(), &code::NOT_FOUND);
        let broken = tasks.start(&form("a"), |_| async { panic!("a mistake of ours") });
        assert!(broken.wait(LONG).await.unwrap().is_err());
        let good = tasks.start(&form("a"), |_| async { Ok(()) });
        assert!(good.wait(LONG).await.unwrap().is_ok());
        assert_eq!(tasks.tasks.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn the_oldest_ends_are_forgotten_and_nothing_that_goes_on() {
        let tasks = TaskRegistry::default();
        let (_go, gone) = oneshot::channel::<()>();
        tasks.start(&form("long"), |_| async move { gone.await.map_err(Problem::internal) });
        for number in 0..100 {
            tasks.start(&form(&number.to_string()), |_| async { Ok(()) }).wait(LONG).await;
        }
        assert!(tasks.find("user:asha", "long").is_some() && tasks.find("user:asha", "1").is_none());
        assert_eq!(tasks.tasks.lock().unwrap().len(), KEPT);
    }
}
