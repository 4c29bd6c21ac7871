//! placeholder
pub mod oauth;
mod tls;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value, or the end of the test: a provider that cannot be set up has no error a test could handle.
#[expect(clippy::panic, reason = "a test provider that cannot be set up should fail its test, loudly")]
#[track_caller]
pub(crate) fn must<T, E: Debug>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("provider: {what}: {error:?}"))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
