//! Messages that are forwarded as attachments: their headers are exact (B23).

use super::people::Person;
use super::{Forwarded, Original};
use crate::mail::address::Party;
use crate::mail::fields::{Fields, header_len};
use crate::mail::message::{Mail, Part};

/// How many attached messages one mail forwards.
const MAX_ORIGINALS: usize = 100;

/// Every attached message that somebody sent.
pub(super) fn originals(mail: &Mail) -> Vec<Original> {
    mail.attachments
        .iter()
        .filter(|part| is_message(part))
        .filter_map(|part| original(&part.bytes))
        .take(MAX_ORIGINALS)
        .collect()
}

/// The first of them as a whole, and its place among the attachments.
pub(super) fn first(mail: &Mail) -> Option<(usize, Mail)> {
    let messages = mail.attachments.iter().enumerate().filter(|(_, part)| is_message(part));
    messages.filter_map(|(at, part)| Some((at, Mail::parse(&part.bytes).ok()?))).find(|(_, mail)| mail.has_sender())
}

/// Some programs attach a message as a file.
fn is_message(part: &Part) -> bool {
    let ending = part.name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("eml"));
    matches!(part.media_type.as_str(), "message/rfc822" | "message/global")
        || (ending && !part.media_type.starts_with("text/"))
}

fn original(bytes: &[u8]) -> Option<Original> {
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
    })
}

fn person(party: &Party) -> Person {
    Person { name: party.name.clone(), address: Some(party.address.clone()) }
}

impl Mail {
    fn has_sender(&self) -> bool {
        !self.envelope.from.is_empty()
    }
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
