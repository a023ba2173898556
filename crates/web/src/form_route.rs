//! Every form of the site, and what it does: for the tests, which walk all of them.
//!
//! The table of a part's pages has a column for it, so a page cannot be added without saying what its form does.

use purser_kit::CommandSpec;

/// What the form of a page does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FormEffect {
    /// There is none.
    None,
    /// Each action, portal action or upload says it.
    Each,
    /// This command.
    Runs(&'static CommandSpec),
    /// One of these, by what is changed.
    Either(&'static CommandSpec, &'static CommandSpec),
    /// No command: whoever sends it proves who they are in the form itself, or needs to prove nothing. The reason.
    Own(&'static str),
}

/// A form.
#[derive(Debug, Clone)]
pub struct FormRoute {
    /// Where it is sent to; an action by its name.
    pub path: String,
    /// What it does.
    pub commands: Vec<&'static CommandSpec>,
    /// Why it runs no command, where it does not.
    pub own: Option<&'static str>,
}

impl FormRoute {
    pub(crate) fn of(path: impl Into<String>, command: &'static CommandSpec) -> Self {
        FormRoute { path: path.into(), commands: vec![command], own: None }
    }

    /// The forms of a table of pages; of those where each thing says it, none.
    pub(crate) fn table<'t>(pages: impl IntoIterator<Item = (&'t str, FormEffect)>) -> Vec<Self> {
        let door = |(path, form): (&str, FormEffect)| match form {
            FormEffect::None | FormEffect::Each => None,
            FormEffect::Runs(command) => Some(FormRoute::of(path, command)),
            FormEffect::Either(one, other) => {
                Some(FormRoute { commands: vec![one, other], ..FormRoute::of(path, one) })
            }
            FormEffect::Own(why) => Some(FormRoute { path: path.to_owned(), commands: Vec::new(), own: Some(why) }),
        };
        pages.into_iter().filter_map(door).collect()
    }
}
