//! purser-identity
