//! The decision on a mail in a connected personal inbox, on its header alone (section D, appendix A step 5).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::decide::attribution::{Attributed, attribute};
use crate::decide::decision::{Activity, Attribution, Counterparty, Decision, Direction, Flag, Kind, Verdict};
use crate::decide::facts::{ClaimBy, Facts, KnownThread, WorkspaceFacts};
use crate::decide::policy::{AutoReplies, Inbox, LoggingRule};
use crate::decide::thread::{self, By, Conversation, Hit, ThreadMatch};
use crate::decide::{Code, Finding, Policy, Trace, bounce, counterparty, forwarding, sender, steps};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::envelope::Envelope;

/// A mail of a personal inbox, as far as it may be seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its header.
    pub envelope: &'a Envelope,
    /// When the server got it.
    pub received: DateTime<Utc>,
    /// Its size in bytes, as the server tells it.
    pub size: u64,
    /// The conversations that the provider puts it in.
    pub conversations: &'a [Conversation],
    /// Whether the server marks it as a draft.
    pub draft: bool,
    /// Whether a user asked for it to be logged (K6).
    pub asked_for: bool,
}

impl<'a> Seen<'a> {
    /// A mail about which its header is all that is known.
    pub fn new(envelope: &'a Envelope, received: DateTime<Utc>) -> Self {
        Self { envelope, received, size: 0, conversations: &[], draft: false, asked_for: false }
    }

    /// The conversations that the provider puts it in, and the one that its header names.
    pub(crate) fn every_conversation(&self) -> Vec<Conversation> {
        self.conversations.iter().cloned().chain(thread::conversation(self.envelope)).collect()
    }
}

/// The verdict on a mail of `inbox`.
pub fn decide(policy: &Policy, inbox: &Inbox, seen: &Seen<'_>, facts: &Facts) -> Decision {
    let mut trace = Trace::default();
    trace.found(Finding::ReadFromInbox);
    if seen.envelope.own_notice {
        return Decision::skip(trace, Code::OwnNotice, Finding::OwnNotice);
    }
    if seen.draft {
        return Decision::skip(trace, Code::Draft, Finding::DraftMail);
    }
    let Some(workspace) = workspace(policy, seen, facts) else {
        return Decision::skip(trace, Code::MailboxNotConnected, Finding::InboxNotConnected);
    };
    let case = Case { policy, inbox, seen, facts: workspace };
    let known = steps::known(seen.envelope, workspace).or_else(|| {
        let sending = steps::copy_of(seen.envelope, workspace).filter(|sending| sending.may_have_size(seen.size))?;
        trace.found(Finding::KnownUnderAnotherId);
        Some(sending.activity)
    });
    let mut decision = match known {
        Some(activity) => steps::seen_again(activity, workspace, trace, |trace| case.decide(trace)),
        None => case.of_a_forward(trace).unwrap_or_else(|trace| case.decide(trace)),
    };
    if let Verdict::Log(activity) = &mut decision.verdict {
        activity.conversations.extend(seen.conversations.iter().map(|conversation| conversation.key));
    }
    decision
}

/// The workspace whose thread the mail is on; an inbox may serve several (A18).
fn workspace<'a>(policy: &Policy, seen: &Seen<'_>, facts: &'a Facts) -> Option<&'a WorkspaceFacts> {
    let knows = |facts: &&WorkspaceFacts| {
        steps::known(seen.envelope, facts).is_some()
            || forwarding::forward_of(seen.envelope, facts).is_some()
            || find(policy, seen, facts) != ThreadMatch::Unknown
            || bounce::is_about(seen.envelope, seen.received, &seen.every_conversation(), facts)
    };
    facts.workspaces.iter().find(knows).or(facts.workspaces.first())
}

fn find<'a>(policy: &Policy, seen: &Seen<'_>, facts: &'a WorkspaceFacts) -> ThreadMatch<'a> {
    thread::find_with(policy, seen.envelope, seen.received, &seen.every_conversation(), facts)
}

/// Who wrote a mail.
enum Author {
    User {
        user: Uuid,
        rule: Attribution,
        finding: Finding,
    },
    /// One of us for whom it does not count.
    Nobody(Code, Finding),
    Outsider,
}

/// One mail and all that its verdict depends on.
struct Case<'a> {
    policy: &'a Policy,
    inbox: &'a Inbox,
    seen: &'a Seen<'a>,
    facts: &'a WorkspaceFacts,
}

impl Case<'_> {
    /// The original of a forward that was read before it (D20).
    fn of_a_forward(&self, mut trace: Trace) -> Result<Decision, Trace> {
        let Some(activity) = forwarding::forward_of(self.seen.envelope, self.facts) else { return Err(trace) };
        trace.found(Finding::OriginalSeen);
        Ok(Decision { verdict: Verdict::Sighting(activity), trace })
    }

    fn decide(&self, mut trace: Trace) -> Decision {
        let found = find(self.policy, self.seen, self.facts);
        if self.seen.asked_for {
            let thread = if let ThreadMatch::Known(hit) = &found { Some(hit.thread) } else { None };
            return self.asked_for(thread, trace);
        }
        let envelope = self.seen.envelope;
        if bounce::is_about(envelope, self.seen.received, &self.seen.every_conversation(), self.facts) {
            trace.found(Finding::BounceOfLogged);
            return Decision::skip(trace, Code::Bounce, Finding::BounceRefused);
        }
        let code = match &found {
            ThreadMatch::Known(hit) => return self.on_thread(hit, trace),
            ThreadMatch::SubjectChanged(hit) => {
                trace.found_by(Finding::ThreadSubjectChanged, &hit.evidence);
                Code::SubjectChanged
            }
            ThreadMatch::Unknown => {
                trace.found(Finding::ThreadUnknown);
                Code::NotInKnownThread
            }
        };
        match self.inbox.rule {
            LoggingRule::RepliesOnly => Decision { verdict: Verdict::Skip(code), trace },
            LoggingRule::KnownContacts => self.with_contact(code, trace),
        }
    }

    /// A mail on a logged thread.
    fn on_thread(&self, hit: &Hit<'_>, mut trace: Trace) -> Decision {
        let finding = match hit.by {
            By::Id => Finding::ThreadKnown,
            By::TrustedId => Finding::ThreadTrusted,
            By::Conversation => Finding::ThreadByProvider,
        };
        trace.found_by(finding, &hit.evidence);
        let (watcher, from) = match self.admitted(true) {
            Ok(admitted) => admitted,
            Err((code, finding)) => return Decision::skip(trace, code, finding),
        };
        match self.author(watcher, from) {
            Author::User { user, rule, finding } => {
                trace.found_by(finding, from.address.as_str());
                self.follow_up((user, rule), hit.thread, trace)
            }
            Author::Nobody(code, finding) => Decision::skip(trace, code, finding),
            Author::Outsider => {
                let mut reply = steps::incoming(self.policy, self.seen.envelope, from, hit.thread, self.facts, trace);
                if let Verdict::Log(activity) = &mut reply.verdict {
                    // Of a thread that is nobody's the reply is for who got it.
                    activity.user.get_or_insert((watcher, Attribution::Connected));
                }
                reply
            }
        }
    }

    /// Whether mail of this inbox may be logged at all, for whom, and from whom it is (D2c, D2d, G1, L11).
    fn admitted(&self, gap: bool) -> Result<(Uuid, &Party), (Code, Finding)> {
        let came = self.seen.received;
        if gap && self.inbox.gap.is_some_and(|(from, until)| from <= came && came < until) {
            return Err((Code::MailboxNotConnected, Finding::InboxGap));
        }
        let claims = self.facts.claims.get(self.inbox.address.folded()).into_iter().flatten();
        let mut connected: Vec<_> = claims
            .filter_map(|claim| match claim.by {
                ClaimBy::Connected { since, until: None } => Some((since, claim)),
                _ => None,
            })
            .collect();
        if connected.is_empty() {
            return Err((Code::MailboxNotConnected, Finding::InboxNotConnected));
        }
        connected.retain(|(_, claim)| claim.active);
        if connected.is_empty() {
            return Err((Code::UserInactive, Finding::InboxUserInactive));
        }
        connected.retain(|(_, claim)| claim.may_log);
        let first = connected.iter().min_by_key(|(since, claim)| (*since, claim.user));
        let Some((_, claim)) = first else { return Err((Code::SeatNotAllowed, Finding::InboxSeat)) };
        if self.policy.auto_replies == AutoReplies::Skip && steps::is_automatic_or_listed(self.seen.envelope) {
            return Err((Code::AutoReply, Finding::AutomaticRefused));
        }
        let from = self.seen.envelope.from.first().ok_or((Code::UnknownSender, Finding::NoSender))?;
        Ok((claim.user, from))
    }

    /// Who wrote it. The inbox's own address is its user's, also in mail from before the connection.
    fn author(&self, watcher: Uuid, from: &Party) -> Author {
        match attribute(&from.address, self.seen.received, self.facts) {
            Attributed::To { user, rule, finding, .. } => Author::User { user, rule, finding },
            Attributed::Ambiguous | Attributed::Unknown if from.address == self.inbox.address => {
                Author::User { user: watcher, rule: Attribution::Connected, finding: Finding::SenderIsConnected }
            }
            Attributed::Ambiguous => Author::Nobody(Code::AmbiguousSender, Finding::SenderAmbiguous),
            Attributed::Inactive => Author::Nobody(Code::UserInactive, Finding::SenderInactive),
            Attributed::Unknown if counterparty::is_user(&from.address, self.facts) => {
                Author::Nobody(Code::InternalOnly, Finding::ColleagueSkipped)
            }
            Attributed::Unknown => Author::Outsider,
        }
    }

    /// Mail of one of us on a logged thread, to somebody of the thread: outgoing, for who sent it (D19, decision 14).
    fn follow_up(&self, user: (Uuid, Attribution), thread: &KnownThread, mut trace: Trace) -> Decision {
        let envelope = self.seen.envelope;
        let Some(flag) = sender::confirm_own(self.policy, envelope, &mut trace) else {
            return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
        };
        let policy = Policy { create_contacts: false, ..self.policy.clone() };
        let mut steps_taken = trace.clone();
        let recipients = counterparty::recipients(&policy, envelope, Some(user.0), self.facts, &mut steps_taken);
        let mut everybody = envelope.to.iter().chain(&envelope.cc);
        let addressed = everybody.any(|party| steps::takes_part(&party.address, thread));
        let counterparties = match recipients {
            Err(Code::NoRecipient) if addressed => Vec::new(),
            // A mail that is passed on to somebody else is another matter.
            Ok(_) | Err(Code::NoRecipient) if !addressed => {
                return Decision::skip(trace, Code::NotAParticipant, Finding::NobodyOfThread);
            }
            Err(code) => return Decision { verdict: Verdict::Skip(code), trace: steps_taken },
            Ok(counterparties) => {
                trace = steps_taken;
                counterparties
            }
        };
        let Some(barred) = steps::barred(thread, self.facts, &mut trace) else {
            return Decision::skip(trace, Code::NeverLog, Finding::OnlyNeverLog);
        };
        trace.found(Finding::FollowUp);
        let how = (Kind::Sent, Direction::Outgoing);
        let mut activity = steps::activity(self.policy, self.facts, envelope, how, &mut trace);
        activity.user = Some(user);
        activity.counterparties = counterparties;
        activity.thread = Some(thread.id);
        activity.barred = barred;
        self.log(activity, flag, trace)
    }

    /// Where all mail with contacts is logged: from one, or to one (K2, K3). Nobody becomes a contact by it.
    fn with_contact(&self, code: Code, mut trace: Trace) -> Decision {
        let envelope = self.seen.envelope;
        let (watcher, from) = match self.admitted(true) {
            Ok(admitted) => admitted,
            Err((code, finding)) => return Decision::skip(trace, code, finding),
        };
        if envelope.class == Class::Bounce {
            return Decision::skip(trace, Code::Bounce, Finding::BounceRefused);
        }
        match self.author(watcher, from) {
            Author::User { user, rule, finding } => {
                trace.found_by(finding, from.address.as_str());
                let policy = Policy { create_contacts: false, ..self.policy.clone() };
                self.outgoing(&policy, (user, rule), None, (code, Finding::NoKnownContact), trace)
            }
            Author::Nobody(code, finding) => Decision::skip(trace, code, finding),
            Author::Outsider if self.facts.contacts.contains(from.address.folded()) => {
                trace.found_by(Finding::ContactKnown, from.address.as_str());
                self.received(watcher, from, None, trace)
            }
            Author::Outsider => Decision::skip(trace, code, Finding::NoKnownContact),
        }
    }

    /// A mail that a user asked for is logged whatever it refers to (K6); a never-log list still holds.
    fn asked_for(&self, thread: Option<&KnownThread>, mut trace: Trace) -> Decision {
        trace.found(Finding::AskedFor);
        let by_program = self.is_by_program();
        let create_contacts = self.policy.create_contacts && !by_program;
        let policy = Policy { auto_replies: AutoReplies::Flag, create_contacts, ..self.policy.clone() };
        let case = Case { policy: &policy, ..*self };
        let (watcher, from) = match case.admitted(false) {
            Ok(admitted) => admitted,
            Err((code, finding)) => return Decision::skip(trace, code, finding),
        };
        match self.author(watcher, from) {
            Author::User { user, rule, finding } => {
                trace.found_by(finding, from.address.as_str());
                case.outgoing(&policy, (user, rule), thread, (Code::NoRecipient, Finding::NobodyLeft), trace)
            }
            Author::Nobody(code, finding) => Decision::skip(trace, code, finding),
            Author::Outsider => case.received(watcher, from, thread, trace),
        }
    }

    /// Whether a program sent what a user asked for; of such mail nobody becomes a contact (L11, J12). What a role sends
    /// through a list is no discussion, nor is a newsletter.
    fn is_by_program(&self) -> bool {
        let envelope = self.seen.envelope;
        let role = envelope.from.first().is_some_and(|from| counterparty::is_role(&from.address));
        match envelope.class {
            Class::Bounce => true,
            Class::List => role || envelope.newsletter,
            _ => steps::is_automatic(envelope),
        }
    }

    /// Mail of one of us that is logged on its recipients.
    fn outgoing(
        &self,
        policy: &Policy,
        user: (Uuid, Attribution),
        thread: Option<&KnownThread>,
        nobody: (Code, Finding),
        mut trace: Trace,
    ) -> Decision {
        let envelope = self.seen.envelope;
        let Some(flag) = sender::confirm_own(policy, envelope, &mut trace) else {
            return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
        };
        match counterparty::recipients(policy, envelope, Some(user.0), self.facts, &mut trace) {
            Err(Code::NoRecipient) => Decision::skip(trace, nobody.0, nobody.1),
            Err(code) => Decision { verdict: Verdict::Skip(code), trace },
            Ok(counterparties) => {
                let how = (Kind::Sent, Direction::Outgoing);
                let mut activity = steps::activity(policy, self.facts, envelope, how, &mut trace);
                activity.user = Some(user);
                activity.counterparties = counterparties;
                activity.thread = thread.map(|thread| thread.id);
                self.log(activity, flag, trace)
            }
        }
    }

    /// Mail from outside that is logged on its sender. Asked for, the sender becomes a contact as by a forward (B5).
    fn received(&self, watcher: Uuid, from: &Party, thread: Option<&KnownThread>, mut trace: Trace) -> Decision {
        let envelope = self.seen.envelope;
        if let Some((code, finding)) = steps::refused_outsider(self.policy, envelope, from, Some(watcher), self.facts) {
            return Decision::skip(trace, code, finding);
        }
        let Some(flag) = sender::confirm_outsider(self.policy, envelope, &mut trace) else {
            return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
        };
        let how = (Kind::Reply, Direction::Incoming);
        let mut activity = steps::activity(self.policy, self.facts, envelope, how, &mut trace);
        activity.user = Some(self.recipient().unwrap_or((watcher, Attribution::Connected)));
        let by_program = self.seen.asked_for && self.is_by_program();
        let create = self.seen.asked_for && !by_program && !self.facts.tombstones.contains(from.address.folded());
        activity.counterparties = steps::with_known_others(self.policy, envelope, from, create, self.facts);
        if by_program {
            if !activity.flags.contains(&Flag::AutoReply) {
                trace.found(Finding::AutomaticMail);
                activity.flags.push(Flag::AutoReply);
            }
            let is_known = |one: &Counterparty| self.facts.contacts.contains(one.party.address.folded());
            if thread.is_none() && !activity.counterparties.iter().any(is_known) {
                return Decision::skip(trace, Code::NoRecipient, Finding::AutomaticNotCreated);
            }
        }
        activity.thread = thread.map(|thread| thread.id);
        self.log(activity, flag, trace)
    }

    /// The user whom a new mail counts for: who has the address in To connected longest, else in Cc (C10).
    fn recipient(&self) -> Option<(Uuid, Attribution)> {
        let envelope = self.seen.envelope;
        let longest = |parties: &[Party]| {
            let found = parties.iter().filter_map(|party| {
                let Attributed::To { user, rule, .. } = attribute(&party.address, self.seen.received, self.facts)
                else {
                    return None;
                };
                let claims = self.facts.claims.get(party.address.folded()).into_iter().flatten();
                let since = claims.filter(|claim| claim.user == user).filter_map(|claim| match claim.by {
                    ClaimBy::Connected { since, .. } => Some(since),
                    ClaimBy::Login | ClaimBy::Alias => None,
                });
                Some((since.min().unwrap_or(DateTime::<Utc>::MAX_UTC), user, rule))
            });
            found.min_by_key(|(since, user, _)| (*since, *user)).map(|(_, user, rule)| (user, rule))
        };
        longest(&envelope.to).or_else(|| longest(&envelope.cc))
    }

    fn log(&self, mut activity: Activity, flag: Option<Flag>, trace: Trace) -> Decision {
        activity.flags.extend(flag);
        Decision { verdict: Verdict::Log(Box::new(activity)), trace }
    }
}

#[cfg(test)]
mod tests;
