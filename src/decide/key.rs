//! The identity of a message within a workspace.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::mail::envelope::Envelope;
use crate::mail::message_id::MessageId;
use crate::mail::subject::BaseSubject;

/// What makes two copies one message: the Message-ID (RFC 5322 §3.6.4), or a fingerprint where there is none (D20, L6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageKey([u8; 16]);

impl MessageKey {
    /// The key of a Message-ID.
    pub fn of_id(id: &MessageId) -> Self {
        Self::digest([b"id".as_slice(), id.as_str().as_bytes()])
    }

    /// The key under which a provider's name for a conversation is kept beside the ids of its messages.
    pub fn of_conversation(name: &[&str]) -> Self {
        Self::digest([b"conversation".as_slice(), name.join("\0").as_bytes()])
    }

    /// The key under which mail waits for somebody with this folded address to become a contact (K2).
    pub fn of_address(folded: &str) -> Self {
        Self::digest([b"address".as_slice(), folded.as_bytes()])
    }

    /// The key of a message without Message-ID: sender, date, base subject and text (L6), and the recipients, because a
    /// mail merge sends the same to each of many.
    pub fn fingerprint(envelope: &Envelope, text: &str) -> Self {
        let from = envelope.from.first().map_or("", |party| party.address.folded());
        let date = envelope.date.map(|date| date.timestamp().to_string()).unwrap_or_default();
        let subject = BaseSubject::of(&envelope.subject);
        let recipients: BTreeSet<&str> = envelope.to.iter().chain(&envelope.cc).map(|p| p.address.folded()).collect();
        let recipients: String = recipients.into_iter().flat_map(|address| [address, ","]).collect();
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self::digest([
            b"fingerprint".as_slice(),
            from.as_bytes(),
            date.as_bytes(),
            subject.as_str().as_bytes(),
            recipients.as_bytes(),
            text.as_bytes(),
        ])
    }

    /// The key of a forwarded message whose Message-ID is unknown: two forwards of it have the same (D20). Where no moment
    /// is known the text stands in, as far as clients keep it alike.
    pub fn of_original(from: &str, subject: &BaseSubject, sent: Option<DateTime<Utc>>, text: &str) -> Self {
        // Programs print no seconds.
        let (date, text) = match sent {
            Some(sent) => ((sent.timestamp() / 60).to_string(), String::new()),
            None => (String::new(), alike(text)),
        };
        let parts = [from.as_bytes(), subject.as_str().as_bytes(), date.as_bytes(), text.as_bytes()];
        let [from, subject, date, text] = parts;
        Self::digest([b"original".as_slice(), from, subject, date, text])
    }

    /// The key under which a forward keeps a place for its original, whose Message-ID is yet to be seen: sender, subject and
    /// minute. Whichever mail fills the place takes the key away.
    pub fn of_vacancy(from: &str, subject: &BaseSubject, minute: i64) -> Self {
        let parts = [from.as_bytes(), subject.as_str().as_bytes(), &minute.to_be_bytes()];
        let [from, subject, minute] = parts;
        Self::digest([b"vacancy".as_slice(), from, subject, minute])
    }

    /// The key by which mail of which only subject and date were asked for waits for a forward of it: the minute within the
    /// quarter of an hour, which is the same on the clocks of every place.
    pub fn of_moment(subject: &BaseSubject, sent: DateTime<Utc>) -> Self {
        let minute = sent.timestamp().div_euclid(60).rem_euclid(15);
        Self::digest([b"moment".as_slice(), subject.as_str().as_bytes(), &minute.to_be_bytes()])
    }

    /// The key by which two copies of a mail of ours are held against each other that have different ids: their moment,
    /// subject and what they answer (L6). What gives a mail another id on its way leaves these alone. None without a date.
    pub fn of_sending(envelope: &Envelope) -> Option<Self> {
        let date = envelope.date?.timestamp().to_string();
        let subject = envelope.subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let answers = envelope.in_reply_to.first().or(envelope.references.last()).map_or("", MessageId::as_str);
        Some(Self::digest([b"sending".as_slice(), date.as_bytes(), subject.as_bytes(), answers.as_bytes()]))
    }

    /// The key by which forwards are told that may be of one message: they have to be looked at one after the other.
    pub fn of_likeness(from: &str, subject: &BaseSubject) -> Self {
        Self::digest([b"likeness".as_slice(), from.as_bytes(), subject.as_str().as_bytes()])
    }

    /// As stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From the stored form; `None` when the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The first 16 bytes of the SHA-256 of the parts, each preceded by its length so that parts cannot run together.
    fn digest<const N: usize>(parts: [&[u8]; N]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut key = [0; 16];
        for (byte, digest) in key.iter_mut().zip(hash.finalize()) {
            *byte = digest;
        }
        Self(key)
    }
}

/// The letters and figures of a text: what mail programs leave alone.
pub fn alike(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The keyed hash under which the ledger knows a Message-ID, so that of mail not logged nothing readable is kept
/// (design, invariant 6). `key` is the installation's own.
pub fn keyed_hash(key: &[u8; 32], id: &MessageId) -> Vec<u8> {
    hmac(key, [id.as_str().as_bytes()])
}

/// The keyed hash by which a workspace waits for a message that it does not know (D21).
pub fn waiting_hash(key: &[u8; 32], workspace: Uuid, message: &MessageKey) -> Vec<u8> {
    hmac(key, [b"waiting".as_slice(), workspace.as_bytes(), message.as_bytes()])
}

/// HMAC-SHA256 under the installation's key, which fills the hash's block up with zeros (RFC 2104 §2).
pub fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::<Sha256>::new(&block.into())
}

fn hmac<const N: usize>(key: &[u8; 32], parts: [&[u8]; N]) -> Vec<u8> {
    let mut mac = keyed(key);
    parts.into_iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into_iter().take(16).collect()
}

impl std::fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
