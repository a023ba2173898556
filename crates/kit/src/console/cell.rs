//! What stands in one place of a table or of a page.

use jiff::Timestamp;
use purser_money::Money;

/// A value as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing is known.
    Nothing,
    /// Text, shown as it is.
    Text(String),
    /// What another program calls something, shown as it is: text that reads like the name of a person is no person.
    UserText(String),
    /// A whole number.
    Number(i64),
    /// An amount with its currency.
    Money(Money),
    /// A moment.
    Time(Timestamp),
    /// A state: its word and how it looks.
    Badge(Tone, String),
    /// Text that leads somewhere in the console.
    Link(String, String),
}

/// How a state looks. Its word says the same, so that color is never needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Somebody must act.
    Waiting,
    /// Something is wrong.
    Bad,
    /// Neither.
    Quiet,
}

impl Tone {
    /// Its class in the stylesheet.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Waiting => "waiting",
            Tone::Bad => "bad",
            Tone::Quiet => "quiet",
        }
    }
}

impl Cell {
    /// Text; nothing where there is none.
    #[must_use]
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Cell::Nothing, |text| Cell::Text(text.into()))
    }

    /// A moment; nothing where there was none.
    #[must_use]
    pub fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Cell::Nothing, Cell::Time)
    }

    /// A link to another object of the console.
    #[must_use]
    pub fn object(text: impl Into<String>, app: &str, resource: &str, id: uuid::Uuid) -> Self {
        Cell::Link(text.into(), format!("/admin/{app}/{resource}/{id}/"))
    }

    /// The plain value, for exports.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Cell::Nothing => String::new(),
            Cell::Text(text) | Cell::UserText(text) | Cell::Badge(_, text) | Cell::Link(text, _) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Money(money) => money.to_string(),
            Cell::Time(time) => time.to_string(),
        }
    }
}
