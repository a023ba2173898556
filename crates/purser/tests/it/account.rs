//! People and their accounts, as their owners use them and as thieves try to.

mod cookies;
mod earlier;
mod effort;
mod endings;
mod letters;
mod links;
mod photo;
mod rights;
mod second_factor;
mod sessions;
mod strangers;
mod traces;
