//! What an action will do and what it has done, object by object.
//!
//! Of many objects each stands for itself: those that can be done are done, and the others are told with their reasons.
//! That holds because a rule of an app is decided before anything is written, so a refusal leaves no trace.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::Problem;

/// What an action will do.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// The consequence, in a sentence: "₹1.00 will be taken from 412 members."
    pub sentence: String,
    /// The objects: what each is, and what will happen to it.
    pub rows: Vec<(String, String)>,
    /// The chosen objects that it will pass over, and why; the others are done all the same.
    pub refused: Vec<(Uuid, String)>,
    /// Why it cannot be done as things stand, where it cannot.
    pub obstacle: Option<String>,
}

impl Preview {
    /// What one plan comes to. Of several, how many there are.
    pub fn of_one<P>(plans: &[P], sentence: impl FnOnce(&P) -> String) -> Self {
        match plans {
            [plan] => Preview::sentence(sentence(plan)),
            plans => Preview::sentence(format!("{} will be done.", plans.len())),
        }
    }

    /// A sentence, and a row for each plan: what it is about, and what will happen to it.
    pub fn of<P>(plans: &[P], sentence: impl Into<String>, row: impl Fn(&P) -> (String, String)) -> Self {
        Preview { rows: plans.iter().map(row).collect(), ..Preview::sentence(sentence) }
    }

    /// A sentence, without a list.
    pub fn sentence(text: impl Into<String>) -> Self {
        Preview { sentence: text.into(), ..Preview::default() }
    }

    /// Looks at each object: `look` answers what it is and what will happen to it, or why nothing can. A single
    /// object's refusal is the obstacle.
    ///
    /// # Errors
    /// What is no refusal; a single object that is not there.
    pub fn for_each(
        ids: &[Uuid],
        look: impl FnMut(Uuid) -> Result<(String, String), Problem>,
    ) -> Result<Preview, Problem> {
        match results_by_row(ids, look)? {
            RowResults { only: Some(refusal), .. } if refusal.code().status == 404 => Err(refusal),
            RowResults { only: Some(refusal), .. } => {
                Ok(Preview { obstacle: Some(refusal.detail().to_owned()), ..Preview::default() })
            }
            RowResults { rows, refused, .. } => Ok(Preview { rows, refused, ..Preview::default() }),
        }
    }

    /// The same with a sentence, made of how many will be done. Where there is an obstacle, it says all there is.
    #[must_use]
    pub fn with_sentence(mut self, words: impl FnOnce(usize) -> String) -> Self {
        if self.obstacle.is_some() {
            return self;
        }
        self.sentence = counts_sentence(self.rows.len(), self.refused.len(), "Nothing can be done.", words);
        self
    }
}

/// What an action has done. It is kept, so that sending a form twice does it once and answers twice.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What happened, and what to do next, in a sentence or two.
    pub sentence: String,
    /// Each object and what became of it, where that needs saying.
    pub rows: Vec<(String, String)>,
    /// The chosen objects that nothing was done to, and why.
    #[serde(default)]
    pub refused: Vec<(Uuid, String)>,
    /// The object to go on to.
    pub go: Option<Uuid>,
}

impl Outcome {
    /// What was done to one object. Of several, how many there are.
    pub fn of<A>(applied: &[A], sentence: impl FnOnce(&A) -> String) -> Self {
        match applied {
            [one] => Outcome::sentence(sentence(one), None),
            many => Outcome::sentence(format!("{} done.", many.len()), None),
        }
    }

    /// A sentence, and a row for each object: what it is, and what became of it.
    pub fn rows<A>(applied: &[A], sentence: impl Into<String>, row: impl Fn(&A) -> (String, String)) -> Self {
        Outcome { rows: applied.iter().map(row).collect(), ..Outcome::sentence(sentence, None) }
    }

    /// A sentence, and the object it is about.
    pub fn sentence(text: impl Into<String>, go: impl Into<Option<Uuid>>) -> Self {
        Outcome { sentence: text.into(), go: go.into(), ..Outcome::default() }
    }

    /// Does each object for itself: `act` answers what it is and what became of it, or why nothing did. It may refuse
    /// only before it has written anything. A single object's refusal refuses the whole, beside the form.
    ///
    /// # Errors
    /// What is no refusal (anything but a 4xx); a single object's refusal.
    pub fn for_each(
        ids: &[Uuid],
        act: impl FnMut(Uuid) -> Result<(String, String), Problem>,
    ) -> Result<Outcome, Problem> {
        let RowResults { rows, refused, only } = results_by_row(ids, act)?;
        if let Some(refusal) = only {
            return Err(refusal);
        }
        let go = if let [only] = ids { Some(*only) } else { None };
        let done = Outcome { rows, refused, go, ..Outcome::default() };
        Ok(done.with_sentence(|count| format!("{count} done.")))
    }

    /// The same with another sentence, made of how many were done.
    #[must_use]
    pub fn with_sentence(mut self, words: impl FnOnce(usize) -> String) -> Self {
        self.sentence = counts_sentence(self.rows.len(), self.refused.len(), "Nothing was done.", words);
        self
    }
}

/// What each object answered.
struct RowResults {
    rows: Vec<(String, String)>,
    refused: Vec<(Uuid, String)>,
    /// The refusal of a single object.
    only: Option<Problem>,
}

fn results_by_row(
    ids: &[Uuid],
    mut each: impl FnMut(Uuid) -> Result<(String, String), Problem>,
) -> Result<RowResults, Problem> {
    let mut sorted = RowResults { rows: Vec::with_capacity(ids.len()), refused: Vec::new(), only: None };
    for id in ids {
        match each(*id) {
            Ok(row) => sorted.rows.push(row),
            Err(problem) if !(400..500).contains(&problem.code().status) => return Err(problem),
            Err(problem) if ids.len() == 1 => sorted.only = Some(problem),
            Err(problem) => sorted.refused.push((*id, problem.detail().to_owned())),
        }
    }
    Ok(sorted)
}

fn counts_sentence(done: usize, refused: usize, nothing: &str, words: impl FnOnce(usize) -> String) -> String {
    let sentence = if done == 0 && refused > 0 { String::new() } else { words(done) };
    refused_too(sentence, done, refused, nothing)
}

/// A sentence on what was done, with how many were refused; `nothing` stands in its place where nothing was done.
pub(crate) fn refused_too(sentence: String, done: usize, refused: usize, nothing: &str) -> String {
    let sentence = if done == 0 && refused > 0 { nothing.to_owned() } else { sentence };
    match refused {
        0 => sentence,
        1 => format!("{sentence} 1 not, for the reason beside it."),
        _ => format!("{sentence} {refused} not, each with its reason."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;

    fn ids(count: u128) -> Vec<Uuid> {
        (1..=count).map(Uuid::from_u128).collect()
    }

    fn odd_only(id: Uuid) -> Result<(String, String), Problem> {
        let odd = id.as_u128() % 2 == 1;
        if odd { Ok(("odd".into(), "done".into())) } else { Err(Problem::new(&code::CONFLICT, "It is even.")) }
    }

    #[test]
    fn of_many_those_that_can_be_done_are_and_the_others_say_why() {
        let done = Outcome::for_each(&ids(5), odd_only).unwrap();
        assert_eq!(
            (done.rows.len(), done.sentence.as_str(), done.go),
            (3, "3 done. 2 not, each with its reason.", None)
        );
        assert_eq!(done.refused[0], (Uuid::from_u128(2), "It is even.".to_owned()));
        let preview =
            Preview::for_each(&ids(4), odd_only).unwrap().with_sentence(|count| format!("{count} will be done."));
        assert_eq!(preview.sentence, "2 will be done. 2 not, each with its reason.");
        let none = Outcome::for_each(&[Uuid::from_u128(2), Uuid::from_u128(4)], odd_only).unwrap();
        assert_eq!(none.sentence, "Nothing was done. 2 not, each with its reason.");
    }

    #[test]
    fn a_single_object_is_refused_as_a_whole() {
        let even = [Uuid::from_u128(2)];
        assert_eq!(Outcome::for_each(&even, odd_only).unwrap_err().detail(), "It is even.");
        assert_eq!(Preview::for_each(&even, odd_only).unwrap().obstacle.as_deref(), Some("It is even."));
        assert_eq!(Outcome::for_each(&ids(1), odd_only).unwrap().go, Some(Uuid::from_u128(1)));
    }

    #[test]
    fn what_is_no_refusal_fails_the_whole() {
        let failed = Outcome::for_each(&ids(3), |id| {
            if id.as_u128() == 3 { Err(Problem::new(&code::BUSY, "Later.")) } else { odd_only(id) }
        });
        assert_eq!(failed.unwrap_err().code().status, 503);
    }

    #[test]
    fn an_answer_that_was_kept_before_there_were_reports_is_still_read() {
        let kept: Outcome = serde_json::from_str(r#"{"sentence":"Done.","rows":[],"go":null}"#).unwrap();
        assert!(kept.refused.is_empty());
    }
}
