//! The pages in a real browser, by a person who goes by what is written on them.

mod axe;
mod coins;
mod console;
mod driver;
mod keyboard;
mod members;
mod pages;
mod pictures;
mod tab;
mod walks;
