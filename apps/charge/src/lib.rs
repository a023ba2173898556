//! purser-charge
