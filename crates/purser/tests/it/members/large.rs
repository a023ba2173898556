//! A hundred thousand members: uploaded, and one of them expires.
use purser_testkit::{TestDb, both};
both! {}
