//! What was decided.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decide::{Code, Finding, MessageKey, Trace, steps};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::envelope::Envelope;

/// A verdict and how it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What happens to the mail.
    pub verdict: Verdict,
    /// The steps, with evidence.
    pub trace: Trace,
}

/// What happens to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on the timeline.
    Log(Box<Activity>),
    /// It is there already: one more sighting of that activity.
    Sighting(Uuid),
    /// It does not.
    Skip(Code),
    /// Nor does this, but a person may settle it (B24).
    Hold(Box<Held>),
}

/// A forward that cannot be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub code: Code,
    /// The same as a step.
    pub why: Finding,
    /// The workspace that it is for.
    pub workspace: Uuid,
    /// The user who forwarded it, and by which rule.
    pub user: (Uuid, Attribution),
    /// The same as the mail has it.
    pub by: Party,
}

impl Decision {
    /// A skip whose last step is `finding`.
    pub(crate) fn skip(mut trace: Trace, code: Code, finding: Finding) -> Self {
        trace.found(finding);
        Self { verdict: Verdict::Skip(code), trace }
    }

    /// One for a forward with several originals: the best that becomes of one, and the steps of all.
    pub(crate) fn of_several(decisions: impl Iterator<Item = Self>) -> Self {
        let joined = decisions.reduce(|mut all, next| {
            all.trace.join(&next.trace);
            let better = Code::of_several([all.code(), next.code()].into_iter()) != all.code();
            Self { verdict: if better { next.verdict } else { all.verdict }, ..all }
        });
        joined.unwrap_or(Self { verdict: Verdict::Skip(Code::NoForwardHeader), trace: Trace::default() })
    }

    /// The code for the ledger.
    pub fn code(&self) -> Code {
        match &self.verdict {
            Verdict::Log(_) => Code::Logged,
            Verdict::Sighting(_) => Code::Duplicate,
            Verdict::Skip(code) => *code,
            Verdict::Hold(held) => held.code,
        }
    }
}

/// What the envelope says of an activity; the content joins it when the body is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The workspace it belongs to.
    pub workspace: Uuid,
    /// How it came in.
    pub kind: Kind,
    /// Whether we or they wrote it.
    pub direction: Direction,
    /// Its identity by Message-ID; `None` means that a fingerprint must be made from the text.
    pub key: Option<MessageKey>,
    /// Other ids by which a reply may refer to it (`X-Microsoft-Original-Message-ID`).
    pub aliases: Vec<MessageKey>,
    /// The user it counts for (C1) and by which rule.
    pub user: Option<(Uuid, Attribution)>,
    /// Whom it is with.
    pub counterparties: Vec<Counterparty>,
    /// The thread it continues, when the decision depended on it; its contacts are inherited (D11).
    pub thread: Option<Uuid>,
    /// Folded addresses of the thread whose contacts are not inherited: they are on a never-log list by now (F12).
    pub barred: Vec<String>,
    /// The messages it refers to, nearest first.
    pub ancestors: Vec<MessageKey>,
    /// Names that providers have for its conversation: they tie later mail to its thread (D18).
    pub conversations: Vec<MessageKey>,
    /// What is remarkable about it.
    pub flags: Vec<Flag>,
    /// How it was forwarded, if it was.
    pub forward: Option<Box<Forward>>,
}

impl Activity {
    /// Whether somebody outside answers a logged mail by it (D12, D15): the news that other programs wait for. What a
    /// program or a list sent is none, also where the policy is to log it without a flag (L11).
    pub fn is_reply(&self, envelope: &Envelope) -> bool {
        let by_program = envelope.class == Class::Bounce || steps::is_automatic_or_listed(envelope);
        (self.kind, self.direction) == (Kind::Reply, Direction::Incoming) && self.thread.is_some() && !by_program
    }
}

/// How a message came by a forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Who forwarded it (B18).
    pub by: Party,
    /// What they wrote above it (B21).
    pub note: Option<String>,
    /// Whether the message was attached: nothing of it comes later (H7).
    pub attached: bool,
    /// Whether the mail at hand is the message itself, redirected (I5).
    pub redirected: bool,
}

/// Someone outside whom a mail is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterparty {
    /// Name and address as written.
    pub party: Party,
    /// Where the address stood.
    pub role: Role,
    /// Whether a contact is made where there is none (E5).
    pub create: bool,
}

/// Where an address stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// `From:`.
    From,
    /// `To:`.
    To,
    /// `Cc:`.
    Cc,
}

impl Role {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Cc => "cc",
        }
    }
}

/// How a mail came in (A19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By the BCC address.
    Bcc,
    /// As a reply on a logged thread, or as a contact's mail where all of it is logged.
    Reply,
    /// One of us sent it, without the BCC address.
    Sent,
    /// Somebody forwarded or redirected it (B19).
    Forwarded,
}

impl Kind {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bcc => "bcc",
            Self::Reply => "reply",
            Self::Sent => "sent",
            Self::Forwarded => "forwarded",
        }
    }
}

/// Whether we or they wrote a mail (A19, D12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// One of us wrote it.
    Outgoing,
    /// They wrote it.
    Incoming,
}

impl Direction {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outgoing => "outgoing",
            Self::Incoming => "incoming",
        }
    }
}

/// By which rule a mail counts for a user (C2, C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribution {
    /// C2(1).
    Connected,
    /// C2(2).
    Login,
    /// C2(3).
    Alias,
    /// C2(4).
    LongestConnected,
    /// C4.
    Team,
    /// The user whose thread it is.
    Owner,
}

impl Attribution {
    /// From the word as stored.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Connected, Self::Login, Self::Alias, Self::LongestConnected, Self::Team, Self::Owner];
        all.into_iter().find(|rule| rule.as_str() == word)
    }

    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Login => "login",
            Self::Alias => "alias",
            Self::LongestConnected => "longest-connected",
            Self::Team => "team",
            Self::Owner => "owner",
        }
    }
}

/// What is remarkable about a logged mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// A program sent it (L11).
    AutoReply,
    /// Its date is missing or impossible (B21).
    DateFallback,
    /// Results about the sender exist and do not pass (L13).
    AuthWarn,
    /// Nothing but its header says that one of us redirected it (I5).
    UnverifiedRedirect,
    /// An attachment over the limit was left out (H1).
    AttachmentDropped,
    /// An attachment is still to come (H7).
    AttachmentPending,
    /// The body was cut (H5).
    BodyTruncated,
    /// The sender is new to the thread (decision 11).
    NewParticipant,
}
