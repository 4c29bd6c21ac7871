//! Personal inboxes: which mailboxes, and how long mail waits for its conversation.

use serde::{Deserialize, Serialize};

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Further mailboxes of personal inboxes to watch, by name, where they exist.
    pub mailboxes: Vec<String>,
    /// Names of the mailbox of sent mail, where the server does not tell and the name is none that is known.
    pub sent: Vec<String>,
    /// Days that mail waits for the mail it refers to (D21).
    pub pending_days: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self { mailboxes: Vec::new(), sent: Vec::new(), pending_days: 14 }
    }
}
