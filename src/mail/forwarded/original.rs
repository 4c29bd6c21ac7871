//! The forwarded message as a mail of its own, as far as what is left of it allows (spec B21).

use chrono::{DateTime, TimeDelta, Utc};

use super::people::Person;
use super::{Certainty, Forwarded, Original, attached};
use crate::mail::address::Party;
use crate::mail::envelope::Envelope;
use crate::mail::message::Mail;

/// How far the clocks of two places may be apart.
const CLOCKS: TimeDelta = TimeDelta::hours(26);

/// The header of the forwarded message. Whoever it names without an address is left out; its identifier is that of the
/// forward where its own is unknown, and so are the messages that it refers to; its date is none where that cannot be told.
pub fn envelope_of(mail: &Mail, forwarded: &Forwarded) -> Envelope {
    if forwarded.certainty == Certainty::Exact
        && let Some((_, inner)) = attached::message(mail, forwarded.original())
    {
        return inner.envelope;
    }
    printed(&mail.envelope, forwarded.original())
}

/// The forwarded message in the place of the mail that forwards it, which was [read](super::read) before.
pub fn into_original(mut mail: Mail) -> Mail {
    let Some(forwarded) = mail.forward.take().and_then(|forward| forward.ok()) else { return mail };
    let arrived = mail.envelope.date;
    let mut original = match attached::message(&mail, forwarded.original())
        .filter(|_| forwarded.certainty == Certainty::Exact)
    {
        Some((at, mut inner)) => {
            // Other messages that were attached, and files: nothing is lost.
            let others = mail.attachments.into_iter().enumerate().filter(|(place, part)| *place != at && !part.inline);
            inner.attachments.extend(others.map(|(_, part)| part));
            inner
        }
        None => {
            let envelope = printed(&mail.envelope, forwarded.original());
            let Original { text, html, .. } = forwarded.first;
            Mail { envelope, text: Some(text), html, bounce: None, ..mail }
        }
    };
    let date = original.envelope.date;
    // Nothing is forwarded before it was sent: the clocks were those of another place.
    original.envelope.date = date.map(|date| arrived.map_or(date, |arrived| date.min(arrived))).or(arrived);
    original
}

fn printed(outer: &Envelope, original: &Original) -> Envelope {
    let party = |person: &Person| Some(Party { name: person.name.clone(), address: person.address.clone()? });
    let from: Vec<Party> = party(&original.from).into_iter().collect();
    Envelope {
        message_id: outer.forwarded_message_id.clone().or_else(|| outer.message_id.clone()),
        original_message_id: None,
        from_mailboxes: from.len(),
        from,
        sender: None,
        reply_to: Vec::new(),
        to: original.to.iter().filter_map(party).collect(),
        cc: original.cc.iter().filter_map(party).collect(),
        subject: original.subject.clone().unwrap_or_default(),
        date: sent(outer, original),
        ..outer.clone()
    }
}

/// When it was sent. What is printed without a zone is on the clocks of who forwards it.
fn sent(outer: &Envelope, original: &Original) -> Option<DateTime<Utc>> {
    let local = || {
        let ahead = TimeDelta::minutes(i64::from(outer.date_offset.unwrap_or_default()));
        original.date_local?.checked_sub_signed(ahead).map(|moment| moment.and_utc())
    };
    let sent = original.date_utc.or_else(local)?;
    let misread = outer.date.is_some_and(|arrived| sent - arrived > CLOCKS);
    (!misread).then_some(sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::forwarded;

    fn forward(date: &str, printed: &str) -> Mail {
        let raw = format!(
            "Date: {date}\r\nMessage-ID: <f@ours.example>\r\nFrom: anna@ours.example\r\nTo: log@crm.example\r\n\
             Subject: Fwd: Offer\r\nContent-Type: text/plain\r\n\r\nPlease log.\r\n\r\n\
             ---------- Forwarded message ---------\r\nFrom: Carla <carla@customer.example>\r\nDate: {printed}\r\n\
             Subject: Offer\r\nTo: Anna <anna@ours.example>\r\n\r\nWe take it.\r\n"
        );
        let mut mail = Mail::parse(raw.as_bytes()).unwrap();
        mail.forward = Some(Box::new(forwarded::read(&mail)));
        mail
    }

    fn moment(date: &str, printed: &str) -> String {
        into_original(forward(date, printed)).envelope.date.unwrap().format("%m-%dT%H:%M").to_string()
    }

    #[test]
    fn a_forward_becomes_the_message_it_forwards() {
        let mail = into_original(forward("Sun, 22 Nov 2026 12:00:00 +0100", "Sun, Nov 22, 2026 at 10:05 AM"));
        assert_eq!(mail.envelope.from[0].address.as_str(), "carla@customer.example");
        assert_eq!((mail.envelope.subject.as_str(), mail.text.as_deref()), ("Offer", Some("We take it.")));
        assert_eq!(mail.envelope.message_id.unwrap().as_str(), "f@ours.example");
    }

    #[test]
    fn a_printed_subject_is_one_line_however_long_and_odd_it_is() {
        let odd = format!("Of\u{b}fer\u{c}\u{1b}{}", "x".repeat(20_000));
        let mut mail = forward("Sun, 22 Nov 2026 12:00:00 +0100", "Sun, Nov 22, 2026 at 10:05 AM");
        mail.text = mail.text.map(|text| text.replace("Subject: Offer", &format!("Subject: {odd}")));
        mail.text = mail.text.map(|text| text.replace("From: Carla", "From: Car\u{1}la"));
        mail.forward = Some(Box::new(forwarded::read(&mail)));
        let envelope = into_original(mail).envelope;
        assert_eq!(envelope.from[0].name.as_deref(), Some("Carla"));
        let subject = envelope.subject;
        assert!(subject.starts_with("Of") && subject.len() <= 8 * 1024, "{subject}");
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
    }

    #[test]
    fn a_date_without_a_zone_is_on_the_clocks_of_who_forwards() {
        let forwarded = "Sun, 22 Nov 2026 12:00:00 +0100";
        assert_eq!(moment(forwarded, "Sun, Nov 22, 2026 at 10:05 AM"), "11-22T09:05");
        assert_eq!(moment(forwarded, "Sun, 22 Nov 2026 10:05:00 +0000"), "11-22T10:05");
    }

    #[test]
    fn nothing_is_forwarded_before_it_was_sent() {
        assert_eq!(moment("Sun, 22 Nov 2026 10:00:00 +0000", "Sun, Nov 22, 2026 at 10:55 AM"), "11-22T10:00");
        assert_eq!(moment("Sun, 22 Nov 2026 10:00:00 +0000", "Sun, 27 Dec 2026 10:55:00 +0000"), "11-22T10:00");
        assert_eq!(moment("Sun, 22 Nov 2026 10:00:00 +0000", "on a sunny day"), "11-22T10:00");
    }
}
