//! The decision on a mail in the mailbox behind the BCC address (section A).

use chrono::{DateTime, Utc};

use crate::decide::attribution::{Attributed, attribute};
use crate::decide::decision::{Attribution, Decision, Direction, Kind, Verdict};
use crate::decide::facts::{Facts, WorkspaceFacts};
use crate::decide::policy::AutoReplies;
use crate::decide::thread::{self, ThreadMatch};
use crate::decide::{Code, Finding, Policy, Trace, counterparty, sender, steps, workspace};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::envelope::Envelope;

/// Appendix A, steps 2 and 3.
pub(super) fn decide(policy: &Policy, envelope: &Envelope, received: DateTime<Utc>, facts: &Facts) -> Decision {
    let mut trace = Trace::default();
    trace.found(Finding::ReadFromBccMailbox);
    if envelope.own_notice {
        return Decision::skip(trace, Code::OwnNotice, Finding::OwnNotice);
    }
    let workspace = match workspace::resolve(envelope, facts, &mut trace) {
        Ok(workspace) => workspace,
        Err(code) => return Decision { verdict: Verdict::Skip(code), trace },
    };
    // A follow-up whose copy in the sent mail was read first makes contacts all the same (A6, A7).
    let copy = steps::copy_of(envelope, workspace).filter(|_| steps::known(envelope, workspace).is_none());
    if copy.is_some() {
        trace.found(Finding::KnownUnderAnotherId);
    }
    let known = steps::known(envelope, workspace).or(copy.map(|copy| copy.activity));
    if let Some(activity) = known.filter(|activity| !workspace.follow_ups.contains(activity)) {
        return steps::seen_again(activity, workspace, trace, |trace| {
            judge(policy, envelope, received, workspace, trace)
        });
    }
    let mut decision = judge(policy, envelope, received, workspace, trace);
    if let (Verdict::Log(activity), Some(copy)) = (&mut decision.verdict, copy) {
        activity.aliases.push(copy.key);
    }
    decision
}

/// A message that is not on the timeline.
fn judge(
    policy: &Policy,
    envelope: &Envelope,
    received: DateTime<Utc>,
    workspace: &WorkspaceFacts,
    mut trace: Trace,
) -> Decision {
    if policy.auto_replies == AutoReplies::Skip && steps::is_automatic(envelope) {
        return Decision::skip(trace, Code::AutoReply, Finding::AutomaticRefused);
    }
    let Some(from) = envelope.from.first() else {
        return Decision::skip(trace, Code::UnknownSender, Finding::NoSender);
    };
    match attribute(&from.address, received, workspace) {
        Attributed::To { user, login, rule, finding, may_log } => {
            trace.found_by(finding, if login.is_empty() { from.address.as_str() } else { &login });
            if policy.seat_required && !may_log {
                return Decision::skip(trace, Code::SeatNotAllowed, Finding::SeatMayNotLog);
            }
            sent_by_user(policy, envelope, workspace, (user, rule), trace)
        }
        Attributed::Ambiguous => Decision::skip(trace, Code::AmbiguousSender, Finding::SenderAmbiguous),
        Attributed::Inactive => Decision::skip(trace, Code::UserInactive, Finding::SenderInactive),
        Attributed::Unknown => sent_by_outsider(policy, envelope, from, workspace, trace),
    }
}

/// A mail that one of us sent: outgoing, on every visible recipient (A3–A9, A19).
fn sent_by_user(
    policy: &Policy,
    envelope: &Envelope,
    facts: &WorkspaceFacts,
    user: (uuid::Uuid, Attribution),
    mut trace: Trace,
) -> Decision {
    let Some(flag) = sender::confirm(policy, envelope, &mut trace) else {
        return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
    };
    match counterparty::recipients(policy, envelope, Some(user.0), facts, &mut trace) {
        Err(code) => Decision { verdict: Verdict::Skip(code), trace },
        Ok(counterparties) => {
            let mut activity = steps::activity(policy, facts, envelope, (Kind::Bcc, Direction::Outgoing), &mut trace);
            activity.user = Some(user);
            activity.counterparties = counterparties;
            activity.flags.extend(flag);
            Decision { verdict: Verdict::Log(Box::new(activity)), trace }
        }
    }
}

/// A mail of somebody else: a reply-all copy on a logged thread is an incoming reply, anything else is nobody's
/// (A12, A14, decision 14).
fn sent_by_outsider(
    policy: &Policy,
    envelope: &Envelope,
    from: &Party,
    facts: &WorkspaceFacts,
    mut trace: Trace,
) -> Decision {
    let hit = match thread::find(policy, envelope, facts) {
        ThreadMatch::Known(hit) => hit,
        ThreadMatch::SubjectChanged(_) => {
            return Decision::skip(trace, Code::SubjectChanged, Finding::ThreadSubjectChanged);
        }
        ThreadMatch::Unknown => return Decision::skip(trace, Code::UnknownSender, Finding::SenderUnknown),
    };
    trace.found_by(Finding::ThreadReply, hit.evidence);
    if envelope.class == Class::Bounce {
        return Decision::skip(trace, Code::Bounce, Finding::BounceRefused);
    }
    if policy.auto_replies == AutoReplies::Skip && steps::is_automatic_or_listed(envelope) {
        return Decision::skip(trace, Code::AutoReply, Finding::AutomaticRefused);
    }
    steps::incoming(policy, envelope, from, hit.thread, facts, trace)
}
