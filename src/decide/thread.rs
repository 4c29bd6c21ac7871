//! Which conversation a mail belongs to (D4, D18).

use crate::decide::facts::{KnownThread, WorkspaceFacts, ancestors};
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
/// Never the subject alone.
pub fn find<'a>(envelope: &Envelope, facts: &'a WorkspaceFacts) -> ThreadMatch<'a> {
    let subject = BaseSubject::of(&envelope.subject);
    let mut changed = false;
    for thread in ancestors(envelope).iter().filter_map(|key| facts.threads.get(key)) {
        if thread.base_subject == subject.as_str() {
            return ThreadMatch::Known(thread);
        }
        changed = true;
    }
    if changed { ThreadMatch::SubjectChanged } else { ThreadMatch::Unknown }
}
