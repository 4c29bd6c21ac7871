//! What the integration tests and the benchmarks stand on: private servers, and mail whose verdict is known.
#![allow(dead_code, reason = "shared by the integration tests and the benchmarks, neither of which needs every helper")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a support function that fails is a failed test"
)]

pub mod appender;
pub mod browser;
pub mod chromium;
pub mod dovecot;
pub mod dovecot_conf;
pub mod dump;
pub mod events;
pub mod faults;
pub mod forward;
pub mod guard;
pub mod inbox;
pub mod mail;
pub mod post;
pub mod postgres;
pub mod receiver;
pub mod scrape;
pub mod world;

use std::path::Path;

/// Set by `scripts/test`: a server that is not installed fails the tests instead of skipping them.
const REQUIRE: &str = "MAILTRAIL_REQUIRE_LIVE";

/// Whether this process runs as root: servers then have to be given a user of their own.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Says that a tier is left out, or fails where it must not be.
fn missing(what: &str, package: &str) {
    let advice = format!("{what} is not installed (Debian package {package})");
    assert!(std::env::var_os(REQUIRE).is_none(), "{advice}, and {REQUIRE} is set");
    eprintln!("skipped: {advice}");
}

/// The end of a log, for the message of a failed start.
fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
