//! purser-money
