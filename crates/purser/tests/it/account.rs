//! People and their accounts, as their owners use them and as thieves try to.

mod cookies;
mod earlier;
mod effort;
mod links;
mod mails;
mod photo;
mod revocations;
mod rights;
mod second_factor;
mod sessions;
mod strangers;
mod traces;
