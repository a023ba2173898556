//! purser-testkit
