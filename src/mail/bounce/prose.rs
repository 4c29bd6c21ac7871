//! The recipients that a notice in prose speaks of. What counts is where an address stands in its line.

use super::layout::{Layout, starts_with, unquoted, value_in};
use super::original::Parts;
use super::{Action, MAX_RECIPIENTS, addresses, status_in};
use crate::mail::address::Address;
use crate::mail::envelope::Envelope;
use crate::mail::parties;

/// What the prose tells.
#[derive(Debug, Default)]
pub struct Prose {
    pub recipients: Vec<Address>,
    pub action: Action,
    pub status: Option<String>,
    /// Whether the text speaks of a failure in so many words.
    pub says_so: bool,
    /// Whether the recipients stand where only recipients stand.
    pub is_sure: bool,
}

/// Words of a failure, for mail that its header does not call a bounce.
const FAILURES: &[&str] = &[
    "not be delivered",
    "could not deliver",
    "couldn't be delivered",
    "unable to deliver",
    "cannot be delivered",
    "undeliver",
    "delivery failed",
    "delivery has failed",
    "delivery to the following",
    "not delivered",
    "mailbox is full",
    "mailbox full",
    "over quota",
    "user unknown",
    "no such user",
    "unknown user",
    "unknown recipient",
    "invalid user",
    "not reach the following",
    "permanent error",
    "failed recipient",
    "error during delivery",
    "rejected by",
    "was rejected",
    "pas pu être",
    "pas pu etre",
    "nicht zugestellt",
    "nicht zustellbar",
    "no se pudo entregar",
    "no se ha podido entregar",
    "impossibile recapitare",
    "não pôde ser entregue",
    "inte levereras",
    "ikke leveres",
    "kunde inte leverera",
    "nie można dostarczyć",
    "не может быть доставлен",
    "не доставлен",
    "送信できません",
    "配信できません",
    "無法傳遞",
    "无法投递",
];

/// Words of a delay.
const DELAYS: &[&str] = &[
    "delayed",
    "(delay)",
    "still being retried",
    "not yet been delivered",
    "warning only",
    "will be retried",
    "will retry",
    "delivery attempts will continue",
    "will continue to attempt",
];

/// Labels of addresses that are not the recipient's.
const OTHERS: &[&str] =
    &["from", "sender", "reply", "cc", "contact", "id", "return", "by", "e-mail us", "help", "mailto"];

/// How surely an address in a line is a failed recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In a line of its own, or before the reason: `<name@host>: no such user`.
    Listed,
    /// After a label: `Recipient: name@host`.
    Labelled,
    /// First in a line of other words.
    First,
    /// In a sentence that has it as the target.
    Target,
    /// After `To:`, in a summary of the original.
    Summary,
    /// Anywhere.
    Mentioned,
}

/// Reads a notice.
pub fn read(layout: &Layout<'_>, parts: &Parts, envelope: &Envelope) -> Prose {
    let lower = layout.notice.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let late = says(DELAYS) || DELAYS.iter().any(|word| envelope.subject.to_lowercase().contains(word));
    let (place, recipients) = recipients(layout, parts, envelope);
    Prose {
        recipients,
        is_sure: place <= Place::Labelled,
        action: if late { Action::Delayed } else { Action::Failed },
        status: status_in(layout.notice),
        says_so: says(FAILURES) || status_in(layout.notice).is_some(),
    }
}

/// The addresses in the surest place that has any; without one, those that the original was sent to.
fn recipients(layout: &Layout<'_>, parts: &Parts, envelope: &Envelope) -> (Place, Vec<Address>) {
    let found = places(layout.notice);
    let is_own = |address: &Address| {
        let sent_to = envelope.to.iter().map(|party| &party.address).any(|to| to == address);
        sent_to || envelope.from.iter().any(|party| party.address == *address)
    };
    // A notice greets whom it is sent to; only somebody who wrote to himself failed to reach himself.
    let surest = |own: bool| found.iter().filter(|(_, a)| is_own(a) == own).map(|(place, _)| *place).min();
    let (own, place) = match surest(false) {
        Some(place) => (false, place),
        None => (true, surest(true).filter(|place| *place <= Place::Labelled).unwrap_or(Place::Mentioned)),
    };
    if place == Place::Mentioned {
        let sent = sent_to(layout, parts);
        // A message to several came back from one of them: nobody knows which.
        if let [_] = sent.as_slice() {
            return (place, sent);
        }
    }
    let here = found.iter().filter(|(at, address)| *at == place && is_own(address) == own);
    (place, here.map(|(_, address)| address.clone()).collect())
}

/// Whom the original was sent to, as far as a copy of it tells.
fn sent_to(layout: &Layout<'_>, parts: &Parts) -> Vec<Address> {
    let sent = parts.recipients();
    if !sent.is_empty() {
        return sent;
    }
    layout.original.and_then(|original| value_in(original, "to:")).map(|to| parties_of(&to)).unwrap_or_default()
}

/// Every address of a notice with its place.
fn places(notice: &str) -> Vec<(Place, Address)> {
    let mut found = Vec::new();
    let mut before = "";
    for next in notice.lines() {
        // "(expanded from" may be all that is left of its line.
        if !before.ends_with("from") {
            found.extend(line(next));
        }
        before = next.trim_end();
        if found.len() >= MAX_RECIPIENTS {
            break;
        }
    }
    found
}

fn parties_of(list: &str) -> Vec<Address> {
    parties::parse(list).into_iter().map(|party| party.address).collect()
}

/// The addresses of one line, each with its place.
fn line(line: &str) -> Vec<(Place, Address)> {
    let line = unquoted(line);
    if line.len() > 1_000 || !line.contains('@') {
        return Vec::new();
    }
    let bare = line.trim_start_matches(|c: char| !c.is_alphanumeric() && !"/_=+".contains(c));
    let token_end = bare.find(ends_address).unwrap_or(bare.len());
    let (token, rest) = bare.split_at(token_end);
    if let Some(address) = address(token) {
        let place = if is_reason(rest) { Place::Listed } else { Place::First };
        return vec![(place, address)];
    }
    if let Some((label, value)) = labelled(bare) {
        return value.map(|address| (label, address)).into_iter().collect();
    }
    in_sentence(bare)
}

/// What may follow a listed address: nothing, or what went wrong.
fn is_reason(rest: &str) -> bool {
    let rest = rest.trim_start_matches(['>', '"', '\'', ']', ')']);
    let after = rest.trim();
    after.is_empty()
        || after.chars().all(|c| !c.is_alphanumeric())
        || rest.starts_with([':', ';'])
        || after.starts_with(['(', '[', ':', '-'])
        || after.starts_with("...")
        || after.starts_with("on ")
}

/// `Recipient: <name@host>`, `Error-for: name@host`, `RCPT TO: name@host`. The address is all there is behind the label.
fn labelled(line: &str) -> Option<(Place, Option<Address>)> {
    let (label, value) = line.split_once(": ").or_else(|| line.split_once(":\t")).or_else(|| line.split_once(":<"))?;
    let value = value.trim().trim_matches(['<', '>', '[', ']', '"', '\'', '.', ',']);
    let value = if starts_with(value, "smtp:") { value.get(5..).unwrap_or_default() } else { value };
    let value = value.split_once(';').filter(|(kind, _)| kind.eq_ignore_ascii_case("rfc822")).map_or(value, |(_, v)| v);
    let address = Address::parse(value.trim())?;
    let label = label.trim().to_lowercase();
    let other = OTHERS.iter().any(|other| label.split(|c: char| !c.is_alphanumeric()).any(|word| word == *other));
    let place = if matches!(label.as_str(), "to" | "an" | "à" | "para" | "a" | "till" | "til" | "aan" | "кому" | "宛先")
    {
        Place::Summary
    } else {
        Place::Labelled
    };
    Some((place, (!other).then_some(address)))
}

/// Addresses between other words. A mail system names itself and its help desk, too.
fn in_sentence(line: &str) -> Vec<(Place, Address)> {
    let mut found = Vec::new();
    let mut before = String::new();
    for word in line.split_whitespace() {
        let token = word.trim_matches(|c: char| !c.is_alphanumeric());
        if let Some(address) = address(token).filter(|address| !is_service(address)) {
            let target = ["to", "address", "addressed", "recipient", "recipients", "for", "errors", "mailbox"];
            let near: Vec<&str> = before.split_whitespace().rev().take(6).collect();
            let is_target = near.iter().any(|word| target.contains(word));
            found.push((if is_target { Place::Target } else { Place::Mentioned }, address));
        }
        before.push_str(&word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase());
        before.push(' ');
    }
    found
}

fn is_service(address: &Address) -> bool {
    matches!(address.local(), "postmaster" | "mailer-daemon" | "abuse" | "support" | "helpdesk" | "hostmaster")
}

fn address(token: &str) -> Option<Address> {
    let token = token.trim_end_matches(['.', ',', ':', ';', '!']);
    if !token.contains('@') {
        return None;
    }
    addresses(token).into_iter().next()
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || "<>()[]\"',;:".contains(c)
}
