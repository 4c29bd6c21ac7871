//! Mail that was redirected keeps its sender (I5): by a rule of a mailbox, a group, or by hand.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Who, original_sender, with_others};
use crate::decide::attribution::{Attributed, attribute};
use crate::decide::decision::{Attribution, Decision, Direction, Flag, Forward, Kind, Verdict};
use crate::decide::facts::WorkspaceFacts;
use crate::decide::policy::AutoReplies;
use crate::decide::{Code, Finding, Policy, Trace, counterparty, sender, steps};
use crate::mail::address::{Address, Party};
use crate::mail::automatic::Class;
use crate::mail::envelope::Envelope;

/// The one of us who had a stranger's mail redirected here. Anybody can write such a header, so it has to name one of us.
pub(super) fn redirector<'a>(
    policy: &Policy,
    envelope: &'a Envelope,
    received: DateTime<Utc>,
    facts: &WorkspaceFacts,
    mut trace: Trace,
) -> Result<(Who<'a>, Trace), Decision> {
    let Some(redirect) = &envelope.redirect else {
        return Err(Decision::skip(trace, Code::UnknownSender, Finding::SenderUnknown));
    };
    let named = |address: &Address| Party { name: None, address: address.clone() };
    for address in &redirect.by {
        if let Attributed::To { user, rule, may_log, .. } = attribute(address, received, facts)
            && (may_log || !policy.seat_required)
        {
            trace.found_by(Finding::RedirectedByUs, address.as_str());
            return Ok((Who::Redirector(named(address), Some((user, rule))), trace));
        }
    }
    let ours = redirect
        .by
        .iter()
        .find(|by| facts.own_domains.contains(by.domain()) && !counterparty::is_log_address(by, facts));
    match ours {
        Some(address) => {
            trace.found_by(Finding::RedirectedByUs, address.as_str());
            Ok((Who::Redirector(named(address), None), trace))
        }
        None => Err(Decision::skip(trace, Code::UnknownSender, Finding::RedirectedByNobody)),
    }
}

/// A mail that was redirected is its sender's, whoever redirected it (I5).
pub(super) fn judge(
    policy: &Policy,
    envelope: &Envelope,
    by: Party,
    user: Option<(Uuid, Attribution)>,
    facts: &WorkspaceFacts,
    mut trace: Trace,
) -> Decision {
    trace.found(Finding::Redirected);
    if envelope.class == Class::Bounce {
        return Decision::skip(trace, Code::Bounce, Finding::BounceRefused);
    }
    let automatic = steps::is_automatic(envelope) || envelope.class == Class::List;
    if policy.auto_replies == AutoReplies::Skip && steps::is_automatic(envelope) {
        return Decision::skip(trace, Code::AutoReply, Finding::AutomaticRefused);
    }
    let Some(from) = envelope.from.first() else {
        return Decision::skip(trace, Code::UnknownSender, Finding::NoSender);
    };
    let who = user.map(|(user, _)| user);
    if let Some((code, finding)) = steps::refused_outsider(policy, envelope, from, who, facts) {
        return Decision::skip(trace, code, finding);
    }
    let Some(flag) = sender::confirm_outsider(policy, envelope, &mut trace) else {
        return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
    };
    if automatic && !facts.contacts.contains(from.address.folded()) {
        return Decision::skip(trace, Code::NoRecipient, Finding::AutomaticNotCreated);
    }
    match original_sender(policy, from, facts, &mut trace) {
        Err(decision) => Decision { verdict: Verdict::Skip(decision), trace },
        Ok(contact) => {
            let mut activity =
                steps::activity(policy, facts, envelope, (Kind::Forwarded, Direction::Incoming), &mut trace);
            activity.user = user;
            activity.counterparties = with_others(policy, contact, envelope, who, facts, &mut trace);
            activity.flags.extend(flag);
            if !sender::confirm_redirector(policy, envelope, &by, &mut trace) {
                activity.flags.push(Flag::UnverifiedRedirect);
            }
            activity.forward = Some(Box::new(Forward { by, note: None, attached: false, redirected: true }));
            Decision { verdict: Verdict::Log(Box::new(activity)), trace }
        }
    }
}
