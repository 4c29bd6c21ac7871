//! Named places before and after every step that lasts, at which tests let the program die or fail.
//!
//! Without the feature `failpoints` of the crate `fail`, which tests alone switch on, a seam is nothing.

use crate::store::StoreError;
use crate::trouble::Trouble;

/// Every seam, in the order in which a message passes them. A test holds it against the code, and visits each.
pub const ALL: [&str; 29] = [
    "service.start",
    "connect.before",
    "token.claimed",
    "token.answered",
    "token.saved",
    "connect.after",
    "mailbox.found",
    "mailbox.opened",
    "epoch.adopted",
    "window.listed",
    "headers.fetched",
    "facts.read",
    "body.fetched",
    "blob.before",
    "blob.written",
    "blob.settled",
    "commit.before",
    "commit.begun",
    "commit.cursor",
    "commit.activities",
    "commit.watched",
    "commit.ledger",
    "commit.after",
    "poll.before",
    "poll.after",
    "note.before",
    "note.after",
    "late.before",
    "late.after",
];

/// What a test injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a test made {0} fail")]
pub struct Injected(&'static str);

impl From<Injected> for Trouble {
    fn from(injected: Injected) -> Self {
        Self::reconnect(injected)
    }
}

impl From<Injected> for StoreError {
    fn from(injected: Injected) -> Self {
        Self::Unavailable(injected.to_string())
    }
}

/// Takes the environment variable `FAILPOINTS` at its word, in a build for tests; for as long as the process lives.
pub(crate) fn heed() {
    if fail::has_failpoints() {
        std::mem::forget(fail::FailScenario::setup());
    }
}

/// Where a test may do what `FAILPOINTS` tells of this place: `return(abort)` ends the process as a power cut would,
/// `return(error)` is an error here, and `return(tell)` a line in the log.
#[inline]
pub(crate) fn seam(name: &'static str) -> Result<(), Injected> {
    if fail::has_failpoints() {
        // What the macro `fail_point` expands to; it can only return from where it stands.
        return fail::eval(name, |what| happen(name, what.as_deref())).unwrap_or(Ok(()));
    }
    Ok(())
}

fn happen(name: &'static str, what: Option<&str>) -> Result<(), Injected> {
    match what {
        Some("abort") => std::process::abort(),
        Some("tell") => {
            tracing::warn!(seam = name, "passed");
            Ok(())
        }
        _ => Err(Injected(name)),
    }
}
