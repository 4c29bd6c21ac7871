//! What happened, for other programs: facts in the past tense, written in the transaction that made them true, and
//! delivered at least once, in the order of each account.
//!
//! ```text
//! commit ──► outbox ──► numbered ──► relay: a task for every endpoint ──► lanes() ──► signed POST
//! (any process)         (one at a time)     claim · cursor                  pure         at least once
//! ```
//!
//! # What a receiver gets
//!
//! A `POST` with the headers of [Standard Webhooks](https://www.standardwebhooks.com) ([`signature`]) and this body:
//!
//! ```json
//! {"id": "019…", "type": "activity.logged", "version": 1, "timestamp": "2026-11-22T10:00:00Z",
//!  "workspace": "default", "account": "bcc@crm.example", "data": {…}}
//! ```
//!
//! `id` names the event: it is the same in every attempt, and by it a receiver drops what it has already. `version` is that
//! of `data`: fields may be added without a new one. No event holds a subject or a body. People are named as the database
//! knows them when the event is sent: a contact who was deleted is not named by what happened before. [`Event`] says what
//! `data` has for each type.

pub mod body;
mod endpoint;
pub mod lanes;
pub mod relay;
pub mod sender;
pub mod signature;

use serde_json::{Value, json};
use uuid::Uuid;

/// The version of every kind's data.
const VERSION: u32 = 1;

/// The types of events, as programs read them: a word is never changed, only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Event::ActivityLogged`].
    ActivityLogged,
    /// [`Event::ActivityCompleted`].
    ActivityCompleted,
    /// [`Event::ActivityBounced`].
    ActivityBounced,
    /// [`Event::ReplyReceived`].
    ReplyReceived,
    /// [`Event::ContactCreated`].
    ContactCreated,
    /// [`Event::AccountStateChanged`].
    AccountStateChanged,
    /// [`Event::MessageQuarantined`].
    MessageQuarantined,
    /// [`Event::WebhookDisabled`].
    WebhookDisabled,
    /// [`Event::WebhookTested`].
    WebhookTested,
}

impl Kind {
    /// Every kind that can be asked for.
    pub const ALL: [Self; 9] = [
        Self::ActivityLogged,
        Self::ActivityCompleted,
        Self::ActivityBounced,
        Self::ReplyReceived,
        Self::ContactCreated,
        Self::AccountStateChanged,
        Self::MessageQuarantined,
        Self::WebhookDisabled,
        Self::WebhookTested,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActivityLogged => "activity.logged",
            Self::ActivityCompleted => "activity.completed",
            Self::ActivityBounced => "activity.bounced",
            Self::ReplyReceived => "reply.received",
            Self::ContactCreated => "contact.created",
            Self::AccountStateChanged => "account.state_changed",
            Self::MessageQuarantined => "message.quarantined",
            Self::WebhookDisabled => "webhook.disabled",
            Self::WebhookTested => "webhook.tested",
        }
    }

    /// The kind of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something that happened. The fields are what is stored; `data` is what a receiver gets, with the names that
/// [`body::Told`] adds.
///
/// | type | `data` |
/// |---|---|
/// | `activity.logged`, `activity.completed`, `activity.bounced`, `reply.received` | `activity` (its id; null once it is deleted), `direction`, `kind`, `thread`, `message_id`, `sent_at`, `bounced`, `contacts`: a list of `id`, `key`, `address`, `role` |
/// | `contact.created` | `contact` (its id), `key`, `address`, `name`, `source`; nothing but the id once the contact is deleted |
/// | `account.state_changed` | `from`, `to`: `active`, `paused`, `needs-reauth`, `needs-admin-consent`, `broken`, `removed`; `reason`: text or null |
/// | `message.quarantined` | `quarantine` (its id, for `mailtrail quarantine retry`), `mailbox` (its id), `uid_validity`, `uid`, `reason` |
/// | `webhook.disabled` | `webhook` (its id), `host`, `reason` |
/// | `webhook.tested` | `webhook` (its id) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A mail was put on the timeline.
    ActivityLogged {
        /// The activity.
        activity: Uuid,
    },
    /// Attachments that a scanner had held back came.
    ActivityCompleted {
        /// The activity.
        activity: Uuid,
    },
    /// A mail on the timeline came back to its sender.
    ActivityBounced {
        /// The activity.
        activity: Uuid,
    },
    /// A contact answered: follows the `activity.logged` of the same activity. No automatic mail causes it.
    ReplyReceived {
        /// The activity.
        activity: Uuid,
    },
    /// A contact was made by a mail.
    ContactCreated {
        /// The contact.
        contact: Uuid,
    },
    /// An account works again, or no longer.
    AccountStateChanged {
        /// The state before.
        from: String,
        /// The state now.
        to: String,
        /// Why, and what to do about it.
        reason: Option<String>,
    },
    /// A message could not be processed and was set aside.
    MessageQuarantined {
        /// The row of the quarantine.
        quarantine: Uuid,
        /// The mailbox it is in.
        mailbox: Uuid,
        /// The epoch of its UID.
        uid_validity: i64,
        /// Its UID.
        uid: i64,
        /// Why.
        reason: String,
    },
    /// An endpoint failed for too long, or said that it is gone.
    WebhookDisabled {
        /// The endpoint.
        webhook: Uuid,
        /// Its host: the rest of a URL may be a secret.
        host: String,
        /// Why.
        reason: String,
    },
    /// Somebody tries an endpoint. Sent at once to that one alone, and not kept.
    WebhookTested {
        /// The endpoint.
        webhook: Uuid,
    },
}

impl Event {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ActivityLogged { .. } => Kind::ActivityLogged,
            Self::ActivityCompleted { .. } => Kind::ActivityCompleted,
            Self::ActivityBounced { .. } => Kind::ActivityBounced,
            Self::ReplyReceived { .. } => Kind::ReplyReceived,
            Self::ContactCreated { .. } => Kind::ContactCreated,
            Self::AccountStateChanged { .. } => Kind::AccountStateChanged,
            Self::MessageQuarantined { .. } => Kind::MessageQuarantined,
            Self::WebhookDisabled { .. } => Kind::WebhookDisabled,
            Self::WebhookTested { .. } => Kind::WebhookTested,
        }
    }

    /// The activity it is about.
    pub fn activity(&self) -> Option<Uuid> {
        match self {
            Self::ActivityLogged { activity }
            | Self::ActivityCompleted { activity }
            | Self::ActivityBounced { activity }
            | Self::ReplyReceived { activity } => Some(*activity),
            _ => None,
        }
    }

    /// What is stored of it: the version, and what no column has.
    pub fn payload(&self) -> Value {
        match self {
            Self::ActivityLogged { .. }
            | Self::ActivityCompleted { .. }
            | Self::ActivityBounced { .. }
            | Self::ReplyReceived { .. } => json!({"version": VERSION}),
            Self::ContactCreated { contact } => json!({"version": VERSION, "contact": contact}),
            Self::AccountStateChanged { from, to, reason } => {
                json!({"version": VERSION, "from": from, "to": to, "reason": reason})
            }
            Self::MessageQuarantined { quarantine, mailbox, uid_validity, uid, reason } => json!({
                "version": VERSION, "quarantine": quarantine, "mailbox": mailbox, "uid_validity": uid_validity,
                "uid": uid, "reason": reason,
            }),
            Self::WebhookDisabled { webhook, host, reason } => {
                json!({"version": VERSION, "webhook": webhook, "host": host, "reason": reason})
            }
            Self::WebhookTested { webhook } => json!({"version": VERSION, "webhook": webhook}),
        }
    }
}
