//! Which conversation a mail belongs to (D4, D18).

use std::cell::LazyCell;
use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::decide::facts::{KnownThread, WorkspaceFacts, nearest_and_first};
use crate::decide::{MessageKey, Policy};
use crate::mail::envelope::Envelope;
use crate::mail::message_id::MessageId;
use crate::mail::subject::BaseSubject;

/// What the ids a mail refers to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThreadMatch<'a> {
    /// A logged thread with the same base subject.
    Known(Hit<'a>),
    /// Only threads with another base subject (D4).
    SubjectChanged(Hit<'a>),
    /// None.
    Unknown,
}

/// A logged thread, and what tied the mail to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The thread.
    pub thread: &'a KnownThread,
    /// By what.
    pub by: By,
    /// Which header named which ancestor, or what the provider calls the conversation.
    pub evidence: String,
}

/// What ties a mail to a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// An id in In-Reply-To or References, or an alias of one, under the same base subject.
    Id,
    /// In-Reply-To under another subject, which the policy trusts (L1).
    TrustedId,
    /// The provider's conversation, under the same base subject.
    Conversation,
}

/// A provider's name for the conversation a mail is in: evidence that counts for mail after the thread's first only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Whose name it is.
    pub header: &'static str,
    /// The name as a key.
    pub key: MessageKey,
}

/// The conversation that Exchange's Thread-Index names: its first 22 bytes, which stay the same in all replies.
pub fn conversation(envelope: &Envelope) -> Option<Conversation> {
    let index = envelope.thread_index.as_deref()?;
    // 22 bytes are 29 characters of base64 and two bits of the thirtieth.
    let (whole, cut) = (index.get(..29)?, index.as_bytes().get(29)?);
    let high = base64_value(*cut)? >> 4;
    let key = MessageKey::of_conversation(&["thread-index", whole, &high.to_string()]);
    Some(Conversation { header: "Thread-Index", key })
}

fn base64_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// The logged thread that `envelope` continues: the nearest ancestor whose thread has the same base subject (D4, D18).
/// Never the subject alone. By policy, a logged mail that In-Reply-To names is enough under any subject (L1).
pub fn find<'a>(policy: &Policy, envelope: &Envelope, facts: &'a WorkspaceFacts) -> ThreadMatch<'a> {
    // Of most mail nothing is known, and then the subject does not matter.
    let subject = LazyCell::new(|| BaseSubject::of_mail(envelope));
    let mut changed = None;
    for (header, id) in cited(envelope) {
        let Some(thread) = facts.threads.get(&MessageKey::of_id(id)) else { continue };
        let hit = |by| Hit { thread, by, evidence: format!("{id}, named by {header}") };
        if thread.base_subject == subject.as_str() {
            return ThreadMatch::Known(hit(By::Id));
        }
        if policy.trust_in_reply_to && header == IN_REPLY_TO && changed.is_none() {
            changed = Some(hit(By::TrustedId));
        }
        changed.get_or_insert_with(|| hit(By::Id));
    }
    match changed {
        Some(hit) if hit.by == By::TrustedId => ThreadMatch::Known(hit),
        Some(hit) => ThreadMatch::SubjectChanged(hit),
        None => ThreadMatch::Unknown,
    }
}

/// The same, and where no id is known, by the conversations that the provider puts the mail in (D18). A provider's
/// conversation has no order, so a mail from before the thread's first is none of its replies (D7).
pub fn find_with<'a>(
    policy: &Policy,
    envelope: &Envelope,
    received: DateTime<Utc>,
    conversations: &[Conversation],
    facts: &'a WorkspaceFacts,
) -> ThreadMatch<'a> {
    let by_id = find(policy, envelope, facts);
    if by_id != ThreadMatch::Unknown {
        return by_id;
    }
    let subject = LazyCell::new(|| BaseSubject::of_mail(envelope));
    let at = envelope.date.unwrap_or(received);
    for Conversation { header, key } in conversations {
        let Some(thread) = facts.threads.get(key) else { continue };
        let later = facts.began.get(&thread.id).is_some_and(|began| *began < at);
        if later && thread.base_subject == subject.as_str() {
            let evidence = format!("the conversation named by {header}");
            return ThreadMatch::Known(Hit { thread, by: By::Conversation, evidence });
        }
    }
    ThreadMatch::Unknown
}

const IN_REPLY_TO: &str = "In-Reply-To";

/// The ids a mail refers to with the header that names each, nearest first (D18).
fn cited(envelope: &Envelope) -> Vec<(&'static str, &MessageId)> {
    let mut seen = HashSet::new();
    let parents = envelope.in_reply_to.iter().map(|id| (IN_REPLY_TO, id));
    let ancestors = envelope.references.iter().rev().map(|id| ("References", id));
    nearest_and_first(parents.chain(ancestors).filter(|(_, id)| seen.insert(id.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn known(thread: u128, subject: &str) -> KnownThread {
        KnownThread {
            id: Uuid::from_u128(thread),
            base_subject: subject.to_owned(),
            participants: HashSet::new(),
            user: None,
        }
    }

    fn facts(threads: &[(&str, u128, &str)]) -> WorkspaceFacts {
        let key = |id: &str| MessageKey::of_id(&MessageId::parse(id).unwrap());
        let threads = threads.iter().map(|(id, thread, subject)| (key(id), known(*thread, subject))).collect();
        WorkspaceFacts { threads, ..WorkspaceFacts::default() }
    }

    fn matched(policy: &Policy, header: &str, threads: &[(&str, u128, &str)]) -> String {
        let facts = facts(threads);
        match find(policy, &Envelope::parse(format!("{header}\r\n\r\n").as_bytes()), &facts) {
            ThreadMatch::Known(hit) => format!("{} {:?} by {}", hit.thread.id.as_u128(), hit.by, hit.evidence),
            ThreadMatch::SubjectChanged(hit) => format!("changed by {}", hit.evidence),
            ThreadMatch::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn the_nearest_ancestor_with_the_same_subject_names_the_thread() {
        let threads = [("<a@x>", 1, "offer"), ("<b@x>", 2, "offer"), ("<c@x>", 3, "lunch")];
        let table = [
            ("Subject: Re: Offer\r\nIn-Reply-To: <a@x>", "1 Id by a@x, named by In-Reply-To"),
            ("Subject: SV: AW: Offer\r\nReferences: <a@x> <b@x>", "2 Id by b@x, named by References"),
            ("Subject: Offer\r\nReferences: <a@x> <b@x> <c@x> <z@x>", "2 Id by b@x, named by References"),
            ("Subject: Offer\r\nIn-Reply-To: <z@x>\r\nReferences: <a@x>", "1 Id by a@x, named by References"),
            ("Subject: Lunch\r\nIn-Reply-To: <b@x>\r\nReferences: <a@x>", "changed by b@x, named by In-Reply-To"),
            ("Subject: Offer\r\nIn-Reply-To: <z@x>", "unknown"),
            ("Subject: Re: Offer", "unknown"),
        ];
        for (header, expected) in table {
            assert_eq!(matched(&Policy::default(), header, &threads), expected, "{header}");
        }
    }

    #[test]
    fn in_reply_to_is_trusted_under_another_subject_by_policy_and_references_never() {
        let policy = Policy { trust_in_reply_to: true, ..Policy::default() };
        let threads = [("<a@x>", 1, "offer"), ("<b@x>", 2, "lunch")];
        let trusted = matched(&policy, "Subject: Other\r\nIn-Reply-To: <a@x>", &threads);
        assert_eq!(trusted, "1 TrustedId by a@x, named by In-Reply-To");
        let referred = matched(&policy, "Subject: Other\r\nReferences: <a@x>", &threads);
        assert_eq!(referred, "changed by a@x, named by References");
        let nearer = matched(&policy, "Subject: Lunch\r\nIn-Reply-To: <a@x>\r\nReferences: <b@x>", &threads);
        assert_eq!(nearer, "2 Id by b@x, named by References", "the same subject is worth more");
    }

    #[test]
    fn a_conversation_ties_later_mail_with_the_same_subject_only() {
        let index = "Thread-Index: AQHZ5z6WOYDGoFF1jkmIbnyciZe03A==";
        let parse = |header: &str| Envelope::parse(format!("{header}\r\n\r\n").as_bytes());
        let of_first = conversation(&parse(index)).unwrap();
        let of_reply = conversation(&parse("Thread-Index: AQHZ5z6WOYDGoFF1jkmIbnyciZe03AAAAAAB")).unwrap();
        assert_eq!(of_first, of_reply, "22 bytes are the conversation's");
        assert_ne!(Some(of_first.clone()), conversation(&parse("Thread-Index: AQHZ5z6WOYDGoFF1jkmIbnyciZe04A==")));
        assert_eq!(conversation(&parse("Thread-Index: AQHZ5z6W")), None);

        let mut facts = facts(&[]);
        facts.threads.insert(of_first.key, known(1, "offer"));
        let began = DateTime::from_timestamp(1_000, 0).unwrap();
        facts.began.insert(Uuid::from_u128(1), began);
        let found = |subject: &str, after: i64| {
            let mail = parse(&format!("Subject: {subject}"));
            let received = began + chrono::TimeDelta::seconds(after);
            match find_with(&Policy::default(), &mail, received, std::slice::from_ref(&of_first), &facts) {
                ThreadMatch::Known(hit) => Some(hit.by),
                _ => None,
            }
        };
        assert_eq!(found("Re: Offer", 5), Some(By::Conversation));
        assert_eq!(found("Re: Offer", -5), None, "what was there before is no reply (D7)");
        assert_eq!(found("Lunch", 5), None);
    }
}
