//! A forward that a person logs by hand (B24).

use super::{from_outside, with_others};
use crate::decide::decision::{Activity, Direction, Forward, Kind};
use crate::decide::facts::WorkspaceFacts;
use crate::decide::{Code, Finding, Policy, Trace, counterparty, steps};
use crate::mail::address::Party;
use crate::mail::envelope::Envelope;

/// What becomes of a mail of which a person says whose it is: the same lists apply as to any forward. `original` is its
/// header, with that person as its sender; `by` is who forwarded it.
pub fn assigned(
    policy: &Policy,
    original: &Envelope,
    (by, user): (&Party, Option<(uuid::Uuid, crate::decide::decision::Attribution)>),
    note: Option<String>,
    facts: &WorkspaceFacts,
    trace: &mut Trace,
) -> Result<Activity, Code> {
    trace.found(Finding::ReadFromForwardingMailbox);
    let Some(contact) = original.from.first() else { return Err(Code::NoOriginalAddress) };
    trace.found_by(Finding::AssignedByHand, contact.address.as_str());
    if counterparty::is_user(&contact.address, facts) {
        trace.found(Finding::OriginalOfOurs);
        return Err(Code::ForwardOfOwnMessage);
    }
    let id = user.map(|(user, _)| user);
    let contact = from_outside(policy, contact, original, id, facts, trace)?;
    let counterparties = with_others(policy, contact, original, id, facts, trace);
    let mut activity = steps::activity(policy, facts, original, (Kind::Forwarded, Direction::Incoming), trace);
    activity.user = user;
    activity.counterparties = counterparties;
    activity.forward = Some(Box::new(Forward { by: by.clone(), note, attached: false, redirected: false }));
    Ok(activity)
}
