//! Messages that are forwarded as attachments: their headers are exact (B23).

use super::people::Person;
use super::{Forwarded, Original};
use crate::mail::address::Party;
use crate::mail::fields::{Fields, header_len};
use crate::mail::message::{Mail, Part};

/// How many messages attached to one mail are logged: whoever forwards more has chosen them together, and each asks as much
/// of the store as a mail.
pub const MAX_ORIGINALS: usize = 20;

/// Every attached message that somebody sent, up to the limit.
pub(super) fn originals(mail: &Mail) -> Vec<Original> {
    let messages = mail.attachments.iter().enumerate().filter(|(_, part)| is_message(part));
    messages.filter_map(|(at, part)| original(at, &part.bytes)).take(MAX_ORIGINALS).collect()
}

/// How many more there are.
pub(super) fn beyond(mail: &Mail) -> usize {
    let messages = mail.attachments.iter().filter(|part| is_message(part)).count();
    messages.saturating_sub(MAX_ORIGINALS)
}

/// The message that an original was read from, and its place among the attachments.
pub(super) fn message(mail: &Mail, original: &Original) -> Option<(usize, Mail)> {
    let at = original.attachment?;
    Some((at, Mail::parse(&mail.attachments.get(at)?.bytes).ok()?))
}

/// A mail for each original that was attached, in their order (B23): each has its own message, and nothing of the others.
/// Files beside them, and what is over the limit, stay with the first, as do the names of the forward itself.
pub fn each(mut mail: Mail) -> Vec<Mail> {
    let whole = match mail.forward.take().map(|forward| *forward) {
        Some(Ok(forwarded)) if !forwarded.others.is_empty() => forwarded,
        forward => return vec![Mail { forward: forward.map(Box::new), ..mail }],
    };
    let mut parts: Vec<Option<Part>> = std::mem::take(&mut mail.attachments).into_iter().map(Some).collect();
    let Forwarded { first, others, .. } = whole.clone();
    let originals: Vec<Original> = std::iter::once(first).chain(others).collect();
    let count = originals.len();
    let taken: Vec<Option<Part>> = originals.iter().map(|one| parts.get_mut(one.attachment?)?.take()).collect();
    let mut others = mail.clone();
    others.omitted = 0;
    others.envelope.message_id = None;
    others.envelope.original_message_id = None;
    others.envelope.forwarded_message_id = None;
    others.envelope.in_reply_to.clear();
    others.envelope.references.clear();
    let mut rest = parts.into_iter().flatten();
    let mails = originals.into_iter().zip(taken).enumerate().map(|(nth, (original, part))| {
        let first = Original { attachment: Some(0), ..original };
        let alone = Forwarded { first, others: Vec::new(), place: Some((nth + 1, count)), ..whole.clone() };
        let alone = if nth == 0 { alone } else { Forwarded { beyond: 0, ..alone } };
        let outer = if nth == 0 { &mail } else { &others };
        let attachments = part.into_iter().chain(rest.by_ref()).collect();
        Mail { attachments, forward: Some(Box::new(Ok(alone))), ..outer.clone() }
    });
    mails.collect()
}

/// Some programs attach a message as a file.
fn is_message(part: &Part) -> bool {
    let ending = part.name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("eml"));
    matches!(part.media_type.as_str(), "message/rfc822" | "message/global")
        || (ending && !part.media_type.starts_with("text/"))
}

fn original(at: usize, bytes: &[u8]) -> Option<Original> {
    let mail = Mail::parse(bytes).ok()?;
    let envelope = &mail.envelope;
    let from = envelope.from.first().map(person)?;
    let header = Fields::parse(bytes.get(..header_len(bytes)).unwrap_or_default());
    Some(Original {
        from,
        to: envelope.to.iter().map(person).collect(),
        cc: envelope.cc.iter().map(person).collect(),
        subject: Some(envelope.subject.clone()).filter(|subject| !subject.is_empty()),
        date: header.first("Date").map(|date| date.trim().to_owned()).filter(|date| !date.is_empty()),
        date_utc: envelope.date,
        date_local: None,
        text: mail.text.as_deref().unwrap_or_default().trim_end().to_owned(),
        html: mail.html.clone(),
        message_id: envelope.message_id.clone(),
        attachment: Some(at),
    })
}

fn person(party: &Party) -> Person {
    Person { name: party.name.clone(), address: Some(party.address.clone()) }
}

impl Forwarded {
    /// Whether one of these is the same message.
    pub(super) fn is_one_of(&self, originals: &[Original]) -> bool {
        let mine = self.original();
        originals.iter().any(|other| {
            other.from.address == mine.from.address && (mine.subject.is_none() || other.subject == mine.subject)
        })
    }
}
