//! purser-ledger
