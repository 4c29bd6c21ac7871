//! Verdict codes: what the ledger says of every UID passed.

use serde::{Deserialize, Serialize};

/// Why a mail was, or was not, logged. The words are a promise to programs that read the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// On the timeline.
    Logged,
    /// Already on the timeline; this copy is one more sighting (D20).
    Duplicate,
    /// The sender is no user of the workspace (A12).
    UnknownSender,
    /// Several users could be the sender and no rule tells them apart (C6).
    AmbiguousSender,
    /// The sender's user is not active (C7).
    UserInactive,
    /// The sender's seat may not log mail (A11b, G2).
    SeatNotAllowed,
    /// The receiving server could not confirm the sender (L13).
    AuthFailed,
    /// Nobody is left to log the mail on (A15).
    NoRecipient,
    /// Everybody it went to is on a never-log list (F3).
    NeverLog,
    /// Everybody it went to is one of us (F9).
    InternalOnly,
    /// Nothing that the mail refers to is on the timeline (D5).
    NotInKnownThread,
    /// The thread is known, the subject is another (D4).
    SubjectChanged,
    /// The inbox was not connected when the mail came (D2).
    MailboxNotConnected,
    /// The sender is no participant of the thread (D22).
    NotAParticipant,
    /// A program sent it, and the policy is not to log such mail (L11).
    AutoReply,
    /// A report on the delivery of a mail; never a reply (J12).
    Bounce,
    /// It has no header block of a forwarded message (B9).
    NoForwardHeader,
    /// The block is in words of a language that no table has (B10).
    UnsupportedLanguage,
    /// It lacks the plain text or the HTML, and the policy is to want both (B11).
    MissingHtmlOrText,
    /// One of us wrote the forwarded message (B12).
    ForwardOfOwnMessage,
    /// The forwarded message names no address as its sender (B22).
    NoOriginalAddress,
    /// What was forwarded cannot be told for certain (B14).
    UnsupportedFormat,
    /// A provider asks whether mail may be forwarded here (I13).
    VerificationMail,
    /// The body is over its limit and the policy is to refuse (H5).
    BodyTooLarge,
    /// The whole message is over its limit.
    MessageTooLarge,
    /// A notice that mailtrail itself sent (H9).
    OwnNotice,
    /// It was not sent yet (D19).
    Draft,
    /// It arrived before the day the account starts from (`--since`, decision 10).
    BeforeStart,
    /// The message left the server between the listing and the fetch.
    Expunged,
    /// Set aside: it could not be fetched, parsed or stored.
    ParseError,
}

impl Code {
    /// The code of a message that brought several: what was best of it, else the first.
    pub fn of_several(codes: impl Iterator<Item = Self>) -> Self {
        let rank = |code: &Self| match code {
            Self::Logged => 0,
            Self::Duplicate => 1,
            _ => 2,
        };
        codes.min_by_key(rank).unwrap_or(Self::NoForwardHeader)
    }

    /// Every code.
    pub const ALL: [Self; 30] = [
        Self::Logged,
        Self::Duplicate,
        Self::UnknownSender,
        Self::AmbiguousSender,
        Self::UserInactive,
        Self::SeatNotAllowed,
        Self::AuthFailed,
        Self::NoRecipient,
        Self::NeverLog,
        Self::InternalOnly,
        Self::NotInKnownThread,
        Self::SubjectChanged,
        Self::MailboxNotConnected,
        Self::NotAParticipant,
        Self::AutoReply,
        Self::Bounce,
        Self::NoForwardHeader,
        Self::UnsupportedLanguage,
        Self::MissingHtmlOrText,
        Self::ForwardOfOwnMessage,
        Self::NoOriginalAddress,
        Self::UnsupportedFormat,
        Self::VerificationMail,
        Self::BodyTooLarge,
        Self::MessageTooLarge,
        Self::OwnNotice,
        Self::Draft,
        Self::BeforeStart,
        Self::Expunged,
        Self::ParseError,
    ];

    /// The word as the ledger stores it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logged => "logged",
            Self::Duplicate => "duplicate",
            Self::UnknownSender => "unknown-sender",
            Self::AmbiguousSender => "ambiguous-sender",
            Self::UserInactive => "user-inactive",
            Self::SeatNotAllowed => "seat-not-allowed",
            Self::AuthFailed => "auth-failed",
            Self::NoRecipient => "no-recipient",
            Self::NeverLog => "never-log",
            Self::InternalOnly => "internal-only",
            Self::NotInKnownThread => "not-in-known-thread",
            Self::SubjectChanged => "subject-changed",
            Self::MailboxNotConnected => "mailbox-not-connected",
            Self::NotAParticipant => "not-a-participant",
            Self::AutoReply => "auto-reply",
            Self::Bounce => "bounce",
            Self::NoForwardHeader => "no-forward-header",
            Self::UnsupportedLanguage => "unsupported-language",
            Self::MissingHtmlOrText => "missing-html-or-text",
            Self::ForwardOfOwnMessage => "forward-of-own-message",
            Self::NoOriginalAddress => "no-original-address",
            Self::UnsupportedFormat => "unsupported-format",
            Self::VerificationMail => "verification-mail",
            Self::BodyTooLarge => "body-too-large",
            Self::MessageTooLarge => "message-too-large",
            Self::OwnNotice => "own-notice",
            Self::Draft => "draft",
            Self::BeforeStart => "before-start",
            Self::Expunged => "expunged",
            Self::ParseError => "parse-error",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
