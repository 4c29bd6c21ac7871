//! A mailbox and its messages.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::names;

/// What a mailbox is for, as far as the server behaves differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mail,
    /// Gmail: every message but those of `Apart` mailboxes.
    AllMail,
    /// Spam and Trash: not in All Mail.
    Apart,
    /// Calendar and its kin: listed and selectable, but STATUS fails.
    NotMail,
    NoSelect,
}

/// What EXAMINE and STATUS say as UIDNEXT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UidNext {
    /// The truth.
    #[default]
    Real,
    /// Nothing.
    Omitted,
    /// This.
    Says(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub uid: u32,
    pub raw: Arc<[u8]>,
    pub date: DateTime<Utc>,
    pub flags: Vec<String>,
    pub modseq: u64,
    /// The same in every mailbox that shows this message.
    pub gm_id: u64,
    pub gm_thread: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    pub name: String,
    pub wire_name: String,
    pub attributes: Vec<String>,
    pub kind: Kind,
    pub uid_validity: u32,
    pub next_uid: u32,
    pub uid_next: UidNext,
    pub highest_modseq: u64,
    /// By UID.
    pub messages: Vec<Message>,
}

impl Mailbox {
    pub(crate) fn new(name: &str, attributes: &[&str], kind: Kind, uid_validity: u32) -> Self {
        Self {
            name: name.to_owned(),
            wire_name: names::encode(name),
            attributes: attributes.iter().map(|attribute| (*attribute).to_owned()).collect(),
            kind,
            uid_validity,
            next_uid: 1,
            uid_next: UidNext::Real,
            highest_modseq: 1,
            messages: Vec::new(),
        }
    }

    /// INBOX in any case (RFC 3501 section 5.1), all others exactly, decoded or as on the wire.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.wire_name == name || (self.name == "INBOX" && name.eq_ignore_ascii_case("INBOX"))
    }

    pub(crate) fn selectable(&self) -> bool {
        self.kind != Kind::NoSelect
    }

    /// Keeps the order of UIDs even when a test gives one below the last.
    pub(crate) fn put(&mut self, message: Message) {
        self.next_uid = self.next_uid.max(message.uid.saturating_add(1));
        self.highest_modseq = self.highest_modseq.max(message.modseq);
        let at = self.messages.partition_point(|other| other.uid < message.uid);
        self.messages.insert(at, message);
    }

    pub(crate) fn find(&self, uid: u32) -> Option<&Message> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        self.messages.get(at)
    }

    pub(crate) fn announced_uid_next(&self) -> Option<u32> {
        match self.uid_next {
            UidNext::Real => Some(self.next_uid),
            UidNext::Omitted => None,
            UidNext::Says(uid) => Some(uid),
        }
    }

    pub(crate) fn unseen(&self) -> usize {
        self.messages.iter().filter(|message| !message.flags.iter().any(|flag| flag == "\\Seen")).count()
    }
}
