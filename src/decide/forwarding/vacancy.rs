//! The original of a forward that is met afterwards in a connected inbox: a sighting, whose exact ids later replies refer to
//! (D20, D21).
//!
//! A forward prints no Message-ID. What it knows of its original are sender, subject and minute, as a name of its activity
//! that one mail may claim. Of unlogged mail in an inbox the sender is not asked for, so it waits by a hash of subject and
//! minute, and its sender is looked at when a forward has the same.

use uuid::Uuid;

use crate::decide::MessageKey;
use crate::decide::facts::WorkspaceFacts;
use crate::mail::envelope::Envelope;
use crate::mail::subject::BaseSubject;

/// How far apart, in minutes, a date without a zone may be: the clocks of the forwarder were changed in between.
const CLOCK_CHANGES: [i64; 3] = [0, -60, 60];

/// The names that a forward has for its original, of which only the printed header is known.
pub(super) fn left_by(original: &Envelope) -> Vec<MessageKey> {
    let place = places(original, &[0]).next();
    place.into_iter().chain(moment(original)).collect()
}

/// The places that a mail may fill.
pub fn fills(envelope: &Envelope) -> Vec<MessageKey> {
    places(envelope, &CLOCK_CHANGES).collect()
}

/// What a mail waits by for a forward of it.
pub fn moment(envelope: &Envelope) -> Option<MessageKey> {
    let subject = subject(envelope)?;
    envelope.date.map(|sent| MessageKey::of_moment(&subject, sent))
}

/// The forward whose original a mail is.
pub fn forward_of(envelope: &Envelope, facts: &WorkspaceFacts) -> Option<Uuid> {
    fills(envelope).iter().find_map(|place| facts.known.get(place).copied())
}

fn places(envelope: &Envelope, apart: &'static [i64]) -> impl Iterator<Item = MessageKey> {
    let known = || Some((envelope.from.first()?, subject(envelope)?, envelope.date?.timestamp().div_euclid(60)));
    let known = known();
    apart.iter().filter_map(move |apart| {
        let (from, subject, minute) = known.as_ref()?;
        Some(MessageKey::of_vacancy(from.address.folded(), subject, minute + apart))
    })
}

/// Mail without a subject has too little to be told by.
fn subject(envelope: &Envelope) -> Option<BaseSubject> {
    Some(BaseSubject::of(&envelope.subject)).filter(|subject| !subject.as_str().is_empty())
}
