//! purser-kit
