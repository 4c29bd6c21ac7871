//! The decision on a mail in the mailbox behind the forwarding address (section B).
//!
//! What one of us forwarded belongs to whoever sent the original (B4), never to the forwarder. What was redirected keeps
//! its sender and belongs to them (I5).

mod assigned;
mod beginning;
mod known;
mod redirected;
#[cfg(test)]
mod tests;
mod vacancy;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::decide::attribution::{Attributed, attribute};
use crate::decide::decision::{
    Attribution, Counterparty, Decision, Direction, Flag, Forward, Held, Kind, Role, Verdict,
};
use crate::decide::facts::{Facts, WorkspaceFacts};
use crate::decide::policy::{Forwarding, NeverLogMode};
use crate::decide::{Code, Finding, Policy, Trace, counterparty, sender, steps, workspace};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::envelope::Envelope;
use crate::mail::forwarded::{self, Certainty, Forwarded, Reason, envelope_of};
use crate::mail::message::Mail;
use crate::mail::verification;

pub use assigned::assigned;
pub use known::{KnownMail, ask, keys};
pub use vacancy::{fills, forward_of, moment};

/// The verdict on a mail at hand (appendix A, steps 2 and 4). One with several originals is parted before: [`each`].
///
/// [`each`]: crate::mail::forwarded::each
pub fn decide(
    policy: &Policy,
    forwarding: Forwarding,
    mail: &Mail,
    received: DateTime<Utc>,
    facts: &Facts,
) -> Decision {
    let arrived = match Arrived::open(policy, &mail.envelope, facts) {
        Ok(arrived) => arrived,
        Err(decision) => return decision,
    };
    let Arrived { facts, trace } = arrived;
    let judge = |trace| match who(policy, &mail.envelope, received, facts, trace) {
        Ok((Who::User(user), trace)) => Forwarder { policy, forwarding, facts, mail, user }.judge(trace),
        Ok((Who::Redirector(..), trace)) if mail.size as u64 > forwarding.hosted_bytes => too_large(trace),
        Ok((Who::Redirector(by, user), trace)) => redirected::judge(policy, &mail.envelope, by, user, facts, trace),
        Err(decision) => decision,
    };
    match steps::known(&mail.envelope, facts) {
        Some(activity) => steps::seen_again(activity, facts, trace, judge),
        None => judge(trace),
    }
}

/// The verdict on a mail of which only the header is known; none if that depends on its body.
pub fn by_header(
    policy: &Policy,
    envelope: &Envelope,
    size: u64,
    received: DateTime<Utc>,
    facts: &Facts,
) -> Option<Decision> {
    let Arrived { facts, mut trace } = match Arrived::open(policy, envelope, facts) {
        Ok(arrived) => arrived,
        // What confirms a forwarding is in the body.
        Err(decision) => return Some(decision).filter(|decision| decision.code() != Code::VerificationMail),
    };
    if let Some(activity) = steps::known(envelope, facts).filter(|activity| !facts.late.contains(activity)) {
        trace.found(Finding::KnownMessage);
        return Some(Decision { verdict: Verdict::Sighting(activity), trace });
    }
    match who(policy, envelope, received, facts, trace) {
        Ok((Who::Redirector(..), trace)) if policy.forwarding.is_some_and(|one| size > one.hosted_bytes) => {
            Some(too_large(trace))
        }
        Ok(_) => None,
        Err(decision) => Some(decision),
    }
}

fn too_large(trace: Trace) -> Decision {
    Decision::skip(trace, Code::MessageTooLarge, Finding::RedirectedTooLarge)
}

/// A mail that is not refused before anybody asks who sent it.
struct Arrived<'a> {
    facts: &'a WorkspaceFacts,
    trace: Trace,
}

impl<'a> Arrived<'a> {
    fn open(policy: &Policy, envelope: &Envelope, facts: &'a Facts) -> Result<Self, Decision> {
        let mut trace = Trace::default();
        trace.found(Finding::ReadFromForwardingMailbox);
        if envelope.own_notice {
            return Err(Decision::skip(trace, Code::OwnNotice, Finding::OwnNotice));
        }
        if verification::is_asked(envelope) {
            return Err(match sender::confirm_outsider(policy, envelope, &mut trace) {
                Some(_) => Decision::skip(trace, Code::VerificationMail, Finding::ProviderAsks),
                None => Decision { verdict: Verdict::Skip(Code::AuthFailed), trace },
            });
        }
        match workspace::resolve(envelope, facts, &mut trace) {
            Ok(facts) => Ok(Self { facts, trace }),
            Err(code) => Err(Decision { verdict: Verdict::Skip(code), trace }),
        }
    }
}

/// Who brought a mail here.
enum Who<'a> {
    /// The user who sent it (B18).
    User(User<'a>),
    /// It was redirected: by this address, which may be a user's (I5).
    Redirector(Party, Option<(Uuid, Attribution)>),
}

#[derive(Clone, Copy)]
struct User<'a> {
    party: &'a Party,
    id: Uuid,
    rule: Attribution,
}

fn who<'a>(
    policy: &Policy,
    envelope: &'a Envelope,
    received: DateTime<Utc>,
    facts: &WorkspaceFacts,
    mut trace: Trace,
) -> Result<(Who<'a>, Trace), Decision> {
    let Some(party) = envelope.from.first() else {
        return Err(Decision::skip(trace, Code::UnknownSender, Finding::NoSender));
    };
    match attribute(&party.address, received, facts) {
        Attributed::To { user, login, rule, finding, may_log } => {
            trace.found_by(finding, if login.is_empty() { party.address.as_str() } else { &login });
            if policy.seat_required && !may_log {
                return Err(Decision::skip(trace, Code::SeatNotAllowed, Finding::SeatMayNotLog));
            }
            Ok((Who::User(User { party, id: user, rule }), trace))
        }
        Attributed::Ambiguous => Err(Decision::skip(trace, Code::AmbiguousSender, Finding::SenderAmbiguous)),
        Attributed::Inactive => Err(Decision::skip(trace, Code::UserInactive, Finding::SenderInactive)),
        Attributed::Unknown => redirected::redirector(policy, envelope, received, facts, trace),
    }
}

/// A mail that one of us sent here.
struct Forwarder<'a> {
    policy: &'a Policy,
    forwarding: Forwarding,
    facts: &'a WorkspaceFacts,
    mail: &'a Mail,
    user: User<'a>,
}

impl Forwarder<'_> {
    fn judge(&self, mut trace: Trace) -> Decision {
        let Some(flag) = sender::confirm(self.policy, &self.mail.envelope, &mut trace) else {
            return Decision { verdict: Verdict::Skip(Code::AuthFailed), trace };
        };
        let fresh;
        let forward = match &self.mail.forward {
            Some(forward) => forward.as_ref(),
            None => {
                fresh = forwarded::read(self.mail);
                &fresh
            }
        };
        let exact = forward.as_ref().is_ok_and(|forwarded| forwarded.certainty == Certainty::Exact);
        let both = self.mail.has_plain_text && self.mail.html.is_some();
        match forward {
            _ if self.forwarding.both_parts && !both && !exact => {
                self.hold(Code::MissingHtmlOrText, Finding::PartMissing, trace)
            }
            Ok(forwarded) => self.forwarded(forwarded, flag, trace),
            Err(reason) => self.refused(*reason, trace),
        }
    }

    /// A message that is none, or cannot be told.
    fn refused(&self, reason: Reason, trace: Trace) -> Decision {
        let (code, finding) = match reason {
            Reason::Automatic if self.mail.envelope.class == Class::Bounce => {
                return Decision::skip(trace, Code::Bounce, Finding::BounceRefused);
            }
            Reason::Automatic => return Decision::skip(trace, Code::AutoReply, Finding::AutomaticRefused),
            // A colleague's mail that a rule passed on.
            _ if self.mail.envelope.redirect.is_some() => {
                return Decision::skip(trace, Code::InternalOnly, Finding::Redirected);
            }
            Reason::NoHeader => (Code::NoForwardHeader, Finding::BlockMissing),
            Reason::Reply => (Code::NoForwardHeader, Finding::BlockInReply),
            Reason::Quoted => (Code::NoForwardHeader, Finding::BlockQuoted),
            Reason::Unsure => (Code::NoForwardHeader, Finding::BlockUnsure),
            Reason::UnknownLanguage => (Code::UnsupportedLanguage, Finding::BlockUnknownWords),
            Reason::NoSender => (Code::NoOriginalAddress, Finding::BlockWithoutSender),
            Reason::SeveralSenders => (Code::UnsupportedFormat, Finding::BlockSeveralSenders),
            Reason::PartsDisagree => (Code::UnsupportedFormat, Finding::BlockPartsDisagree),
            Reason::Hidden => (Code::UnsupportedFormat, Finding::BlockHidden),
            Reason::TooManyCandidates => (Code::UnsupportedFormat, Finding::BlockTooMany),
        };
        self.hold(code, finding, trace)
    }

    fn hold(&self, code: Code, finding: Finding, mut trace: Trace) -> Decision {
        trace.found(finding);
        trace.found(Finding::HeldForReview);
        let User { party, id, rule } = self.user;
        let held = Held { code, why: finding, workspace: self.facts.id, user: (id, rule), by: party.clone() };
        Decision { verdict: Verdict::Hold(Box::new(held)), trace }
    }

    /// A message that was read: known already, one of our own, or the original sender's (B4, B12).
    fn forwarded(&self, forwarded: &Forwarded, flag: Option<Flag>, mut trace: Trace) -> Decision {
        let (facts, original) = (self.facts, envelope_of(self.mail, forwarded));
        described(forwarded, &mut trace);
        if let Some(activity) = known::find(self.mail, forwarded, &original, facts) {
            trace.found(Finding::OriginalKnown);
            return Decision { verdict: Verdict::Sighting(activity), trace };
        }
        let Some(from) = original.from.first() else {
            return self.hold(Code::NoOriginalAddress, Finding::OriginalWithoutAddress, trace);
        };
        trace.found_by(Finding::OriginalSender, from.address.as_str());
        let user = Some(self.user.id);
        let found = if counterparty::is_user(&from.address, facts) {
            self.our_own(&original, &mut trace)
        } else {
            from_outside(self.policy, from, &original, user, facts, &mut trace).map(|contact| {
                let all = with_others(self.policy, contact, &original, user, facts, &mut trace);
                (Direction::Incoming, all)
            })
        };
        let (direction, counterparties) = match found {
            Ok(found) => found,
            Err(code) => return Decision { verdict: Verdict::Skip(code), trace },
        };
        match forwarded.original().date.as_deref() {
            Some(printed) if original.date.is_some() => trace.found_by(Finding::OriginalDate, printed),
            printed => trace.found_by(Finding::OriginalDateUnread, printed.unwrap_or("none")),
        }
        let how = (Kind::Forwarded, direction);
        let mut activity = steps::activity(self.policy, facts, &original, how, &mut trace);
        let names = known::names(self.mail, forwarded, &original, facts);
        activity.key = names.first().copied();
        activity.aliases = names.into_iter().skip(1).collect();
        if forwarded.certainty != Certainty::Exact && self.mail.envelope.forwarded_message_id.is_none() {
            activity.conversations.extend(vacancy::left_by(&original));
        }
        activity.user = Some((self.user.id, self.user.rule));
        activity.counterparties = counterparties;
        activity.flags.extend(flag);
        let (by, note) = (self.user.party.clone(), forwarded.note.clone());
        let attached = forwarded.certainty == Certainty::Exact;
        activity.forward = Some(Box::new(Forward { by, note, attached, redirected: false }));
        Decision { verdict: Verdict::Log(Box::new(activity)), trace }
    }

    /// What one of us wrote is no mail from a contact; by configuration it is logged on whom it went to (B12). Of a
    /// forwarded mail nobody in Cc becomes a contact (B8).
    fn our_own(&self, original: &Envelope, trace: &mut Trace) -> Result<(Direction, Vec<Counterparty>), Code> {
        if !self.forwarding.log_own {
            trace.found(Finding::OriginalOfOurs);
            return Err(Code::ForwardOfOwnMessage);
        }
        trace.found(Finding::OriginalOfOursLogged);
        let policy = Policy { create_from_cc: false, ..self.policy.clone() };
        let all = counterparty::recipients(&policy, original, Some(self.user.id), self.facts, trace)?;
        Ok((Direction::Outgoing, all))
    }
}

/// How the forwarded message was told.
fn described(forwarded: &Forwarded, trace: &mut Trace) {
    if forwarded.certainty == Certainty::Exact {
        match forwarded.place {
            Some((nth, count)) => {
                let subject = forwarded.original().subject.as_deref().unwrap_or("without a subject");
                trace.found_by(Finding::MessageAttached, format!("{nth} of {count}, {subject}"));
            }
            None => trace.found(Finding::MessageAttached),
        }
        if forwarded.beyond > 0 {
            trace.found_by(Finding::MessageAlsoAttached, forwarded.beyond.to_string());
        }
        return;
    }
    let told: Vec<&str> = [forwarded.client, forwarded.language].into_iter().flatten().collect();
    match told.as_slice() {
        [] => trace.found(Finding::BlockFound),
        told => trace.found_by(Finding::BlockFound, told.join(", ")),
    }
}

/// The contact that a message from outside is logged on: who sent it, unless that is barred (B4, B5, F9).
fn from_outside(
    policy: &Policy,
    from: &Party,
    original: &Envelope,
    user: Option<Uuid>,
    facts: &WorkspaceFacts,
    trace: &mut Trace,
) -> Result<Counterparty, Code> {
    let internal = policy.own_domains_internal && facts.own_domains.contains(from.address.domain());
    if internal || counterparty::is_log_address(&from.address, facts) {
        trace.found(Finding::SenderInternal);
        return Err(Code::InternalOnly);
    }
    if let Some(entry) = counterparty::never_log_entry(&from.address, user, facts) {
        trace.found_by(Finding::OriginalListed, entry);
        return Err(Code::NeverLog);
    }
    if policy.never_log == NeverLogMode::WholeMessage && counterparty::any_listed(original, user, facts) {
        trace.found(Finding::NeverLogWhole);
        return Err(Code::NeverLog);
    }
    original_sender(policy, from, facts, trace)
}

/// The sender as the contact, made where there is none (B5, E5).
fn original_sender(
    policy: &Policy,
    from: &Party,
    facts: &WorkspaceFacts,
    trace: &mut Trace,
) -> Result<Counterparty, Code> {
    let create = !facts.contacts.contains(from.address.folded());
    let left_out = counterparty::not_created(policy, &from.address, facts).filter(|_| create);
    match left_out {
        Some(finding) => {
            trace.found_by(finding, from.address.as_str());
            Err(Code::NoRecipient)
        }
        None => {
            trace.found_by(Finding::OriginalCreated, from.address.as_str());
            Ok(Counterparty { party: from.clone(), role: Role::From, create })
        }
    }
}

/// The sender, and those in To and Cc who are contacts already; nobody else becomes one (B8, decision 3).
fn with_others(
    policy: &Policy,
    sender: Counterparty,
    original: &Envelope,
    user: Option<Uuid>,
    facts: &WorkspaceFacts,
    trace: &mut Trace,
) -> Vec<Counterparty> {
    let policy = Policy { create_contacts: false, ..policy.clone() };
    let others = counterparty::recipients(&policy, original, user, facts, &mut Trace::default()).unwrap_or_default();
    let others = others.into_iter().filter(|other| other.party.address != sender.party.address);
    let others: Vec<Counterparty> = others.collect();
    others.iter().for_each(|other| trace.found_by(Finding::OriginalOthers, other.party.address.as_str()));
    std::iter::once(sender).chain(others).collect()
}
