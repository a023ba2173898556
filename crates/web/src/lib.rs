//! purser-web
