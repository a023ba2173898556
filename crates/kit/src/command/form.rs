//! Forms: each field once, with the type that it reads into.
//!
//! A [`FormField`] says how a field is shown and how it is read. A [`Form`] is several of them and reads all at once, so
//! that every mistake is told in one answer. JSON bodies, HTML forms, flags of the command line and the API's
//! description are all made from it.

use purser_money::{Currency, Money};
use uuid::Uuid;

use crate::Code;
use crate::console::{Field, Input};
use crate::fields::{Fields, Rule};
use crate::problem::Problem;

type ReadFn<T> = Box<dyn Fn(&mut Fields<'_>, &'static str) -> Option<T> + Send + Sync>;
type ReadAllFn<I> = Box<dyn Fn(&mut Fields<'_>) -> Option<I> + Send + Sync>;
type BlankFn<I> = Box<dyn Fn() -> I + Send + Sync>;

/// A field, and the type that it reads into.
pub struct FormField<T> {
    field: Field,
    read: ReadFn<T>,
}

impl<T: 'static> FormField<T> {
    /// A field that `read` reads: `None` where nothing was sent, or where a mistake is recorded.
    pub fn new(
        field: Field,
        read: impl Fn(&mut Fields<'_>, &'static str) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        FormField { field, read: Box::new(read) }
    }

    /// A line that `parse` turns into a type of its own.
    pub fn parsed(
        name: &'static str,
        title: &'static str,
        help: &'static str,
        parse: impl Fn(&str) -> Result<T, Rule> + Send + Sync + 'static,
    ) -> Self {
        FormField::new(Field::line(name, title, help), move |fields, name| fields.parsed(name, &parse))
    }

    /// The same of a number that JSON may have without quotes.
    pub fn digits(
        name: &'static str,
        title: &'static str,
        help: &'static str,
        parse: impl Fn(&str) -> Result<T, Rule> + Send + Sync + 'static,
    ) -> Self {
        FormField::new(Field::line(name, title, help), move |fields, name| fields.parsed_digits(name, &parse))
    }

    /// The same with another way to enter it.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.field.input = input;
        self
    }

    /// The same, which may stay empty.
    #[must_use]
    pub fn optional(self) -> FormField<Option<T>> {
        let read = self.read;
        FormField { field: self.field.optional(), read: Box::new(move |fields, name| Some(read(fields, name))) }
    }

    /// The same, with a value where it stays empty.
    #[must_use]
    pub fn or(self, default: T) -> Self
    where
        T: Clone + Send + Sync,
    {
        let read = self.read;
        FormField {
            field: self.field.optional(),
            read: Box::new(move |fields, name| Some(read(fields, name).unwrap_or_else(|| default.clone()))),
        }
    }
}

impl FormField<Uuid> {
    /// An id. Where a page can list the objects, [`Hooks::choices`](super::Hooks::choices) does.
    #[must_use]
    pub fn id(name: &'static str, title: &'static str, help: &'static str) -> Self {
        let field = Field::line(name, title, help).input(Input::Choice(Vec::new()));
        FormField::new(field, |fields, name| fields.id(name))
    }
}

impl FormField<String> {
    /// A line of `min` to `max` characters.
    #[must_use]
    pub fn line(name: &'static str, title: &'static str, help: &'static str, min: usize, max: usize) -> Self {
        FormField::new(Field::line(name, title, help), move |fields, name| fields.line(name, min, max))
    }
}

impl FormField<Money> {
    /// An amount of more than zero and at most `most`.
    #[must_use]
    pub fn amount(name: &'static str, title: &'static str, help: &'static str, most: Money) -> Self {
        FormField::new(Field::line(name, title, help).input(Input::Amount), move |fields, name| {
            let amount = fields.amount(name, most.currency())?;
            let rule = match amount {
                amount if !amount.is_positive() => Rule::new("not_positive", "be more than zero"),
                amount if amount > most => Rule::new("too_large", format!("be at most {most}")),
                amount => return Some(amount),
            };
            fields.refuse(name, &amount.to_string(), rule)
        })
    }

    /// An amount by a rule of its own.
    pub fn amount_by(
        name: &'static str,
        title: &'static str,
        help: &'static str,
        currency: Currency,
        rule: impl Fn(Money) -> Result<Money, Rule> + Send + Sync + 'static,
    ) -> Self {
        FormField::new(Field::line(name, title, help).input(Input::Amount), move |fields, name| {
            let amount = fields.amount(name, currency)?;
            rule(amount).map_or_else(|rule| fields.refuse(name, &amount.to_string(), rule), Some)
        })
    }

    /// An amount of zero or more.
    #[must_use]
    pub fn amount_from_zero(name: &'static str, title: &'static str, help: &'static str, currency: Currency) -> Self {
        let field = Field::line(name, title, help).input(Input::Amount);
        FormField::new(field, move |fields, name| fields.amount_from_zero(name, currency))
    }
}

impl FormField<bool> {
    /// A tick that is asked for only after a refusal with this code, and says that it is meant all the same.
    #[must_use]
    pub fn second_yes(name: &'static str, title: &'static str, says: &'static str, after: &Code) -> Self {
        let field = Field::second_yes(name, title, says, after);
        FormField::new(field, |fields, name| Some(fields.flag(name) == Some(true)))
    }
}

/// Fields that are read together.
pub trait FieldSet: Send + Sync + 'static {
    /// What they read into.
    type Value;

    /// How they are shown.
    fn form_fields(&self) -> Vec<Field>;

    /// Reads all of them; `None` where one is missing or wrong.
    fn read(&self, fields: &mut Fields<'_>) -> Option<Self::Value>;
}

impl<T: 'static> FieldSet for FormField<T> {
    type Value = T;

    fn form_fields(&self) -> Vec<Field> {
        vec![self.field.clone()]
    }

    fn read(&self, fields: &mut Fields<'_>) -> Option<T> {
        let value = (self.read)(fields, self.field.name);
        fields.required(self.field.name, value)
    }
}

impl FieldSet for () {
    type Value = ();

    fn form_fields(&self) -> Vec<Field> {
        Vec::new()
    }

    fn read(&self, _: &mut Fields<'_>) -> Option<()> {
        Some(())
    }
}

macro_rules! field_sets {
    ($($set:ident),+) => {
        impl<$($set: FieldSet),+> FieldSet for ($($set,)+) {
            type Value = ($($set::Value,)+);

            fn form_fields(&self) -> Vec<Field> {
                #[expect(non_snake_case, reason = "each part is named by its type")]
                let ($($set,)+) = self;
                [$($set.form_fields()),+].concat()
            }

            fn read(&self, fields: &mut Fields<'_>) -> Option<Self::Value> {
                #[expect(non_snake_case, reason = "each part is named by its type")]
                let ($($set,)+) = self;
                // Each is read before any is looked at, so that every mistake is told.
                #[expect(non_snake_case, reason = "each part is named by its type")]
                let ($($set,)+) = ($($set.read(fields),)+);
                Some(($($set?,)+))
            }
        }
    };
}

field_sets!(A, B);
field_sets!(A, B, C);
field_sets!(A, B, C, D);
field_sets!(A, B, C, D, E);
field_sets!(A, B, C, D, E, F);
field_sets!(A, B, C, D, E, F, G);
field_sets!(A, B, C, D, E, F, G, H);

/// The whole form of a command.
pub struct Form<I> {
    form_fields: Vec<Field>,
    read: ReadAllFn<I>,
    blank: Option<BlankFn<I>>,
}

impl Form<()> {
    /// A form without fields.
    #[must_use]
    pub fn empty() -> Self {
        Form::of(())
    }
}

impl<I: 'static> Form<I> {
    /// A form of these fields.
    pub fn of(set: impl FieldSet<Value = I>) -> Self {
        Form { form_fields: set.form_fields(), read: Box::new(move |fields| set.read(fields)), blank: None }
    }

    /// The same, read into another type.
    pub fn map<T>(self, into: impl Fn(I) -> T + Send + Sync + 'static) -> Form<T> {
        let read = self.read;
        Form { form_fields: self.form_fields, read: Box::new(move |fields| read(fields).map(&into)), blank: None }
    }

    /// These fields, and then those of another form.
    #[must_use]
    pub fn and<T: 'static>(self, other: Form<T>) -> Form<(I, T)> {
        let (first, second) = (self.read, other.read);
        let read = Box::new(move |fields: &mut Fields<'_>| {
            let (first, second) = (first(fields), second(fields));
            first.zip(second)
        });
        Form { form_fields: [self.form_fields, other.form_fields].concat(), read, blank: None }
    }

    /// The same, read into another type where the fields fit each other: `into` records what does not and answers `None`.
    pub fn refined<T>(self, into: impl Fn(&mut Fields<'_>, I) -> Option<T> + Send + Sync + 'static) -> Form<T> {
        let read = self.read;
        let read = Box::new(move |fields: &mut Fields<'_>| {
            let input = read(fields)?;
            into(fields, input)
        });
        Form { form_fields: self.form_fields, read, blank: None }
    }

    /// The same of a form whose input decides nothing, such as a reason: the plan is shown before anything is entered,
    /// with this in its place.
    #[must_use]
    pub fn previewed_with(self, blank: I) -> Self
    where
        I: Clone + Send + Sync,
    {
        Form { blank: Some(Box::new(move || blank.clone())), ..self }
    }

    /// The input to show a plan with before anything is entered; `None` where the plan rests on what is entered.
    pub(super) fn blank(&self) -> Option<I> {
        match &self.blank {
            Some(blank) => Some(blank()),
            None if self.form_fields.iter().any(|field| field.required) => None,
            None => self.read(Fields::from_form(Vec::new())).ok(),
        }
    }

    /// How its fields are shown, empty.
    #[must_use]
    pub fn form_fields(&self) -> &[Field] {
        &self.form_fields
    }

    /// Reads what was sent.
    ///
    /// # Errors
    /// Every mistake at once, each by its field: [`Fields::finish`].
    pub fn read(&self, mut fields: Fields<'_>) -> Result<I, Problem> {
        let input = (self.read)(&mut fields);
        fields.finish(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form<(Money, Option<String>, bool)> {
        Form::of((
            FormField::amount("amount", "Amount", "More than zero.", Money::new(10_000, Currency::INR)),
            FormField::line("note", "Note", "For whoever reads it.", 1, 5).optional(),
            FormField::second_yes("again", "Again", "It is meant", &crate::code::CONFLICT),
        ))
    }

    #[test]
    fn a_form_reads_the_same_from_json_and_from_a_page() {
        let json = form().read(Fields::from_json(br#"{"amount": 5.00, "note": "x", "again": true}"#).unwrap()).unwrap();
        let pairs = [("amount", "5.00"), ("note", "x"), ("again", "yes")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let page = form().read(Fields::from_form(pairs.to_vec())).unwrap();
        assert_eq!(json, (Money::new(500, Currency::INR), Some("x".to_owned()), true));
        assert_eq!(json, page);
    }

    #[test]
    fn every_mistake_of_a_form_is_told_at_once() {
        let wrong = form().read(Fields::from_json(br#"{"note": "too long", "other": 1}"#).unwrap()).unwrap_err();
        let told: Vec<_> = wrong.errors().iter().map(|error| (error.field.as_ref(), error.code)).collect();
        assert_eq!(told, [("amount", "required"), ("note", "too_long"), ("other", "unknown")]);
        let much = form().read(Fields::from_json(br#"{"amount": 100.01}"#).unwrap()).unwrap_err();
        assert_eq!(much.errors()[0].field, "amount");
    }

    #[test]
    fn what_may_stay_empty_is_shown_so() {
        let form = form();
        let shown: Vec<_> = form.form_fields().iter().map(|field| (field.name, field.required)).collect();
        assert_eq!(shown, [("amount", true), ("note", false), ("again", false)]);
    }
}
