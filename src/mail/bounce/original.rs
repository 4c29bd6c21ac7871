//! The message that came back, as far as the bounce holds it.

use std::borrow::Cow;

use super::layout::{Layout, value_in};
use super::report::Report;
use super::text_of;
use crate::mail::address::Address;
use crate::mail::envelope::Envelope;
use crate::mail::message_id::MessageId;
use crate::mail::structure::Node;

/// How many embedded messages one bounce is read for.
const MAX_PARTS: usize = 10;

/// The longest run of bytes that is searched for an identifier when nothing else has one.
const MAX_SEARCHED: usize = 256 * 1024;

/// The embedded originals, or their headers.
pub struct Parts {
    found: bool,
    envelopes: Vec<Envelope>,
}

impl Parts {
    /// Reads the header of each embedded message.
    pub fn of(raw: &[u8], nodes: &[Node]) -> Self {
        let nodes = nodes.iter().filter(|node| is_original(node)).take(MAX_PARTS);
        // Some systems leave an empty line above the header.
        let envelopes: Vec<Envelope> =
            nodes.map(|node| Envelope::parse(text_of(raw, node).trim_start().as_bytes())).collect();
        Self { found: !envelopes.is_empty(), envelopes }
    }

    /// Whether there is one at all.
    pub fn any(&self) -> bool {
        self.found
    }

    /// Whom the original was sent to.
    pub fn recipients(&self) -> Vec<Address> {
        let sent = self.envelopes.iter().find(|original| !original.to.is_empty());
        sent.into_iter().flat_map(|original| original.to.iter().map(|party| party.address.clone())).collect()
    }
}

fn is_original(node: &Node) -> bool {
    matches!(
        node.media_type.as_str(),
        "message/rfc822"
            | "message/global"
            | "message/partial"
            | "message/rfc822-headers"
            | "message/global-headers"
            | "text/rfc822-headers"
            | "text/rfc822-header"
            | "text/rfc822"
    )
}

/// The identifier of the original, from the surest place that has one. The header that a notice shows is the one that
/// the mail system was handed; the embedded message may have passed more systems before it was packed up.
pub fn message_id(
    raw: &[u8],
    parts: &Parts,
    report: &Report,
    layout: &Layout<'_>,
    envelope: &Envelope,
) -> Option<MessageId> {
    let in_text = |text: &str| value_in(text, "message-id:").and_then(|value| MessageId::parse(&value));
    let embedded = || parts.envelopes.iter().find_map(|original| original.message_id.clone());
    layout
        .original
        .and_then(in_text)
        .or_else(embedded)
        .or_else(|| report.original_message_id.clone())
        .or_else(|| in_text(layout.notice))
        .or_else(|| in_text(&body(raw)))
        .or_else(|| envelope.in_reply_to.first().cloned())
        .or_else(|| envelope.references.last().cloned())
}

/// Everything below the header as it came, for messages whose parts are not what they claim to be.
pub fn body(raw: &[u8]) -> Cow<'_, str> {
    let body = raw.get(crate::mail::fields::header_len(raw)..).unwrap_or_default();
    String::from_utf8_lossy(body.get(..MAX_SEARCHED).unwrap_or(body))
}
