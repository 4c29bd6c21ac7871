//! The command line.

pub mod import;
pub mod progress;
