//! What is logged, and how. Defaults are parity; every key that surpasses or tightens it names its rule.

use serde::{Deserialize, Serialize};

/// How far a sender must be authenticated before a mail is logged in a user's name (L13).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SenderAuthentication {
    /// Strict where the receiving provider stamps results, warn where there is none to trust.
    #[default]
    Auto,
    /// Results must pass.
    Strict,
    /// Results that do not pass are flagged.
    Warn,
    /// Results are not looked at.
    Off,
}

/// What a changed subject does to a reply (D4, L1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectPolicy {
    /// It ends the thread.
    #[default]
    Strict,
    /// It does not where In-Reply-To names a logged mail.
    TrustInReplyTo,
}

/// What a reply from an address unknown to the thread is (L13).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Participants {
    /// Logged with a flag.
    #[default]
    Flag,
    /// Not logged.
    Strict,
}

/// What an automatic reply is (L11).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoReplies {
    /// Logged with a flag, and no reply.
    #[default]
    Flag,
    /// Not logged.
    Skip,
    /// Logged like any mail.
    Log,
}

/// How far an entry of a never-log list reaches (F4, F10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeverLog {
    /// It takes the listed person off the mail.
    #[default]
    PerRecipient,
    /// It takes the mail.
    WholeMessage,
}

/// Which mail of a connected inbox is logged (K1, K2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoggingRule {
    /// Replies on logged threads.
    #[default]
    RepliesOnly,
    /// All mail to and from known contacts.
    KnownContacts,
}

/// What a forward of a user's own mail is (B12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardOwn {
    /// Not logged.
    #[default]
    Skip,
    /// Logged as outgoing to its recipients.
    LogOutgoing,
}

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How far a sender must be authenticated (L13).
    pub sender_authentication: SenderAuthentication,
    /// Servers whose Authentication-Results count, by their RFC 8601 name, besides the provider's own.
    pub trusted_authserv_ids: Vec<String>,
    /// What a changed subject does (D4).
    pub subject: SubjectPolicy,
    /// What a reply from an unknown address is (L13).
    pub participants: Participants,
    /// What an automatic reply is (L11).
    pub auto_replies: AutoReplies,
    /// How far a never-log entry reaches (F4).
    pub never_log: NeverLog,
    /// Which mail of a connected inbox is logged (K1).
    pub logging_rule: LoggingRule,
    /// Mail from the time in which an account could not be read: logged once it can be read again (J15).
    pub log_gap: bool,
    /// Whether a forward needs both a text and an HTML part (B11).
    pub forward_require_both_parts: bool,
    /// What a forward of a user's own mail is (B12).
    pub forward_own: ForwardOwn,
    /// Whether people in Cc of a BCC mail become contacts (A7, L21).
    pub create_from_cc: bool,
    /// Whether info@, noreply@ and their like become contacts (L12).
    pub create_role_addresses: bool,
    /// Whether a company is made for a contact's mail domain (E8).
    pub create_companies: bool,
    /// Whether people of the own domains are colleagues, never contacts (F9).
    pub own_domains_internal: bool,
    /// Whether the attributed user owns the contacts that the mail made (E10).
    pub contact_owner: bool,
    /// Whether users with a view-only seat are refused (A11b, G2).
    pub enforce_seats: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            sender_authentication: SenderAuthentication::default(),
            trusted_authserv_ids: Vec::new(),
            subject: SubjectPolicy::default(),
            participants: Participants::default(),
            auto_replies: AutoReplies::default(),
            never_log: NeverLog::default(),
            logging_rule: LoggingRule::default(),
            log_gap: true,
            forward_require_both_parts: false,
            forward_own: ForwardOwn::default(),
            create_from_cc: true,
            create_role_addresses: true,
            create_companies: false,
            own_domains_internal: true,
            contact_owner: true,
            enforce_seats: false,
        }
    }
}
