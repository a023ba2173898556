//! purser-outbox
