//! The decision on a mail in the mailbox behind the BCC address (section A).

use chrono::{DateTime, Utc};

use crate::decide::attribution::{Attributed, attribute};
use crate::decide::decision::{Activity, Attribution, Counterparty, Decision, Direction, Flag, Kind, Role, Verdict};
use crate::decide::facts::{Facts, KnownThread, WorkspaceFacts, ancestors};
use crate::decide::policy::{AutoReplies, NeverLogMode};
use crate::decide::thread::{self, ThreadMatch};
use crate::decide::{Code, Finding, MessageKey, Policy, Trace, counterparty, sender, workspace};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::domain;
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
    if let Some(activity) = known(envelope, workspace) {
        trace.found(Finding::KnownMessage);
        return Decision { verdict: Verdict::Sighting(activity), trace };
    }
    if policy.auto_replies == AutoReplies::Skip && is_automatic(envelope) {
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

/// The activity that already stands for this message, by Message-ID or by the id that a provider replaced (D20).
fn known(envelope: &Envelope, facts: &WorkspaceFacts) -> Option<uuid::Uuid> {
    let ids = [&envelope.message_id, &envelope.original_message_id];
    ids.into_iter().flatten().find_map(|id| facts.known.get(&MessageKey::of_id(id)).copied())
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
            let mut activity = activity(policy, facts, envelope, Kind::Bcc, Direction::Outgoing, &mut trace);
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
    let thread = match thread::find(policy, envelope, facts) {
        ThreadMatch::Known(thread) => thread,
        ThreadMatch::SubjectChanged => {
            return Decision::skip(trace, Code::SubjectChanged, Finding::ThreadSubjectChanged);
        }
        ThreadMatch::Unknown => return Decision::skip(trace, Code::UnknownSender, Finding::SenderUnknown),
    };
    trace.found(Finding::ThreadReply);
    if envelope.class == Class::Bounce {
        return Decision::skip(trace, Code::Bounce, Finding::BounceRefused);
    }
    if policy.own_domains_internal && facts.own_domains.contains(from.address.domain()) {
        return Decision::skip(trace, Code::InternalOnly, Finding::SenderInternal);
    }
    if counterparty::never_log_entry(&from.address, thread.user, facts).is_some() {
        return Decision::skip(trace, Code::NeverLog, Finding::OnlyNeverLog);
    }
    if policy.never_log == NeverLogMode::WholeMessage && counterparty::any_listed(envelope, thread.user, facts) {
        return Decision::skip(trace, Code::NeverLog, Finding::NeverLogWhole);
    }
    let Some(flag) = sender::confirm_outsider(policy, envelope, &mut trace) else {
        return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
    };
    let newcomer = !takes_part(from, thread);
    trace.found_by(
        if newcomer { Finding::SenderNewToThread } else { Finding::SenderIsParticipant },
        from.address.as_str(),
    );
    if newcomer && policy.participants_strict {
        return Decision { verdict: Verdict::Skip(Code::NotAParticipant), trace };
    }
    let barred = counterparty::barred(thread, facts, &mut trace);
    if !barred.is_empty() && barred.len() == thread.participants.len() {
        // F12: whoever the thread is with is not to be logged.
        return Decision::skip(trace, Code::NeverLog, Finding::OnlyNeverLog);
    }
    let mut activity = activity(policy, facts, envelope, Kind::Reply, Direction::Incoming, &mut trace);
    activity.user = thread.user.map(|user| (user, Attribution::Owner));
    // D10, D13: a reply creates nobody.
    activity.counterparties = vec![Counterparty { party: from.clone(), role: Role::From, create: false }];
    activity.thread = Some(thread.id);
    activity.barred = barred;
    activity.flags.extend(flag);
    activity.flags.extend(newcomer.then_some(Flag::NewParticipant));
    Decision { verdict: Verdict::Log(Box::new(activity)), trace }
}

/// A participant, or someone of a participant's organisation (decision 11).
fn takes_part(from: &Party, thread: &KnownThread) -> bool {
    let address = &from.address;
    let organisation = |domain: &str| {
        let name = domain::registrable(domain).unwrap_or_else(|| domain.to_owned());
        (!domain::is_free_mail(domain) && !domain::is_free_mail(&name)).then_some(name)
    };
    let ours = organisation(address.domain());
    let same_organisation = |participant: &String| {
        let theirs = participant.rsplit_once('@').and_then(|(_, domain)| organisation(domain));
        theirs.is_some() && theirs == ours
    };
    thread.participants.contains(address.folded()) || thread.participants.iter().any(same_organisation)
}

/// Whether a program sent it (L11); a mailing list only passes on what people wrote.
fn is_automatic(envelope: &Envelope) -> bool {
    matches!(envelope.class, Class::AutoReply | Class::AutoGenerated | Class::Feedback | Class::Receipt)
}

fn activity(
    policy: &Policy,
    facts: &WorkspaceFacts,
    envelope: &Envelope,
    kind: Kind,
    direction: Direction,
    trace: &mut Trace,
) -> Activity {
    let mut flags = Vec::new();
    if policy.auto_replies == AutoReplies::Flag && is_automatic(envelope) {
        trace.found(Finding::AutomaticMail);
        flags.push(Flag::AutoReply);
    }
    if envelope.date.is_none() {
        trace.found(Finding::DateMissing);
        flags.push(Flag::DateFallback);
    }
    Activity {
        workspace: facts.id,
        kind,
        direction,
        key: envelope.message_id.as_ref().map(MessageKey::of_id),
        aliases: envelope.original_message_id.as_ref().map(MessageKey::of_id).into_iter().collect(),
        user: None,
        counterparties: Vec::new(),
        thread: None,
        barred: Vec::new(),
        ancestors: ancestors(envelope),
        flags,
    }
}
