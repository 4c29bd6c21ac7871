//! What the operator and the specification want, as data that the decision reads.

use chrono::{DateTime, Utc};

use crate::mail::address::Address;
use crate::mail::authentication::Stamp;

/// The rules of one account: the same loop, another policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The personal inbox that the mail is in; none for a dedicated mailbox.
    pub inbox: Option<Inbox>,
    /// The mailbox is one for forwards, read like this.
    pub forwarding: Option<Forwarding>,
    /// Whether a recipient without a contact may get one at all (A6, D13).
    pub create_contacts: bool,
    /// How far the sender must be confirmed by the receiving server (decision 6, L13).
    pub sender_authentication: SenderAuthentication,
    /// Whose `Authentication-Results` are believed.
    pub stamp: Stamp,
    /// Whether a listed recipient blocks itself or the whole mail (F4, F10).
    pub never_log: NeverLogMode,
    /// Cc recipients without a contact get one (A7, L21).
    pub create_from_cc: bool,
    /// Role addresses without a contact get one (L12).
    pub create_role_addresses: bool,
    /// Addresses of own domains never become contacts (F9).
    pub own_domains_internal: bool,
    /// View-only seats may not log by BCC (A11b).
    pub seat_required: bool,
    /// A sender whom a thread does not know is refused rather than flagged (decision 11).
    pub participants_strict: bool,
    /// Whether In-Reply-To joins a thread even under another subject (L1).
    pub trust_in_reply_to: bool,
    /// What mail that a program sent is (L11).
    pub auto_replies: AutoReplies,
    /// At most this many unique To and Cc addresses are associated (A21).
    pub max_recipients: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            inbox: None,
            forwarding: None,
            create_contacts: true,
            sender_authentication: SenderAuthentication::Warn,
            stamp: Stamp::Unknown,
            never_log: NeverLogMode::PerRecipient,
            create_from_cc: true,
            create_role_addresses: true,
            own_domains_internal: true,
            seat_required: false,
            participants_strict: false,
            trust_in_reply_to: false,
            auto_replies: AutoReplies::Flag,
            max_recipients: 50,
        }
    }
}

/// How far the sender must be confirmed (L13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderAuthentication {
    /// Only results that pass.
    Strict,
    /// Results that do not pass are flagged.
    Warn,
    /// Not looked at.
    Off,
}

/// What mail that a program sent is (L11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoReplies {
    /// Logged with a flag.
    Flag,
    /// Not logged.
    Skip,
    /// Logged like any mail.
    Log,
}

/// What a never-log entry blocks (F4, F10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeverLogMode {
    /// The listed recipient alone.
    PerRecipient,
    /// The whole mail, whoever else it went to.
    WholeMessage,
}

/// A mailbox behind a forwarding address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarding {
    /// Whether a forward needs a plain text and an HTML part (B11).
    pub both_parts: bool,
    /// Whether a forward of what one of us wrote is logged on its recipients (B12).
    pub log_own: bool,
    /// The most octets of a whole mail that was redirected here (H6).
    pub hosted_bytes: u64,
}

impl Default for Forwarding {
    fn default() -> Self {
        Self { both_parts: false, log_own: false, hosted_bytes: 30 * 1024 * 1024 }
    }
}

/// A personal inbox: what decides about the mail in it besides the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// Its address: who connected it is among the claims.
    pub address: Address,
    /// Which mail is logged (K1, K2).
    pub rule: LoggingRule,
    /// Mail that arrived in this span came while nobody was connected, and is not to be logged (D2c, J15).
    pub gap: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Which mail of a personal inbox is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggingRule {
    /// Mail on threads that are on the timeline (K1).
    RepliesOnly,
    /// Besides, mail to and from contacts (K2).
    KnownContacts,
}
