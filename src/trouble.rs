//! What a failure asks for.

use std::time::Duration;

/// A failure at the border of a stage, told by what the caller can do about it.
///
/// The text is for people: it names what happened, the likely cause and the cure, and never holds an address, a
/// subject, a body or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The same thing may work later: a server that is busy, a network that is away, a database that is full.
    #[error("{reason}")]
    Retry {
        /// How long the other side asked us to wait, if it did.
        after: Option<Duration>,
        /// What happened.
        reason: String,
    },
    /// The session is over, through nobody's fault: connect again and go on.
    #[error("{reason}")]
    Reconnect {
        /// What happened.
        reason: String,
        /// Whether the other side ended it in words, for reasons of its own: then no message is to blame.
        ended: bool,
    },
    /// The mail server refused the access token: refresh it once, then believe it.
    #[error("{reason}")]
    TokenRefused {
        /// What the server said.
        reason: String,
    },
    /// A person must consent again or mend a permission; polling on is pointless.
    #[error("{reason}")]
    NeedsReauth {
        /// What happened and how to mend it.
        reason: String,
    },
    /// An administrator of the person's organisation must consent before the person can.
    #[error("{reason}")]
    NeedsAdminConsent {
        /// What happened and how to mend it.
        reason: String,
    },
    /// The operator must mend the configuration.
    #[error("{reason}")]
    Operator {
        /// What happened and how to mend it.
        reason: String,
    },
    /// The server says no when it is asked for one message; the session is whole. That may be about the message, or about
    /// the server: what becomes of others tells.
    #[error("{reason}")]
    Refused {
        /// The message's UID in the mailbox being read.
        uid: u32,
        /// Whether the message was asked for, and not its header alone.
        whole: bool,
        /// What happened.
        reason: String,
    },
    /// One message cannot be had: the server's answer about it is refused or broken.
    #[error("{reason}")]
    Message {
        /// The message's UID in the mailbox being read.
        uid: u32,
        /// What happened.
        reason: String,
    },
    /// Another worker reads the account now. That is no failure of the account, and nothing is noted on it.
    #[error("another worker has taken the account over")]
    LeaseLost,
}

impl Trouble {
    /// A [`Trouble::Retry`] without a server's wish.
    pub fn retry(reason: impl std::fmt::Display) -> Self {
        Self::Retry { after: None, reason: reason.to_string() }
    }

    /// A [`Trouble::Reconnect`].
    pub fn reconnect(reason: impl std::fmt::Display) -> Self {
        Self::Reconnect { reason: reason.to_string(), ended: false }
    }

    /// A [`Trouble::Reconnect`] that no message can be blamed for.
    pub fn ended(reason: impl std::fmt::Display) -> Self {
        Self::Reconnect { reason: reason.to_string(), ended: true }
    }

    /// A [`Trouble::Operator`].
    pub fn operator(reason: impl std::fmt::Display) -> Self {
        Self::Operator { reason: reason.to_string() }
    }

    /// Whether nothing but a person can mend it.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::NeedsReauth { .. } | Self::NeedsAdminConsent { .. } | Self::Operator { .. })
    }

    /// Every [`Self::kind`].
    pub const KINDS: [&'static str; 8] = [
        "retry",
        "reconnect",
        "token-refused",
        "needs-reauth",
        "needs-admin-consent",
        "operator",
        "refused",
        "message",
    ];

    /// A stable word for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Reconnect { .. } => "reconnect",
            Self::TokenRefused { .. } => "token-refused",
            Self::NeedsReauth { .. } => "needs-reauth",
            Self::NeedsAdminConsent { .. } => "needs-admin-consent",
            Self::Operator { .. } => "operator",
            Self::Refused { .. } => "refused",
            Self::Message { .. } => "message",
            Self::LeaseLost => "lease-lost",
        }
    }
}
