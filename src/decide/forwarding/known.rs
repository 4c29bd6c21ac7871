//! Whether a forwarded message is on the timeline already, and by which names it is known afterwards (D20).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::beginning::Beginning;
use crate::decide::MessageKey;
use crate::decide::facts::{FactQuery, WorkspaceFacts, ancestors};
use crate::decide::key::alike;
use crate::mail::envelope::Envelope;
use crate::mail::forwarded::{Certainty, Forwarded, each, envelope_of};
use crate::mail::message::Mail;
use crate::mail::subject::BaseSubject;

/// How far apart the clocks of two places can be, and the step in which they differ.
const ZONES: TimeDelta = TimeDelta::hours(14);
const STEP: i64 = 15;

/// Letters and figures that a text must have to name a message without a date.
const TELLING: usize = 12;

/// A mail on the timeline that a forward may be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMail {
    /// The activity.
    pub activity: Uuid,
    /// Folded address of who sent it.
    pub sender: String,
    /// That person's name.
    pub name: Option<String>,
    /// Its base subject.
    pub base_subject: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// How its text begins.
    pub text: String,
    /// Names and sizes of what is attached to it, where it has no text.
    pub files: BTreeSet<(String, u64)>,
}

/// Adds what the decision on a forward, of each original that it has, will ask.
pub fn ask(mail: &Mail, query: &mut FactQuery) {
    match forwarded(mail) {
        Some(forwarded) if !forwarded.others.is_empty() => each(mail.clone()).iter().for_each(|one| ask(one, query)),
        Some(forwarded) => ask_about(mail, forwarded, query),
        None => {}
    }
}

fn ask_about(mail: &Mail, forwarded: &Forwarded, query: &mut FactQuery) {
    let original = envelope_of(mail, forwarded);
    query.add(&original);
    let wanted = &mut query.originals;
    wanted.keys.extend(nearest(mail));
    let people = original.from.iter().chain(&original.to);
    wanted.people.extend(people.map(|party| party.address.folded().to_owned()));
    wanted.subjects.insert(BaseSubject::of(&original.subject).as_str().to_owned());
    query.messages.extend(own_names(mail, forwarded, &original));
}

/// The keys by which two forwards are told that must not be decided on at the same time.
pub fn keys(mail: &Mail) -> Vec<MessageKey> {
    let Some(forwarded) = forwarded(mail) else { return Vec::new() };
    if !forwarded.others.is_empty() {
        return each(mail.clone()).iter().flat_map(keys).collect();
    }
    let original = envelope_of(mail, forwarded);
    let sender = original.from.first().map_or("", |from| from.address.folded());
    let likeness = MessageKey::of_likeness(sender, &BaseSubject::of(&original.subject));
    let mut keys = own_names(mail, forwarded, &original);
    keys.extend(ancestors(&mail.envelope));
    keys.push(likeness);
    keys
}

fn forwarded(mail: &Mail) -> Option<&Forwarded> {
    mail.forward.as_deref()?.as_ref().ok()
}

/// The message that a mail answers or forwards, by its header: mail programs name the original there.
fn nearest(mail: &Mail) -> Option<MessageKey> {
    let named = mail.envelope.forwarded_message_id.as_ref().map(MessageKey::of_id);
    named.or_else(|| ancestors(&mail.envelope).into_iter().next())
}

/// The names of the original that do not depend on what else is known, the surest first.
fn own_names(mail: &Mail, forwarded: &Forwarded, original: &Envelope) -> Vec<MessageKey> {
    let attached = forwarded.original().message_id.as_ref().filter(|_| forwarded.certainty == Certainty::Exact);
    let exact = attached.or(mail.envelope.forwarded_message_id.as_ref()).map(MessageKey::of_id);
    let outer = mail.envelope.message_id.as_ref().map(MessageKey::of_id);
    exact.into_iter().chain(by_likeness(forwarded, original)).chain(outer).collect()
}

/// The name that forwards of one message have in common. Two messages of one minute have the same.
fn by_likeness(forwarded: &Forwarded, original: &Envelope) -> Option<MessageKey> {
    let text = &forwarded.original().text;
    let told = original.date.is_some() || alike(text).chars().count() >= TELLING;
    original.from.first().filter(|_| told).map(|from| {
        MessageKey::of_original(from.address.folded(), &BaseSubject::of(&original.subject), original.date, text)
    })
}

/// Every name by which the original is known once it is logged; the first is its key. What the forward refers to is the
/// original, unless that is known to be something else: by it later replies find the thread, and a copy of the original in
/// a connected inbox is known. A name that is known already is another's: `find` has told the two apart.
pub(super) fn names(
    mail: &Mail,
    forwarded: &Forwarded,
    original: &Envelope,
    facts: &WorkspaceFacts,
) -> Vec<MessageKey> {
    let mut names = own_names(mail, forwarded, original);
    let referred =
        nearest(mail).filter(|key| forwarded.certainty != Certainty::Exact && !facts.referred.contains_key(key));
    names.extend(referred.filter(|key| !names.contains(key)));
    names.retain(|name| !facts.known.contains_key(name));
    names
}

/// The activity that stands for the original: by a name of it, by what the forward refers to, or by sender, subject and
/// date. What only looks like it must say the same: more than one mail may be sent in a minute.
pub(super) fn find(mail: &Mail, forwarded: &Forwarded, original: &Envelope, facts: &WorkspaceFacts) -> Option<Uuid> {
    let like = Likeness {
        original,
        name: forwarded.original().from.name.as_deref(),
        subject: BaseSubject::of(&original.subject),
        text: Beginning::of(&forwarded.original().text),
        files: files(mail),
        zone_known: forwarded.original().date_utc.is_some(),
    };
    let likeness = by_likeness(forwarded, original);
    let differs = |activity: Uuid| {
        let found = facts.likely.iter().find(|known| known.activity == activity);
        found.is_some_and(|known| !like.says_the_same(known))
    };
    let by_name = own_names(mail, forwarded, original).into_iter().find_map(|name| {
        let activity = facts.known.get(&name).copied()?;
        (Some(name) != likeness || !differs(activity)).then_some(activity)
    });
    if by_name.is_some() || forwarded.certainty == Certainty::Exact && forwarded.original().message_id.is_some() {
        return by_name;
    }
    let referred = nearest(mail).and_then(|key| facts.referred.get(&key)).filter(|known| like.fits(known, true));
    let found = referred.or_else(|| facts.likely.iter().find(|known| like.fits(known, false)));
    found.map(|known| known.activity)
}

/// What is known of a forwarded message.
struct Likeness<'a> {
    original: &'a Envelope,
    name: Option<&'a str>,
    subject: BaseSubject,
    text: Beginning,
    files: BTreeSet<(String, u64)>,
    zone_known: bool,
}

impl Likeness<'_> {
    /// Whether a mail is it. One that the forward refers to needs less to be it: some programs print no address (B22).
    fn fits(&self, known: &KnownMail, referred: bool) -> bool {
        let same_sender = match self.original.from.first() {
            Some(from) => from.address.folded() == known.sender,
            None => referred && self.name.is_some() && self.name == known.name.as_deref(),
        };
        same_sender
            && self.subject.as_str() == known.base_subject
            && self.same_time(known, referred)
            && (referred || self.says_the_same(known))
    }

    fn same_time(&self, known: &KnownMail, referred: bool) -> bool {
        // Without a text there is too little to go by.
        let told = referred || !self.text.is_empty();
        let Some(sent) = self.original.date else { return told };
        // Programs print no seconds.
        let minutes = (sent.timestamp().div_euclid(60) - known.sent_at.timestamp().div_euclid(60)).abs();
        let elsewhere = minutes % STEP == 0 && minutes <= ZONES.num_minutes() && !self.zone_known;
        minutes == 0 || (elsewhere && told)
    }

    fn says_the_same(&self, known: &KnownMail) -> bool {
        self.text.is_like(&Beginning::of(&known.text)) && (!self.text.is_empty() || self.has_files_of(known))
    }

    /// Of two mails without a text what is attached tells, where both have something.
    fn has_files_of(&self, known: &KnownMail) -> bool {
        self.files.is_empty() || known.files.is_empty() || !self.files.is_disjoint(&known.files)
    }
}

/// What is attached to a forward, and to its original therefore.
fn files(mail: &Mail) -> BTreeSet<(String, u64)> {
    let files = mail.attachments.iter().filter(|part| !part.inline);
    files.map(|part| (part.name.clone(), part.bytes.len() as u64)).collect()
}
