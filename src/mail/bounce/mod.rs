//! What a bounce says about the message that came back (spec J12).
//!
//! A delivery report (RFC 3464) says it in fields. Mail systems that know no such reports say it in prose: there the
//! layout of the text is read rather than its language.

mod layout;
mod original;
mod prose;
mod report;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::automatic::{self, Class};
use super::envelope::Envelope;
use super::fields::Fields;
use super::message_id::MessageId;
use super::structure::{Node, Structure};
use super::{charset, content, failure, transfer};

/// How much of the text of a bounce is read, in octets.
const MAX_TEXT: usize = 64 * 1024;

/// How many failed recipients one bounce may name.
const MAX_RECIPIENTS: usize = 1_000;

/// A report about a message that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bounce {
    /// Who did not get the message, each once; empty if the report does not tell, or is about a success.
    pub failed_recipients: Vec<Address>,
    /// The message it is about.
    pub original_message_id: Option<MessageId>,
    /// What became of the message.
    pub action: Action,
    /// The enhanced status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
}

/// What became of a message (RFC 3464 section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It came back for good.
    #[default]
    Failed,
    /// It is late, and still tried.
    Delayed,
    /// It arrived.
    Delivered,
    /// It went on to a system that reports nothing.
    Relayed,
    /// It was sent on to several addresses.
    Expanded,
}

/// The bounce that a message is, if it is one. Mail that a person wrote is not looked into.
pub(super) fn find(raw: &[u8], structure: &Structure<'_>, envelope: &Envelope, text: Option<&str>) -> Option<Bounce> {
    let certain = envelope.class == Class::Bounce;
    if !automatic::may_be_bounce(envelope.class, &structure.fields, &envelope.subject, envelope.from.first()) {
        return None;
    }
    let shown = text.filter(|text| !text.trim().is_empty()).map(Cow::Borrowed);
    let text = shown.unwrap_or_else(|| original::body(raw));
    let text = content::truncate_text(&text, MAX_TEXT);
    let layout = layout::Layout::of(text);
    let told = report::read(raw, &structure.nodes, layout.notice);
    let parts = original::Parts::of(raw, &structure.nodes);
    let found = prose::read(&layout, &parts, envelope);
    // A parcel, too, can be one that "could not be delivered": without a system behind it the mail itself must be there.
    let is_system = || automatic::is_from_system(&structure.fields, envelope.from.first());
    let has_original = parts.any() || layout.has_copy();
    let tells = found.says_so && !found.recipients.is_empty() && (has_original || found.is_sure && is_system());
    if !certain && told.is_none() && !tells {
        return None;
    }
    let header = envelope.failed_recipients.clone();
    let told = told.unwrap_or_default();
    let action = told.action.unwrap_or(found.action);
    let mut recipients = told.failed(&found.recipients);
    if recipients.is_empty() && matches!(action, Action::Failed | Action::Delayed) {
        recipients = if header.is_empty() { found.recipients } else { header };
    }
    Some(Bounce {
        failed_recipients: unique(recipients),
        original_message_id: original::message_id(raw, &parts, &told, &layout, envelope),
        action,
        status: told.status.or(found.status),
    })
}

/// Whether a header is that of a delivery report (RFC 6522 section 3, RFC 3464): the message that came back is in its third
/// part, if it is there at all.
pub fn is_delivery_report(header: &[u8]) -> bool {
    let content_type = Fields::parse(header).value("Content-Type").filter(|value| value.value == "multipart/report");
    let kind = content_type.as_ref().and_then(|value| value.parameter("report-type"));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("delivery-status"))
}

/// Whether a subject is one that delivery reports have, so that the rest of the header is worth a look.
pub fn is_subject_of_report(subject: &str) -> bool {
    failure::is_likely(subject)
}

/// Whom a header names as not reached, as Gmail and Exim do.
pub(super) fn header_recipients(fields: &Fields<'_>) -> Vec<Address> {
    fields.first("X-Failed-Recipients").map(|value| addresses(&value)).unwrap_or_default()
}

/// The text of a part, as far as a bounce is read.
fn text_of(raw: &[u8], node: &Node) -> String {
    let body = raw.get(node.body.clone()).unwrap_or_default();
    let bytes = transfer::decode(&node.encoding, body.get(..MAX_TEXT).unwrap_or(body));
    charset::decode(node.content_type.parameter("charset"), bytes)
}

/// The addresses of a list without names.
fn addresses(list: &str) -> Vec<Address> {
    list.split([',', ' ', '\t']).filter_map(Address::parse).take(MAX_RECIPIENTS).collect()
}

fn unique(addresses: Vec<Address>) -> Vec<Address> {
    let mut seen = std::collections::HashSet::new();
    addresses.into_iter().filter(|address| seen.insert(address.clone())).take(MAX_RECIPIENTS).collect()
}

/// An enhanced status code in a text (RFC 3463 section 2), told from the numbers of an IP address.
fn status_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let mut codes = words.filter(|word| {
        let numbers: Vec<&str> = word.trim_end_matches('.').split('.').collect();
        let [class, subject, detail] = numbers.as_slice() else { return false };
        let is_number = |n: &str| (1..=3).contains(&n.len());
        matches!(*class, "2" | "4" | "5") && is_number(subject) && is_number(detail)
    });
    codes.next().map(|code| code.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests;
