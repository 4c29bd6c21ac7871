//! The fields of a delivery report (RFC 3464, RFC 6533).

use super::{Action, addresses, status_in, text_of};
use crate::mail::address::Address;
use crate::mail::fields::Fields;
use crate::mail::message_id::MessageId;
use crate::mail::structure::Node;

/// How many report parts, and how many recipients, one bounce is read for.
const MAX_REPORTS: usize = 10;
const MAX_BLOCKS: usize = 1_000;

/// What a report tells.
#[derive(Debug, Default)]
pub struct Report {
    recipients: Vec<Recipient>,
    pub action: Option<Action>,
    pub status: Option<String>,
    pub original_message_id: Option<MessageId>,
}

/// The fields about one recipient.
#[derive(Debug, Default)]
struct Recipient {
    last: Option<Address>,
    /// The address the sender wrote, where an alias leads on.
    original: Option<Address>,
    action: Option<Action>,
    status: Option<String>,
}

/// The report parts of a bounce; where there is none, the fields that some systems write into the text.
pub fn read(raw: &[u8], nodes: &[Node], notice: &str) -> Option<Report> {
    let parts = nodes.iter().filter(|node| is_report(node)).take(MAX_REPORTS);
    let mut recipients: Vec<Recipient> = Vec::new();
    let mut report = Report::default();
    for text in parts.map(|node| text_of(raw, node)) {
        report.read(&text, &mut recipients);
    }
    if recipients.is_empty() && notice.contains("-Recipient:") {
        report.read(notice, &mut recipients);
    }
    if recipients.is_empty() {
        return None;
    }
    let worst = recipients.iter().min_by_key(|recipient| severity(recipient.action));
    report.action = worst.and_then(|recipient| recipient.action);
    report.status = worst.and_then(|recipient| recipient.status.clone());
    let action = report.action;
    recipients.retain(|recipient| recipient.action == action);
    report.recipients = recipients;
    Some(report)
}

fn is_report(node: &Node) -> bool {
    matches!(
        node.media_type.as_str(),
        "message/delivery-status" | "message/global-delivery-status" | "text/delivery-status"
    )
}

/// A failure matters more than a delay, and a delay more than a success.
fn severity(action: Option<Action>) -> u8 {
    match action {
        Some(Action::Failed) => 0,
        None => 1,
        Some(Action::Delayed) => 2,
        Some(_) => 3,
    }
}

impl Report {
    /// The recipients that did not get the message. Of an alias and what it leads to the last is meant, unless the
    /// text speaks of the first only.
    pub fn failed(&self, named: &[Address]) -> Vec<Address> {
        if !matches!(self.action, None | Some(Action::Failed | Action::Delayed)) {
            return Vec::new();
        }
        let address = |recipient: &Recipient| match (&recipient.last, &recipient.original) {
            (Some(last), Some(original)) if !named.contains(last) && named.contains(original) => Some(original.clone()),
            (last, original) => last.clone().or_else(|| original.clone()),
        };
        self.recipients.iter().filter_map(address).collect()
    }

    fn read(&mut self, text: &str, recipients: &mut Vec<Recipient>) {
        for block in blocks(text).take(MAX_BLOCKS) {
            let fields = Fields::parse(block.as_bytes());
            let original = ["Original-Message-ID", "X-Original-Message-ID"].iter().find_map(|name| fields.first(name));
            self.original_message_id =
                self.original_message_id.take().or_else(|| original.and_then(|id| MessageId::parse(&id)));
            recipients.extend(Recipient::read(&fields));
        }
    }
}

impl Recipient {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        let address = |name: &str| fields.first(name).and_then(|value| typed_address(&value));
        let last = address("Final-Recipient").or_else(|| address("X-Actual-Recipient"));
        let original = address("Original-Recipient");
        let action = fields.first("Action").and_then(|value| action(&value));
        let status = fields.first("Status").and_then(|value| status_in(&value));
        let status = status.or_else(|| fields.first("Diagnostic-Code").and_then(|value| status_in(&value)));
        let is_one = fields.has("Final-Recipient") || last.is_some() || original.is_some();
        is_one.then_some(Self { last, original, action, status })
    }
}

/// `rfc822; name@host`, also without the type, in brackets, and with a remark behind it.
fn typed_address(value: &str) -> Option<Address> {
    let value = value.split_once(';').map_or(value, |(_type, address)| address).trim();
    Address::parse(value).or_else(|| addresses(value).into_iter().next())
}

fn action(value: &str) -> Option<Action> {
    let word = value.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty())?;
    match word.to_ascii_lowercase().as_str() {
        "failed" | "failure" => Some(Action::Failed),
        "delayed" => Some(Action::Delayed),
        "delivered" => Some(Action::Delivered),
        "relayed" => Some(Action::Relayed),
        "expanded" => Some(Action::Expanded),
        _ => None,
    }
}

/// The paragraphs of a text.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text.trim_start());
    std::iter::from_fn(move || {
        let text = rest.filter(|text| !text.is_empty())?;
        let mut end = 0;
        for line in text.split_inclusive('\n') {
            if line.trim().is_empty() {
                break;
            }
            end += line.len();
        }
        let (block, after) = text.split_at_checked(end)?;
        rest = Some(after.trim_start_matches(['\r', '\n', ' ', '\t']));
        Some(block)
    })
}
