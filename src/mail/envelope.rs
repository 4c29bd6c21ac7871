//! What the header of a message says: all that is needed to decide about it.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::Serialize;

use super::address::{Address, Party};
use super::automatic::{self, Class};
use super::bounce;
use super::fields::{Fields, clean, header_len};
use super::message_id::MessageId;
use super::parties;
use super::redirect::Redirect;

/// The header fields to ask a server for: every field that is read here or in [`automatic`].
pub const FIELDS: &[&str] = &[
    "Message-ID",
    "X-Microsoft-Original-Message-ID",
    "In-Reply-To",
    "References",
    "Thread-Index",
    "Subject",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Date",
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Gm-Original-To",
    "Received",
    "Authentication-Results",
    "X-MS-Exchange-Organization-AuthAs",
    NOTICE_FIELD,
    "Content-Type",
    "Return-Path",
    "Auto-Submitted",
    "Precedence",
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponse",
    "X-Apple-Action",
    "X-MS-Exchange-Inbox-Rules-Loop",
    "X-MS-Exchange-Message-Is-Ndr",
    "X-Failed-Recipients",
    "List-Id",
    "List-Unsubscribe",
    "List-Post",
    "X-Forwarded-Message-Id",
    "X-Forwarded-To",
    "X-Forwarded-For",
    "Resent-From",
    "Resent-To",
];

/// Fields that name the address a message was delivered to, the most telling first (A18).
/// Marks the notices that mailtrail sends, so that they are known when they are seen again (H9).
pub const NOTICE_FIELD: &str = "X-Mailtrail-Notice";

const DELIVERY_FIELDS: &[&str] = &["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Gm-Original-To"];

/// How many fields of one name are read, so that a hostile header costs no more than its length.
const MAX_REPEATED: usize = 100;

/// The longest subject that is kept, in octets.
const MAX_SUBJECT: usize = 8 * 1024;

/// The header of a message, decoded. `Bcc` is not read: what a server leaves of it is nobody's business (A9).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Envelope {
    /// `Message-ID`.
    pub message_id: Option<MessageId>,
    /// Whether a list passed it on to which nobody can write: a newsletter, and no discussion (RFC 2369 section 3.4).
    #[serde(skip)]
    pub newsletter: bool,
    /// The identifier that the sender's client gave, where Exchange replaced it.
    pub original_message_id: Option<MessageId>,
    /// `In-Reply-To`.
    pub in_reply_to: Vec<MessageId>,
    /// `References`, oldest first.
    pub references: Vec<MessageId>,
    /// Exchange's conversation index, as sent.
    pub thread_index: Option<String>,
    /// The subject, decoded, on one line; empty if there is none (L26).
    pub subject: String,
    /// Every mailbox of every `From` field. More than one is no sender to trust.
    pub from: Vec<Party>,
    /// How many mailboxes `From` claims, with those that are no whole address.
    pub from_mailboxes: usize,
    /// `Sender`.
    pub sender: Option<Party>,
    /// `Reply-To`.
    pub reply_to: Vec<Party>,
    /// `To`, members of groups included.
    pub to: Vec<Party>,
    /// `Cc`, members of groups included.
    pub cc: Vec<Party>,
    /// `Date`, if it is one.
    pub date: Option<DateTime<Utc>>,
    /// Minutes by which the clocks of `date` are ahead of UTC.
    #[serde(skip)]
    pub date_offset: Option<i32>,
    /// The message that this one forwards, by a program that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_message_id: Option<MessageId>,
    /// Who redirected it, if anybody did (I5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// The addresses the message was delivered to, as the receiving servers noted them, the most telling first.
    pub delivered_to: Vec<Address>,
    /// Each `Authentication-Results` field, topmost first, unfolded.
    pub authentication_results: Vec<String>,
    /// What kind of message the header makes it.
    pub class: Class,
    /// Whom the header of a bounce names as not reached (`X-Failed-Recipients`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_recipients: Vec<Address>,
    /// Whether Exchange marked the message as sent within the tenant.
    pub auth_as_internal: bool,
    /// Whether mailtrail itself sent it, as a notice to a user (H9).
    pub own_notice: bool,
}

impl Envelope {
    /// Reads the header at the start of the bytes. Total: any bytes have an envelope, if an empty one.
    pub fn parse(header: &[u8]) -> Self {
        let block = header.get(..header_len(header)).unwrap_or_default();
        Self::read(&Fields::parse(block))
    }

    /// The envelope of a header that was split into fields already.
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let subject = fields.decoded("Subject");
        let date = fields.first("Date").and_then(|v| parse_date(&v));
        let from_all = || fields.all("From").take(MAX_REPEATED);
        let from: Vec<Party> = from_all().flat_map(|body| parties::parse(&body)).collect();
        Self {
            message_id: fields.first("Message-ID").and_then(|v| MessageId::parse(&v)),
            original_message_id: fields.first("X-Microsoft-Original-Message-ID").and_then(|v| MessageId::parse(&v)),
            in_reply_to: fields.first("In-Reply-To").map(|v| MessageId::list(&v)).unwrap_or_default(),
            references: fields.first("References").map(|v| MessageId::list(&v)).unwrap_or_default(),
            thread_index: fields.first("Thread-Index").map(|v| without_blanks(&v)).filter(|v| !v.is_empty()),
            from_mailboxes: from_all().map(|body| parties::count(&body)).sum(),
            sender: party_list(fields, "Sender").into_iter().next(),
            reply_to: party_list(fields, "Reply-To"),
            to: party_list(fields, "To"),
            cc: party_list(fields, "Cc"),
            date: date.map(|(date, _)| date),
            date_offset: date.map(|(_, offset)| offset),
            forwarded_message_id: fields.first("X-Forwarded-Message-Id").and_then(|v| MessageId::parse(&v)),
            redirect: Redirect::read(fields, from.first()),
            delivered_to: delivered_to(fields),
            authentication_results: authentication_results(fields),
            class: automatic::classify(fields, &subject, from.first()),
            newsletter: automatic::is_newsletter(fields),
            failed_recipients: bounce::header_recipients(fields),
            auth_as_internal: auth_as_internal(fields),
            own_notice: fields.first(NOTICE_FIELD).is_some(),
            subject: truncated(subject, MAX_SUBJECT),
            from,
        }
    }
}

fn party_list(fields: &Fields<'_>, name: &str) -> Vec<Party> {
    fields.all(name).take(MAX_REPEATED).flat_map(|body| parties::parse(&body)).collect()
}

fn authentication_results(fields: &Fields<'_>) -> Vec<String> {
    fields.all("Authentication-Results").take(MAX_REPEATED).map(std::borrow::Cow::into_owned).collect()
}

fn auth_as_internal(fields: &Fields<'_>) -> bool {
    let mut values = fields.all("X-MS-Exchange-Organization-AuthAs");
    values.next().is_some_and(|v| v.eq_ignore_ascii_case("internal")) && values.next().is_none()
}

fn delivered_to(fields: &Fields<'_>) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let noted = DELIVERY_FIELDS.iter().flat_map(|name| fields.all(name).take(MAX_REPEATED));
    let noted = noted.flat_map(|body| parties::parse(&body)).map(|party| party.address);
    let relayed = fields.all("Received").take(MAX_REPEATED).filter_map(|body| received_for(&body));
    for address in noted.chain(relayed).take(MAX_REPEATED) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// The address of the `for` clause of a `Received` field (RFC 5321 section 4.4).
fn received_for(body: &str) -> Option<Address> {
    let clauses = body.rsplit_once(';').map_or(body, |(clauses, _date)| clauses);
    let mut depth = 0usize;
    let mut is_for = false;
    for word in clauses.split_whitespace() {
        if depth == 0 && is_for {
            return Address::parse(word.trim_end_matches([';', ',']));
        }
        is_for = depth == 0 && word.eq_ignore_ascii_case("for");
        depth += word.matches('(').count();
        depth = depth.saturating_sub(word.matches(')').count());
    }
    None
}

/// The moment of a `Date` field (RFC 5322 section 3.3, with the obsolete forms of 4.3); `None` if it names none, such as
/// 31 February, or names it in another form: a date that is guessed puts the mail in a wrong place without a word. With it
/// the minutes by which the sender's clocks were ahead of UTC.
fn parse_date(body: &str) -> Option<(DateTime<Utc>, i32)> {
    // What day of the week it was is often wrong, and says nothing new.
    let body = body.trim();
    let date = match body.split_once(',') {
        Some((day, date)) if day.len() <= 12 && day.chars().all(char::is_alphabetic) => date.trim(),
        _ => body,
    };
    // In some mail the zone is missing.
    let parsed = DateTime::parse_from_rfc2822(date).or_else(|_| DateTime::parse_from_rfc2822(&format!("{date} +0000")));
    let parsed = parsed.ok()?;
    // A leap second has no place in UTC timestamps.
    let moment = parsed.to_utc().with_nanosecond(0)?;
    (1970..=2200).contains(&moment.year()).then_some((moment, parsed.offset().local_minus_utc() / 60))
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).take(4_096).collect()
}

/// A subject that was not in a header: on one line, and no longer than those that were.
pub(super) fn subject_line(text: &str) -> String {
    truncated(clean(text), MAX_SUBJECT)
}

fn truncated(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] = b"Delivered-To: log+acme@ours.example\r\n\
        Received: by 2002:a05:0:0 with SMTP id x; Sun, 22 Nov 2026 01:00:00 -0800 (PST)\r\n\
        Received: from mx.customer.example (mx.customer.example [192.0.2.1])\r\n\
        \tby mx.google.com with ESMTPS id abc (for nobody)\r\n\
        \tfor <Log+Beta@ours.example>; Sun, 22 Nov 2026 01:00:00 -0800 (PST)\r\n\
        X-Original-To: LOG+ACME@ours.example\r\n\
        Authentication-Results: mx.google.com;\r\n\tdmarc=pass header.from=ours.example\r\n\
        Authentication-Results: elsewhere.example; none\r\n\
        Message-ID:\r\n <One@ours.example>\r\n\
        X-Microsoft-Original-Message-ID: <zero@ours.example>\r\n\
        In-Reply-To: <a@x.example>\r\n\
        References: <root@x.example>\r\n <a@x.example>\r\n\
        Thread-Index: AQHZ5z6W\r\n OYDGoA==\r\n\
        Subject: =?utf-8?Q?F=C3=B6r?=\r\n =?utf-8?Q?slag?= and more\r\n\
        From: =?iso-8859-1?Q?=C5sa_Berg?= <asa@ours.example>\r\n\
        Sender: desk@ours.example\r\n\
        To: Anna <anna@customer.example>, undisclosed\r\n\
        Cc: Team: bo@customer.example, c@customer.example;\r\n\
        Bcc: hidden@customer.example\r\n\
        Date: Sun, 22 Nov 2026 10:00:00 +0100\r\n\
        \r\n\
        Subject: not the header\r\n";

    #[test]
    fn a_header_is_read_whole() {
        let e = Envelope::parse(HEADER);
        assert_eq!(e.message_id.unwrap().as_str(), "One@ours.example");
        assert_eq!(e.original_message_id.unwrap().as_str(), "zero@ours.example");
        assert_eq!(e.in_reply_to.len(), 1);
        assert_eq!(e.references.iter().map(MessageId::as_str).collect::<Vec<_>>(), ["root@x.example", "a@x.example"]);
        assert_eq!(e.thread_index.as_deref(), Some("AQHZ5z6WOYDGoA=="));
        assert_eq!(e.subject, "Förslag and more");
        assert_eq!(e.from[0].name.as_deref(), Some("Åsa Berg"));
        assert_eq!(e.sender.unwrap().address.as_str(), "desk@ours.example");
        assert_eq!(e.to.len(), 1);
        assert_eq!(e.cc.len(), 2);
        assert_eq!(e.date, Utc.with_ymd_and_hms(2026, 11, 22, 9, 0, 0).single());
        assert_eq!(e.class, Class::Human);
    }

    #[test]
    fn delivery_addresses_come_with_the_most_telling_first_and_once() {
        let e = Envelope::parse(HEADER);
        let found: Vec<_> = e.delivered_to.iter().map(Address::as_str).collect();
        assert_eq!(found, ["log+acme@ours.example", "Log+Beta@ours.example"]);
    }

    #[test]
    fn authentication_results_keep_their_order() {
        let e = Envelope::parse(HEADER);
        assert_eq!(e.authentication_results.len(), 2);
        assert!(e.authentication_results[0].starts_with("mx.google.com;"));
        assert!(!e.authentication_results[0].contains(['\r', '\n']));
    }

    #[test]
    fn several_from_mailboxes_are_all_counted() {
        let e = Envelope::parse(b"From: a@x.example, <boss>\r\nFrom: b@x.example\r\n\r\n");
        assert_eq!(e.from.len(), 2);
        assert_eq!(e.from_mailboxes, 3);
    }

    #[test]
    fn an_impossible_date_is_none() {
        for (date, expected) in [
            ("Sun, 22 Nov 2026 10:00:00 +0100", Some((2026, 11, 22, 9, 0, 0))),
            ("22 Nov 26 10:00 +0000", Some((2026, 11, 22, 10, 0, 0))),
            ("Sun, 22 Nov 2026 10:00:60 GMT", Some((2026, 11, 22, 10, 0, 59))),
            ("Sun, 22 Nov 2026 10:00:00", Some((2026, 11, 22, 10, 0, 0))),
            ("Sun, 22 Nov 2026 10:00:00 -0800 (PST)", Some((2026, 11, 22, 18, 0, 0))),
            ("Mon, 22 Nov 2026 10:00:00 +0100", Some((2026, 11, 22, 9, 0, 0))),
            ("15 Nov 26 10:00 EST", Some((2026, 11, 15, 15, 0, 0))),
            ("Sun Nov 15 10:00:00 2026", None),
            ("15 Nov 2026 10:00:00 +9999", None),
            ("31 Feb 2026 10:00:00 +0000", None),
            ("22 Nov 2026 25:61:00 +0000", None),
            ("22 Nov 9999 10:00:00 +0000", None),
            ("soon", None),
            ("", None),
        ] {
            let header = format!("Date: {date}\r\n\r\n");
            let expected = expected.and_then(|(y, mo, d, h, mi, s)| Utc.with_ymd_and_hms(y, mo, d, h, mi, s).single());
            assert_eq!(Envelope::parse(header.as_bytes()).date, expected, "{date}");
        }
    }

    #[test]
    fn the_fields_asked_for_are_enough() {
        let text = std::str::from_utf8(HEADER).unwrap().replace("\r\n\t", " ").replace("\r\n ", " ");
        let asked =
            |line: &&str| line.split(':').next().is_some_and(|n| FIELDS.iter().any(|f| f.eq_ignore_ascii_case(n)));
        let kept: Vec<&str> = text.split("\r\n\r\n").next().unwrap().lines().filter(asked).collect();
        assert_eq!(Envelope::parse(kept.join("\r\n").as_bytes()), Envelope::parse(HEADER));
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_envelope(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let e = Envelope::parse(&bytes);
            prop_assert!(!e.subject.chars().any(char::is_control));
        }

        #[test]
        fn a_damaged_header_has_an_envelope(at in 0..HEADER.len(), bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            let mut header = HEADER.to_vec();
            header.splice(at..(at + bytes.len()).min(HEADER.len()), bytes);
            Envelope::parse(&header);
        }
    }
}
