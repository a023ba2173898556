//! Lists, read page by page: every page costs the same, however far down it is.
//!
//! A page begins after the last row of the one before it (its sort value and its id), never at an offset.

mod totals;

use jiff::Timestamp;
use purser_money::{Currency, Money};
use purser_store::{Engine, Error as StoreError, Param, ReadTx, Row};
use uuid::Uuid;

use super::cell::{Cell, Tone};
use crate::reference::reference_form;
pub use totals::ListTotals;

/// How a kind of object is listed. The SQL in it is the app's own and never comes from outside.
pub struct Listing {
    /// What follows FROM: `charge_seller s JOIN …`. Each row of the first table is in the list once, whatever is joined.
    pub from: &'static str,
    /// The object's id, which grows with time: the order where no other is asked for, newest first.
    pub id: &'static str,
    /// What is shown. The first column links to the object.
    pub columns: Vec<Column>,
    /// What a search looks at; empty for no search.
    pub search: &'static [Search],
    /// What the list can be narrowed to.
    pub filters: &'static [Filter],
}

/// A column.
pub struct Column {
    /// Its name in addresses and exports.
    pub name: &'static str,
    /// Its head.
    pub title: &'static str,
    /// Its expression.
    pub sql: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether the list can be ordered by it. Only for an expression that is never NULL, and that has an index
    /// wherever there can be many rows.
    pub sorts: bool,
    /// Whether the list can be narrowed to days of it. Only for a moment, and one that has an index wherever there can
    /// be many rows.
    pub dated: bool,
}

impl Column {
    /// A column that the list is not ordered by.
    #[must_use]
    pub fn new(name: &'static str, title: &'static str, sql: &'static str, kind: ColumnKind) -> Self {
        Column { name, title, sql, kind, sorts: false, dated: false }
    }

    /// The same, by which the list can be ordered.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sorts = true;
        self
    }

    /// The same, to whose days the list can be narrowed.
    #[must_use]
    pub fn dated(mut self) -> Self {
        self.dated = true;
        self
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// What another program calls something.
    UserText,
    /// A whole number.
    Number,
    /// Minor units of this currency.
    Money(Currency),
    /// A moment.
    Time,
    /// One of these words.
    Choice(&'static [Choice]),
}

impl ColumnKind {
    /// Whether it stands to the right.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, ColumnKind::Number | ColumnKind::Money(_))
    }
}

/// A word in the database, and how it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The word.
    pub value: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// How it looks.
    pub tone: Tone,
}

/// How a search finds rows.
#[derive(Debug, Clone, Copy)]
pub enum Search {
    /// Anywhere in the text, in any case. For tables that stay small.
    Within(&'static str),
    /// At the beginning, as it is written. An index makes this quick in any table.
    Begins(&'static str),
    /// At the beginning of a text that is kept in lower case, in any case. As quick as [`Search::Begins`].
    BeginsLower(&'static str),
    /// The same, of a text that is kept in upper case.
    BeginsUpper(&'static str),
    /// At the beginning of a payment's reference that is kept as its [`reference_form`] without leading zeros: whatever
    /// its case, spaces and punctuation. As quick as [`Search::Begins`].
    BeginsReference(&'static str),
    /// An id, written whole.
    Id(&'static str),
}

/// Something that a list can be narrowed to.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Its name in addresses.
    pub name: &'static str,
    /// Its label.
    pub title: &'static str,
    /// The value in addresses, the same for people, and the condition.
    pub choices: &'static [(&'static str, &'static str, &'static str)],
}

/// Moments that a list is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    /// The column, by its name.
    pub column: String,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this one.
    pub until: Option<Timestamp>,
}

/// In which direction a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Up,
    /// Largest first.
    Down,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// What is searched for.
    pub search: Option<String>,
    /// Filters and their values.
    pub filters: Vec<(String, String)>,
    /// Columns of moments, and what they are narrowed to.
    pub spans: Vec<TimeRange>,
    /// The column to order by, by its name; `None` for the newest first.
    pub sort: Option<(String, Direction)>,
    /// Where no column is named: the oldest first.
    pub oldest: bool,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Rows, at most.
    pub limit: u32,
}

/// A page of a list.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// The rows: each object's id and its cells.
    pub rows: Vec<(Uuid, Vec<Cell>)>,
    /// Where the next page begins, where there is one.
    pub next: Option<String>,
}

/// A bound value that the statement keeps for itself.
#[derive(Debug, PartialEq, Eq)]
enum Bound {
    Int(i64),
    Text(String),
    Id(Uuid),
}

impl Bound {
    fn param(&self) -> Param<'_> {
        match self {
            Bound::Int(value) => Param::Int(*value),
            Bound::Text(value) => Param::Text(value),
            Bound::Id(value) => Param::Uuid(*value),
        }
    }
}

impl Listing {
    /// Reads a page. A sort, filter or cursor that the list does not have is passed over: an old address still works. A
    /// value that a filter does not have fits nothing.
    ///
    /// # Errors
    /// The store's.
    pub fn page(&self, tx: &mut ReadTx<'_>, query: &ListQuery) -> Result<ListPage, StoreError> {
        let sort = self.sort(query);
        let (sql, bound) = self.statement(tx.engine(), query, sort);
        let params: Vec<Param<'_>> = bound.iter().map(Bound::param).collect();
        let limit = query.limit as usize;
        let mut rows = tx.query(&sql, &params, |row| self.read(row, sort))?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(id, value, _)| format!("{value}~{id}"));
        Ok(ListPage { rows: rows.into_iter().map(|(id, _, cells)| (id, cells)).collect(), next })
    }

    /// The column to order by, where there is one of that name that can be.
    fn sort(&self, query: &ListQuery) -> Option<(&Column, Direction)> {
        let (name, direction) = query.sort.as_ref()?;
        let column = self.columns.iter().find(|column| column.sorts && column.name == name)?;
        Some((column, *direction))
    }

    /// The column of moments of this name.
    fn dated(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.dated && column.name == name)
    }

    fn statement(&self, engine: Engine, query: &ListQuery, sort: Option<(&Column, Direction)>) -> (String, Vec<Bound>) {
        let mut bound = Vec::new();
        let mut conditions = self.all_conditions(engine, query, &mut bound);
        let mut bind = |value: Bound| {
            bound.push(value);
            format!("?{}", bound.len())
        };
        let unsorted = if query.oldest { Direction::Up } else { Direction::Down };
        let (sign, order) = match sort.map_or(unsorted, |(_, direction)| direction) {
            Direction::Up => (">", "ASC"),
            Direction::Down => ("<", "DESC"),
        };
        if let Some((value, id)) =
            query.after.as_deref().and_then(|after| cursor(after, sort.map(|(column, _)| column)))
        {
            conditions.push(match (sort, value) {
                (Some((column, _)), Some(value)) => {
                    format!("({}, {}) {sign} ({}, {})", column.sql, self.id, bind(value), bind(Bound::Id(id)))
                }
                _ => format!("{} {sign} {}", self.id, bind(Bound::Id(id))),
            });
        }
        let columns: Vec<&str> = self.columns.iter().map(|column| column.sql).collect();
        let wanted = totals::where_clause(&conditions);
        let first = sort.map_or(String::new(), |(column, _)| format!("{} {order}, ", column.sql));
        let sql = format!(
            "SELECT {id}, {columns} FROM {from}{wanted} ORDER BY {first}{id} {order} LIMIT {limit}",
            id = self.id,
            columns = columns.join(", "),
            from = self.from,
            limit = u64::from(query.limit) + 1,
        );
        (sql, bound)
    }

    /// The conditions of the filters, the days and the search, and the values that they bind.
    fn all_conditions(&self, engine: Engine, query: &ListQuery, bound: &mut Vec<Bound>) -> Vec<String> {
        let mut conditions: Vec<String> = self.conditions(query);
        let mut bind = |value: Bound| {
            bound.push(value);
            format!("?{}", bound.len())
        };
        for (span, column) in query.spans.iter().filter_map(|span| Some((span, self.dated(&span.column)?))) {
            for (moment, sign) in [(span.from, ">="), (span.until, "<")] {
                let bound = moment.map(|moment| bind(Bound::Int(moment.as_microsecond())));
                conditions.extend(bound.map(|bound| format!("{} {sign} {bound}", column.sql)));
            }
        }
        if let Some(search) = query.search.as_deref().map(str::trim).filter(|search| !search.is_empty())
            && !self.search.is_empty()
        {
            let ways = self.search.iter().filter_map(|way| way.condition(engine, search, &mut bind));
            let ways: Vec<String> = ways.collect();
            conditions.push(if ways.is_empty() { "1 = 0".to_owned() } else { format!("({})", ways.join(" OR ")) });
        }
        conditions
    }

    fn conditions(&self, query: &ListQuery) -> Vec<String> {
        let chosen = |(name, value): &(String, String)| {
            let filter = self.filters.iter().find(|filter| filter.name == name)?;
            let choice = filter.choices.iter().find(|(word, ..)| word == value);
            // Nobody is to choose everything because a word was misspelled.
            Some(choice.map_or_else(|| "1 = 0".to_owned(), |(.., condition)| format!("({condition})")))
        };
        query.filters.iter().filter_map(chosen).collect()
    }

    fn read(&self, row: &Row<'_>, sort: Option<(&Column, Direction)>) -> Result<(Uuid, String, Vec<Cell>), StoreError> {
        let mut cells = Vec::with_capacity(self.columns.len());
        let mut value = String::new();
        for (index, column) in self.columns.iter().enumerate() {
            if sort.is_some_and(|(sorted, _)| sorted.name == column.name) {
                value = column.kind.cursor_value(row, index + 1)?;
            }
            cells.push(column.kind.read(row, index + 1)?);
        }
        Ok((row.get(0)?, value, cells))
    }
}

impl ColumnKind {
    fn read(self, row: &Row<'_>, index: usize) -> Result<Cell, StoreError> {
        Ok(match self {
            ColumnKind::Text => Cell::text(row.get::<Option<String>>(index)?),
            ColumnKind::UserText => row.get::<Option<String>>(index)?.map_or(Cell::Nothing, Cell::UserText),
            ColumnKind::Number => row.get::<Option<i64>>(index)?.map_or(Cell::Nothing, Cell::Number),
            ColumnKind::Money(currency) => {
                let minor = row.get::<Option<i64>>(index)?;
                minor.map_or(Cell::Nothing, |minor| Cell::Money(Money::new(minor, currency)))
            }
            ColumnKind::Time => Cell::time(row.get::<Option<Timestamp>>(index)?),
            ColumnKind::Choice(choices) => {
                row.get::<Option<String>>(index)?.map_or(Cell::Nothing, |word| badge(choices, word))
            }
        })
    }

    /// The value as a cursor keeps it.
    fn cursor_value(self, row: &Row<'_>, index: usize) -> Result<String, StoreError> {
        match self {
            ColumnKind::Text | ColumnKind::UserText | ColumnKind::Choice(_) => row.get::<String>(index),
            ColumnKind::Number | ColumnKind::Money(_) => row.get::<i64>(index).map(|number| number.to_string()),
            ColumnKind::Time => row.get::<Timestamp>(index).map(|time| time.as_microsecond().to_string()),
        }
    }
}

/// A word as one of `choices` shows it; one that is not among them stands for itself.
fn badge(choices: &[Choice], word: String) -> Cell {
    match choices.iter().find(|choice| choice.value == word) {
        Some(choice) => Cell::Badge(choice.tone, choice.title.to_owned()),
        None => Cell::Badge(Tone::Quiet, word),
    }
}

/// The sort value and the id that a page begins after.
fn cursor(text: &str, sort: Option<&Column>) -> Option<(Option<Bound>, Uuid)> {
    let (value, id) = text.rsplit_once('~')?;
    let id = Uuid::try_parse(id).ok()?;
    let Some(column) = sort else { return Some((None, id)) };
    let value = match column.kind {
        ColumnKind::Text | ColumnKind::UserText | ColumnKind::Choice(_) => Bound::Text(value.to_owned()),
        ColumnKind::Number | ColumnKind::Money(_) | ColumnKind::Time => Bound::Int(value.parse().ok()?),
    };
    Some((Some(value), id))
}

impl Search {
    /// `None` where it cannot be what is searched for.
    fn condition(self, engine: Engine, search: &str, bind: &mut impl FnMut(Bound) -> String) -> Option<String> {
        Some(match self {
            Search::Id(sql) => format!("{sql} = {}", bind(Bound::Id(Uuid::try_parse(search).ok()?))),
            Search::Within(sql) => {
                let pattern = format!("%{}%", escaped(&search.to_lowercase()));
                format!("lower({sql}) LIKE {} ESCAPE '\\'", bind(Bound::Text(pattern)))
            }
            Search::Begins(sql) => begins(engine, sql, search.to_owned(), bind),
            Search::BeginsLower(sql) => begins(engine, sql, search.to_lowercase(), bind),
            Search::BeginsUpper(sql) => begins(engine, sql, search.to_uppercase(), bind),
            Search::BeginsReference(sql) => {
                let key = reference_form(search);
                let key = key.trim_start_matches('0');
                if key.is_empty() {
                    return None;
                }
                begins(engine, sql, key.to_owned(), bind)
            }
        })
    }
}

fn begins(engine: Engine, sql: &str, with: String, bind: &mut impl FnMut(Bound) -> String) -> String {
    match engine {
        Engine::Postgres => format!("{sql} LIKE {} ESCAPE '\\'", bind(Bound::Text(format!("{}%", escaped(&with))))),
        // There LIKE minds no case, and so no index.
        Engine::Sqlite => {
            let end = format!("{with}\u{10FFFF}");
            let (from, to) = (bind(Bound::Text(with)), bind(Bound::Text(end)));
            format!("({sql} >= {from} AND {sql} < {to})")
        }
    }
}

/// Text in which LIKE finds nothing special.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        Listing {
            from: "thing AS t",
            id: "t.id",
            columns: vec![
                Column::new("name", "Name", "t.name", ColumnKind::Text).sorted(),
                Column::new("size", "Size", "t.size", ColumnKind::Number),
                Column::new("made", "Made", "t.made_at", ColumnKind::Time).dated(),
            ],
            search: &[Search::Within("t.name"), Search::Begins("t.code"), Search::Id("t.id")],
            filters: &[Filter {
                name: "state",
                title: "State",
                choices: &[("open", "Open", "t.closed IS NULL"), ("closed", "Closed", "t.closed IS NOT NULL")],
            }],
        }
    }

    fn sql(query: &ListQuery) -> (String, usize) {
        let listing = listing();
        let (sql, bound) = listing.statement(Engine::Sqlite, query, listing.sort(query));
        (sql, bound.len())
    }

    #[test]
    fn the_newest_come_first() {
        let query = ListQuery { limit: 50, ..ListQuery::default() };
        assert_eq!(
            sql(&query),
            ("SELECT t.id, t.name, t.size, t.made_at FROM thing AS t ORDER BY t.id DESC LIMIT 51".to_owned(), 0)
        );
    }

    #[test]
    fn a_page_begins_after_the_last_row_of_the_one_before() {
        let id = Uuid::from_u128(7);
        let sort = Some(("name".to_owned(), Direction::Up));
        let query = ListQuery { sort, after: Some(format!("a~b~{id}")), limit: 2, ..ListQuery::default() };
        let expected = "SELECT t.id, t.name, t.size, t.made_at FROM thing AS t WHERE (t.name, t.id) > (?1, ?2) \
                        ORDER BY t.name ASC, t.id ASC LIMIT 3";
        assert_eq!(sql(&query), (expected.to_owned(), 2));
    }

    #[test]
    fn nothing_from_outside_reaches_the_statement_but_as_a_value() {
        let query = ListQuery {
            search: Some("x' OR 1=1 --".to_owned()),
            filters: vec![("state".into(), "open".into()), ("state".into(), "1=1".into()), ("nope".into(), "x".into())],
            spans: vec![TimeRange { column: "size".to_owned(), from: Some(Timestamp::UNIX_EPOCH), until: None }],
            sort: Some(("size".to_owned(), Direction::Down)),
            after: Some("nonsense".to_owned()),
            limit: 1,
            ..ListQuery::default()
        };
        let (sql, bound) = sql(&query);
        assert!(!sql.contains("1=1") && !sql.contains("--"), "{sql}");
        assert!(sql.contains("(t.closed IS NULL)") && sql.ends_with("ORDER BY t.id DESC LIMIT 2"), "{sql}");
        assert_eq!(bound, 3);
    }

    #[test]
    fn days_are_from_the_first_moment_of_one_up_to_the_end_of_another() {
        let (from, until) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(1).unwrap());
        let span = |from, until| TimeRange { column: "made".to_owned(), from, until };
        let where_of = |spans: Vec<TimeRange>| {
            let (sql, bound) = sql(&ListQuery { spans, limit: 1, ..ListQuery::default() });
            (sql.split(" WHERE ").nth(1).and_then(|rest| rest.split(" ORDER").next()).map(str::to_owned), bound)
        };
        let both = "t.made_at >= ?1 AND t.made_at < ?2".to_owned();
        assert_eq!(where_of(vec![span(Some(from), Some(until))]), (Some(both), 2));
        assert_eq!(where_of(vec![span(None, Some(until))]), (Some("t.made_at < ?1".to_owned()), 1));
        assert_eq!(where_of(vec![span(None, None)]), (None, 0));
    }

    #[test]
    fn all_are_counted_in_the_first_table_alone() {
        let of = |from| Listing { from, ..listing() }.table();
        assert_eq!(of("thing t JOIN owner o ON o.id = t.owner LEFT JOIN part p ON p.thing = t.id"), "thing t");
        assert_eq!(of("thing t LEFT JOIN part p ON p.thing = t.id JOIN owner o ON o.id = t.owner"), "thing t");
        assert_eq!(of("thing t"), "thing t");
    }

    #[test]
    fn the_oldest_come_first_where_that_is_asked_for() {
        let after = Some(format!("~{}", Uuid::from_u128(7)));
        let (sql, _) = sql(&ListQuery { oldest: true, after, limit: 2, ..ListQuery::default() });
        assert!(sql.ends_with("WHERE t.id > ?1 ORDER BY t.id ASC LIMIT 3"), "{sql}");
    }

    #[test]
    fn an_id_is_searched_for_only_where_it_can_be_one() {
        let found =
            |search: &str| sql(&ListQuery { search: Some(search.to_owned()), limit: 1, ..ListQuery::default() });
        let id = Uuid::from_u128(7).to_string();
        assert!(found(&id).0.contains("t.id = ?4") && found(&id).1 == 4, "{}", found(&id).0);
        assert!(!found("7").0.contains("t.id = "), "{}", found("7").0);
        let only = Listing { search: &[Search::Id("t.id")], ..listing() };
        let query = ListQuery { search: Some("7".to_owned()), limit: 1, ..ListQuery::default() };
        assert!(only.statement(Engine::Sqlite, &query, None).0.contains("WHERE 1 = 0 ORDER"));
    }

    #[test]
    fn what_is_kept_in_one_case_is_found_in_any() {
        let found = |search: Search, text: &str| {
            let mut bound = None;
            search.condition(Engine::Postgres, text, &mut |value| {
                bound = Some(value);
                "?1".to_owned()
            });
            bound
        };
        assert_eq!(found(Search::BeginsLower("t.upi"), "Asha@"), Some(Bound::Text("asha@%".to_owned())));
        assert_eq!(found(Search::BeginsUpper("t.utr"), "hdfc1"), Some(Bound::Text("HDFC1%".to_owned())));
        assert_eq!(found(Search::BeginsReference("t.utr"), "00-hdfc 1"), Some(Bound::Text("HDFC1%".to_owned())));
        assert_eq!(found(Search::Begins("t.code"), "Ab"), Some(Bound::Text("Ab%".to_owned())));
    }

    #[test]
    fn a_search_takes_every_character_for_itself() {
        assert_eq!(escaped("50%_a\\b"), "50\\%\\_a\\\\b");
    }
}
