//! People and their accounts, as their owners use them and as thieves try to.

mod effort;
mod links;
mod photo;
mod rights;
mod second_factor;
mod sessions;
