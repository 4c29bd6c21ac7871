//! How many connections may be open.

/// A connection for each account, and as many again for second looks, the database, pages and logs.
const SPARE: u64 = 200;

/// Lets the process have as many files and connections open as the system allows it: the usual limit is made for programs
/// that wait for one connection at a time. Returns the limit.
pub fn raise_limit() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        u64::MAX
    })
}

/// Tells, before connections fail one by one, that so many accounts cannot all be connected.
pub fn warn_if_too_few(limit: u64, accounts: usize) {
    if (accounts as u64).saturating_add(SPARE) > limit {
        tracing::warn!(
            limit,
            accounts,
            "more accounts than files may be open: raise the hard limit (LimitNOFILE= of the unit, or ulimit -H -n)"
        );
    }
}
