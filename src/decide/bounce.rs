//! Which logged mail a report on a delivery is about (J12).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::decide::decision::{Decision, Direction, Verdict};
use crate::decide::facts::{Facts, KnownThread, WorkspaceFacts, ancestors};
use crate::decide::thread::Conversation;
use crate::decide::{Code, Finding, MessageKey, Policy, decide, forwarding, sender, steps};
use crate::mail::automatic::Class;
use crate::mail::bounce::{Action, Bounce};
use crate::mail::envelope::Envelope;
use crate::mail::message::Mail;

/// A logged mail that came back, as a workspace knows it: its names, the surest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The workspace.
    pub workspace: Uuid,
    /// Any of them that is known is it.
    pub names: Vec<MessageKey>,
}

/// The logged mail that a bounce is about, by its header alone: one that it refers to. Where it refers to none that is
/// known, the provider's conversation is enough if the report names somebody of the thread as who did not get it; which
/// mail of the thread that was only the report itself tells.
pub fn by_header(
    envelope: &Envelope,
    received: DateTime<Utc>,
    conversations: &[Conversation],
    facts: &Facts,
) -> Option<Returned> {
    let tied = |facts: &&WorkspaceFacts| is_about(envelope, received, conversations, facts);
    let returned = |facts: &WorkspaceFacts| Returned { workspace: facts.id, names: named(envelope, facts).collect() };
    facts.workspaces.iter().find(tied).map(returned)
}

/// The same for one workspace: whether there is such a mail.
pub(super) fn is_about(
    envelope: &Envelope,
    received: DateTime<Utc>,
    conversations: &[Conversation],
    facts: &WorkspaceFacts,
) -> bool {
    envelope.class == Class::Bounce
        && (named(envelope, facts).next().is_some() || is_in_conversation(envelope, received, conversations, facts))
}

fn named(envelope: &Envelope, facts: &WorkspaceFacts) -> impl Iterator<Item = MessageKey> {
    ancestors(envelope).into_iter().filter(|key| facts.threads.contains_key(key))
}

fn is_in_conversation(
    envelope: &Envelope,
    received: DateTime<Utc>,
    conversations: &[Conversation],
    facts: &WorkspaceFacts,
) -> bool {
    let at = envelope.date.unwrap_or(received);
    let began_before = |thread: &&KnownThread| facts.began.get(&thread.id).is_some_and(|began| *began < at);
    let mut threads = conversations.iter().filter_map(|one| facts.threads.get(&one.key)).filter(began_before);
    threads.any(|thread| envelope.failed_recipients.iter().any(|failed| steps::takes_part(failed, thread)))
}

/// The logged mail that the text of a bounce says came back for good, whatever its header names; where the text names none,
/// the one that its header is about. A mail that is late, or arrived, did not come back.
pub fn by_report(bounce: &Bounce, by_header: Returned) -> Option<Returned> {
    if bounce.action != Action::Failed {
        return None;
    }
    let Returned { workspace, names } = by_header;
    let told = bounce.original_message_id.as_ref().map(MessageKey::of_id);
    let names = told.map_or(names, |told| vec![told]);
    (!names.is_empty()).then_some(Returned { workspace, names })
}

/// The verdict on a mail whose body is at hand, and the logged mail that it says came back. A report is nobody's reply,
/// also where its header looks like one; what one of us sends on is judged as any other mail.
pub fn decide_at_hand(
    policy: &Policy,
    mail: &Mail,
    received: DateTime<Utc>,
    facts: &Facts,
) -> (Decision, Option<Returned>) {
    let mut decision = match &policy.forwarding {
        Some(forwarding) => forwarding::decide(policy, *forwarding, mail, received, facts),
        None => decide(policy, &mail.envelope, received, facts),
    };
    let Some(bounce) = &mail.bounce else { return (decision, None) };
    let theirs = match &decision.verdict {
        Verdict::Log(activity) => activity.direction == Direction::Incoming,
        Verdict::Skip(code) => matches!(
            code,
            Code::UnknownSender | Code::NotInKnownThread | Code::SubjectChanged | Code::Bounce | Code::NotAParticipant
        ),
        Verdict::Sighting(_) | Verdict::Hold(_) => false,
    };
    let Some(about) = at_hand(mail, bounce, received, facts).filter(|_| theirs) else { return (decision, None) };
    if decision.code() != Code::Bounce {
        decision.trace.found(Finding::BounceOfLogged);
        decision = Decision::skip(decision.trace, Code::Bounce, Finding::BounceRefused);
    }
    (decision, by_report(bounce, about).filter(|_| is_believed(policy, &mail.envelope)))
}

/// Whether a report may mark what it is about: not if results speak against who sent it (L13).
pub fn is_believed(policy: &Policy, envelope: &Envelope) -> bool {
    !sender::refutes_report(policy, envelope)
}

fn at_hand(mail: &Mail, bounce: &Bounce, received: DateTime<Utc>, facts: &Facts) -> Option<Returned> {
    let original = bounce.original_message_id.as_ref().map(MessageKey::of_id);
    let knows = |facts: &&WorkspaceFacts| original.is_some_and(|key| facts.threads.contains_key(&key));
    let told = facts.workspaces.iter().find(knows);
    let told = told.map(|facts| Returned { workspace: facts.id, names: Vec::new() });
    told.or_else(|| by_header(&mail.envelope, received, &[], facts))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::mail::address::Address;
    use crate::mail::message_id::MessageId;

    const REPORT: &str = "From: mailer-daemon@customer.example\r\nX-Failed-Recipients: carla@customer.example\r\n";

    fn key(id: &str) -> MessageKey {
        MessageKey::of_id(&MessageId::parse(id).unwrap())
    }

    fn conversation() -> Conversation {
        Conversation { header: "X-GM-THRID", key: MessageKey::of_conversation(&["X-GM-THRID", "a", "1"]) }
    }

    /// The thread `<1@ours>` with Carla, which began at the thousandth second, and its conversation.
    fn facts() -> Facts {
        let thread = KnownThread {
            id: Uuid::from_u128(7),
            base_subject: "offer".to_owned(),
            participants: HashSet::from(["carla@customer.example".to_owned()]),
            user: None,
        };
        let workspace = WorkspaceFacts {
            id: Uuid::from_u128(1),
            threads: [(key("<1@ours>"), thread.clone()), (conversation().key, thread)].into(),
            began: [(Uuid::from_u128(7), DateTime::from_timestamp(1_000, 0).unwrap())].into(),
            ..WorkspaceFacts::default()
        };
        Facts { workspaces: vec![workspace] }
    }

    fn tied(header: &str, at: i64) -> Option<Vec<MessageKey>> {
        let envelope = Envelope::parse(format!("{header}\r\n").as_bytes());
        let received = DateTime::from_timestamp(at, 0).unwrap();
        by_header(&envelope, received, &[conversation()], &facts()).map(|found| found.names)
    }

    #[test]
    fn a_bounce_is_tied_by_an_id_or_by_a_conversation_and_a_recipient_of_the_thread() {
        let refers = format!("{REPORT}References: <9@ours> <1@ours>\r\n");
        assert_eq!(tied(&refers, 2_000), Some(vec![key("<1@ours>")]));
        assert_eq!(tied(REPORT, 2_000), Some(Vec::new()));
        assert_eq!(tied(REPORT, 500), None, "a report from before the thread is about something else");
        assert_eq!(tied(&REPORT.replace("carla@customer", "friend@elsewhere"), 2_000), None);
        assert_eq!(tied("From: mailer-daemon@customer.example\r\n", 2_000), None);
        assert_eq!(tied("From: carla@customer.example\r\nReferences: <1@ours>\r\n", 2_000), None, "no report");
    }

    #[test]
    fn a_report_that_results_speak_against_marks_nothing() {
        let believed = |header: &str| {
            is_believed(&Policy::default(), &Envelope::parse(format!("{REPORT}{header}\r\n\r\n").as_bytes()))
        };
        assert!(believed("X: y"));
        assert!(believed("Authentication-Results: mx.ours.example; dmarc=pass header.from=customer.example"));
        assert!(!believed("Authentication-Results: mx.ours.example; dmarc=fail header.from=customer.example"));
        let nameless = "Authentication-Results: mx.ours.example; spf=none\r\nFrom: MAILER-DAEMON <>\r\n\r\n";
        assert!(is_believed(&Policy::default(), &Envelope::parse(nameless.as_bytes())));
    }

    #[test]
    fn only_what_came_back_for_good_did_not_arrive() {
        let by_header = || Returned { workspace: Uuid::from_u128(1), names: vec![key("<1@ours>")] };
        let bounce = |action, id: Option<&str>| Bounce {
            failed_recipients: vec![Address::parse("carla@customer.example").unwrap()],
            original_message_id: id.and_then(MessageId::parse),
            action,
            status: None,
        };
        let names = |bounce: Bounce| by_report(&bounce, by_header()).map(|found| found.names);
        assert_eq!(names(bounce(Action::Failed, Some("<2@ours>"))), Some(vec![key("<2@ours>")]));
        assert_eq!(names(bounce(Action::Failed, None)), Some(vec![key("<1@ours>")]));
        for action in [Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded] {
            assert_eq!(names(bounce(action, Some("<1@ours>"))), None, "{action:?}");
        }
    }
}
