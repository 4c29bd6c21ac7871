//! Which conversation a mail belongs to (D4, D18).

use crate::decide::facts::{KnownThread, WorkspaceFacts, ancestors};
use crate::decide::{MessageKey, Policy};
use crate::mail::envelope::Envelope;
use crate::mail::subject::BaseSubject;

/// What the ids a mail refers to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadMatch<'a> {
    /// A logged thread with the same base subject.
    Known(&'a KnownThread),
    /// Only threads with another base subject (D4).
    SubjectChanged,
    /// None.
    Unknown,
}

/// The logged thread that `envelope` continues: the nearest ancestor whose thread has the same base subject (D4, D18).
/// Never the subject alone. By policy, a logged mail that In-Reply-To names is enough under any subject (L1).
pub fn find<'a>(policy: &Policy, envelope: &Envelope, facts: &'a WorkspaceFacts) -> ThreadMatch<'a> {
    let subject = BaseSubject::of(&envelope.subject);
    let mut changed = false;
    for thread in ancestors(envelope).iter().filter_map(|key| facts.threads.get(key)) {
        if thread.base_subject == subject.as_str() {
            return ThreadMatch::Known(thread);
        }
        changed = true;
    }
    let mut parents = envelope.in_reply_to.iter().map(MessageKey::of_id);
    if policy.trust_in_reply_to
        && let Some(thread) = parents.find_map(|key| facts.threads.get(&key))
    {
        return ThreadMatch::Known(thread);
    }
    if changed { ThreadMatch::SubjectChanged } else { ThreadMatch::Unknown }
}
