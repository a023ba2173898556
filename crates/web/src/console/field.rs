//! Fields of a form, ready for a template.

use purser_kit::Problem;
use purser_kit::console::{Field, Input};

/// A field, and what is wrong with what was entered.
pub(crate) struct FieldView {
    pub(crate) field: Field,
    pub(crate) errors: Vec<String>,
}

impl FieldView {
    /// A field with what was entered in it, and what is wrong with that.
    pub(crate) fn of(mut field: Field, entered: &[(String, String)], refused: Option<&Problem>) -> Self {
        let errors = refused.into_iter().flat_map(Problem::errors).filter(|error| error.field == field.name);
        let errors = errors.map(|error| error.message.clone()).collect();
        if let Some((_, value)) = entered.iter().find(|(name, _)| name == field.name) {
            field.value.clone_from(value);
        }
        FieldView { field, errors }
    }

    /// The fields of a form as they are asked for now: a second yes only after the refusal that it answers, and as long
    /// as it is given.
    pub(crate) fn all(fields: Vec<Field>, entered: &[(String, String)], refused: Option<&Problem>) -> Vec<FieldView> {
        let code = refused.map(|problem| problem.code().name);
        let is_given = |field: &Field| entered.iter().any(|(name, value)| name == field.name && !value.is_empty());
        let asked = |field: &Field| field.after.is_none() || field.after == code || is_given(field);
        fields.into_iter().filter(asked).map(|field| FieldView::of(field, entered, refused)).collect()
    }

    /// The choices of a field that has them.
    pub(crate) fn choices(&self) -> &[(String, String)] {
        match &self.field.input {
            Input::Choice(choices) => choices,
            _ => &[],
        }
    }

    /// What can be ticked.
    pub(crate) fn ticks(&self) -> &[(String, String)] {
        match &self.field.input {
            Input::Checkboxes(ticks) => ticks,
            _ => &[],
        }
    }

    pub(crate) fn is_ticked(&self, value: &str) -> bool {
        self.field.value.split_whitespace().any(|ticked| ticked == value)
    }

    /// Whether it is a box of several lines.
    pub(crate) fn is_area(&self) -> bool {
        self.field.input == Input::Area
    }

    /// The input's type.
    pub(crate) fn kind(&self) -> &'static str {
        match self.field.input {
            Input::Email => "email",
            Input::Date => "date",
            _ => "text",
        }
    }

    /// Which keyboard a phone shows.
    pub(crate) fn keyboard(&self) -> &'static str {
        match self.field.input {
            Input::Amount => "decimal",
            Input::Number => "numeric",
            _ => "text",
        }
    }

    /// What describes the input, for whoever hears the page.
    pub(crate) fn described(&self) -> String {
        let name = self.field.name;
        if self.errors.is_empty() { format!("{name}-help") } else { format!("{name}-error {name}-help") }
    }
}
