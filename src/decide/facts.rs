//! What a decision needs to know of the workspace, and what it was told.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::decide::MessageKey;
use crate::decide::forwarding::{self, KnownMail};
use crate::decide::never_log;
use crate::decide::thread::conversation;
use crate::mail::address::Address;
use crate::mail::envelope::Envelope;
use crate::mail::message::Mail;

/// What to look up for a batch of envelopes: one short read answers it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FactQuery {
    /// Folded addresses that take part.
    pub addresses: BTreeSet<String>,
    /// Never-log entries that would match one of them, normalised.
    pub never_log: BTreeSet<String>,
    /// Keys of the messages themselves.
    pub messages: BTreeSet<MessageKey>,
    /// Keys of the messages they refer to.
    pub ancestors: BTreeSet<MessageKey>,
    /// What forwards may be of: to be looked up in the timeline.
    pub originals: Wanted,
}

/// What may be on the timeline of the messages that a batch forwards.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Keys of messages that one may be.
    pub keys: BTreeSet<MessageKey>,
    /// Folded addresses of who sent or got one.
    pub people: BTreeSet<String>,
    /// Their base subjects.
    pub subjects: BTreeSet<String>,
}

impl FactQuery {
    /// Adds what the decision on `envelope` will ask.
    pub fn add(&mut self, envelope: &Envelope) {
        let parties = envelope.from.iter().chain(&envelope.to).chain(&envelope.cc);
        for address in parties.map(|party| &party.address) {
            if self.addresses.insert(address.folded().to_owned()) {
                self.never_log.extend(never_log::entries_matching(address));
            }
        }
        let ids = [&envelope.message_id, &envelope.original_message_id];
        self.messages.extend(ids.into_iter().flatten().map(MessageKey::of_id));
        self.ancestors.extend(ancestors(envelope));
    }

    /// The same of a mail at hand, which may report on another (J12).
    pub fn add_mail(&mut self, mail: &Mail) {
        self.add(&mail.envelope);
        self.ancestors.extend(mail.reported().map(MessageKey::of_id));
        let redirect = mail.envelope.redirect.iter().flat_map(|redirect| &redirect.by);
        self.addresses.extend(redirect.map(|address| address.folded().to_owned()));
        forwarding::ask(mail, self);
    }
}

impl FactQuery {
    /// The same questions in parts of at most `most` of each kind: what a statement binds is limited, what one mail
    /// names is not.
    pub fn parts(&self, most: usize) -> Vec<Self> {
        let mut parts = vec![Self::default()];
        spread(&self.addresses, most, &mut parts, |part| &mut part.addresses);
        spread(&self.never_log, most, &mut parts, |part| &mut part.never_log);
        spread(&self.messages, most, &mut parts, |part| &mut part.messages);
        spread(&self.ancestors, most, &mut parts, |part| &mut part.ancestors);
        parts
    }
}

fn spread<T: Ord + Clone>(
    all: &BTreeSet<T>,
    most: usize,
    parts: &mut Vec<FactQuery>,
    of: impl Fn(&mut FactQuery) -> &mut BTreeSet<T>,
) {
    for (at, value) in all.iter().enumerate() {
        let part = at / most.max(1);
        if parts.len() == part {
            parts.push(FactQuery::default());
        }
        if let Some(part) = parts.get_mut(part) {
            of(part).insert(value.clone());
        }
    }
}

/// Ids that a mail may refer to: real threads have tens, and every id costs a look-up.
const ANCESTORS: usize = 200;

/// The nearest of the ids that a mail refers to, and the first of its thread: programs that leave out some leave out those
/// between (RFC 5537 section 3.4.4), and so does this where there are more than are looked up.
pub(super) fn nearest_and_first<T>(mut ids: Vec<T>) -> Vec<T> {
    if ids.len() > ANCESTORS {
        ids.drain(ANCESTORS - 1..ids.len() - 1);
    }
    ids
}

/// The keys of the messages an envelope refers to, nearest first: In-Reply-To, then References from the last (D18).
pub fn ancestors(envelope: &Envelope) -> Vec<MessageKey> {
    let mut seen = HashSet::new();
    let ids = envelope.in_reply_to.iter().chain(envelope.references.iter().rev());
    nearest_and_first(ids.filter(|id| seen.insert(id.as_str())).collect()).into_iter().map(MessageKey::of_id).collect()
}

/// Every key by which a later mail may refer to this one: its ids, and the conversation that its header names.
pub fn names(envelope: &Envelope) -> Vec<MessageKey> {
    let ids = [&envelope.message_id, &envelope.original_message_id];
    let conversation = conversation(envelope).map(|one| one.key);
    ids.into_iter().flatten().map(MessageKey::of_id).chain(conversation).collect()
}

/// What the store knows about a batch.
#[derive(Debug, Default, Clone)]
pub struct Facts {
    /// The workspaces that the mailbox serves.
    pub workspaces: Vec<WorkspaceFacts>,
}

/// What one workspace knows about a batch.
#[derive(Debug, Default, Clone)]
pub struct WorkspaceFacts {
    /// The workspace.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its own mail domains, folded.
    pub own_domains: HashSet<String>,
    /// The mailbox's address with the workspace's name as tag, where the mailbox serves several (A18).
    pub tagged_address: Option<Address>,
    /// The mailbox's address as it is, for the workspace that it served first.
    pub plain_address: Option<Address>,
    /// Every log address that never is a recipient (A13), folded.
    pub log_addresses: HashSet<String>,
    /// Whether mail is forwarded to one of them.
    pub forwards: bool,
    /// Who of us uses an address, by folded address.
    pub claims: HashMap<String, Vec<Claim>>,
    /// Team addresses and the user who connected each first (C4), by folded address.
    pub teams: HashMap<String, Option<Uuid>>,
    /// Folded addresses that have a contact.
    pub contacts: HashSet<String>,
    /// Folded addresses whose contact was deleted (E11).
    pub tombstones: HashSet<String>,
    /// Never-log entries of the workspace (F2), normalised.
    pub never_log: HashSet<String>,
    /// Never-log entries of single users (F2).
    pub never_log_of: HashMap<Uuid, HashSet<String>>,
    /// Messages already on the timeline.
    pub known: HashMap<MessageKey, Uuid>,
    /// Of those, mail of ours that was found in an inbox and not sent to the log address (D19).
    pub follow_ups: HashSet<Uuid>,
    /// Of those, messages whose attachments are still to come (H7): a copy may bring them.
    pub late: HashSet<Uuid>,
    /// Threads by the messages in them, and by the names that providers have for them.
    pub threads: HashMap<MessageKey, KnownThread>,
    /// Mail on the timeline that a forward may be of, by the keys asked for.
    pub referred: HashMap<MessageKey, KnownMail>,
    /// The same by people and subject.
    pub likely: Vec<KnownMail>,
    /// Mail of ours that another mailbox showed, by the keys of [`MessageKey::of_sending`].
    pub sendings: HashMap<MessageKey, Sending>,
    /// When the first mail of a thread was sent, of those that a provider's name led to.
    pub began: HashMap<Uuid, DateTime<Utc>>,
}

/// A logged mail of ours of which the mailbox at hand may hold a copy under another id (D20, L6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Its activity.
    pub activity: Uuid,
    /// Its own key.
    pub key: MessageKey,
    /// Folded address of who sent it.
    pub from: String,
    /// Folded addresses of everybody in To and Cc.
    pub recipients: BTreeSet<String>,
    /// Its text.
    pub text: Option<String>,
    /// Bytes of its text, HTML and attachments.
    pub octets: u64,
}

impl Sending {
    /// Whether a message of `size` bytes with its header may be a copy: encoded, text takes up to three times its bytes, and
    /// a text in another charset less than it does here.
    pub fn may_have_size(&self, size: u64) -> bool {
        const HEADER: u64 = 32 * 1024;
        size >= self.octets / 3 && size <= self.octets.saturating_mul(4).saturating_add(HEADER)
    }

    /// Whether a text is its text, line ends and blanks aside.
    pub fn has_text(&self, text: Option<&str>) -> bool {
        let words = |text: Option<&str>| text.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let (a, b): (Vec<String>, Vec<String>) = (words(self.text.as_deref()), words(text));
        a == b
    }
}

/// One user's claim to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The user.
    pub user: Uuid,
    /// The user's login address, for people.
    pub login: String,
    /// Whether the user is active (C7).
    pub active: bool,
    /// Whether the user's seat may log mail (A11b).
    pub may_log: bool,
    /// By what the address is the user's.
    pub by: ClaimBy,
}

/// By what an address belongs to a user (C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimBy {
    /// A connected personal inbox: since when, and until when if it was disconnected.
    Connected {
        /// Start of the present connection (C7).
        since: DateTime<Utc>,
        /// When it ended.
        until: Option<DateTime<Utc>>,
    },
    /// The login address.
    Login,
    /// An alias.
    Alias,
}

/// A thread that is already logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownThread {
    /// The thread.
    pub id: Uuid,
    /// Its base subject (D4).
    pub base_subject: String,
    /// Folded addresses of the contacts on it.
    pub participants: HashSet<String>,
    /// The user who sent the first mail on it.
    pub user: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_ancestors_the_nearest_and_the_first_are_looked_up() {
        let ids: String = (0..450).map(|n| format!("<{n}@x> ")).collect();
        let header = format!("In-Reply-To: <449@x>\r\nReferences: {ids}\r\n\r\n");
        let found = ancestors(&Envelope::parse(header.as_bytes()));
        let key =
            |n: usize| MessageKey::of_id(&crate::mail::message_id::MessageId::parse(&format!("<{n}@x>")).unwrap());
        let nearest = (0..ANCESTORS - 1).map(|n| key(449 - n));
        assert_eq!(found, nearest.chain([key(0)]).collect::<Vec<_>>(), "D18: from the last to the first");
    }

    #[test]
    fn a_query_in_parts_asks_the_same() {
        let addresses: BTreeSet<String> = (0..5).map(|n| n.to_string()).collect();
        let never_log: BTreeSet<String> = (0..9).map(|n| n.to_string()).collect();
        let query = FactQuery { addresses, never_log, ..Default::default() };
        let parts = query.parts(4);
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.addresses.len() <= 4 && part.never_log.len() <= 4));
        let mut together = FactQuery::default();
        for part in parts {
            together.addresses.extend(part.addresses);
            together.never_log.extend(part.never_log);
        }
        assert_eq!(together, query);
        assert_eq!(FactQuery::default().parts(4), [FactQuery::default()]);
    }
}
