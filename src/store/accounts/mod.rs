//! Accounts: the logins we watch, who connected them and which workspaces they serve.

mod add;
pub(in crate::store) mod changed;
mod list;
mod start;
mod state;

pub use add::{NewAccount, add};
pub use list::{Listed, find, list, named};
pub use start::is_earlier;
pub use state::{disconnected, pause, pause_undeclared, remove, resume};

/// The values of `account.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Watched.
    Active,
    /// Stopped by an operator.
    Paused,
    /// A person must consent again.
    NeedsReauth,
    /// The administrator of the person's organisation must consent.
    NeedsAdminConsent,
    /// An operator must mend the configuration.
    Broken,
    /// Gone, but activities and verdicts refer to it.
    Removed,
}

impl State {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::NeedsReauth => "needs-reauth",
            Self::NeedsAdminConsent => "needs-admin-consent",
            Self::Broken => "broken",
            Self::Removed => "removed",
        }
    }
}

/// The state that people are shown: an account that waits for its first consent is in need of one, although nothing has
/// been tried yet.
pub fn shown_state(state: &str, unconnected: bool) -> &str {
    if unconnected && state == State::Active.as_str() { State::NeedsReauth.as_str() } else { state }
}

#[cfg(test)]
mod tests;
