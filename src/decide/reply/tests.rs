use std::collections::HashSet;

use super::*;
use crate::decide::MessageKey;
use crate::decide::facts::Claim;
use crate::mail::address::Address;
use crate::mail::message_id::MessageId;

const ANNA: u128 = 1;
const BERT: u128 = 2;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn claim(user: u128, by: ClaimBy) -> Claim {
    Claim { user: Uuid::from_u128(user), login: format!("u{user}"), active: true, may_log: true, by }
}

/// Anna's inbox is connected, Bert is a colleague; the thread `<1@ours>`, "offer", is with Carla.
fn facts() -> WorkspaceFacts {
    let connected = claim(ANNA, ClaimBy::Connected { since: at(10), until: None });
    let thread = KnownThread {
        id: Uuid::from_u128(7),
        base_subject: "offer".to_owned(),
        participants: HashSet::from(["carla@customer.example".to_owned()]),
        user: Some(Uuid::from_u128(ANNA)),
    };
    WorkspaceFacts {
        claims: [
            ("anna@ours.example".to_owned(), vec![connected]),
            ("bert@ours.example".to_owned(), vec![claim(BERT, ClaimBy::Login)]),
        ]
        .into(),
        contacts: ["carla@customer.example".to_owned(), "dora@other.example".to_owned()].into(),
        own_domains: ["ours.example".to_owned()].into(),
        threads: [(MessageKey::of_id(&MessageId::parse("<1@ours>").unwrap()), thread)].into(),
        ..WorkspaceFacts::default()
    }
}

struct Given {
    policy: Policy,
    inbox: Inbox,
    facts: WorkspaceFacts,
    asked_for: bool,
}

impl Given {
    fn new() -> Self {
        let address = Address::parse("anna@ours.example").unwrap();
        let inbox = Inbox { address, rule: LoggingRule::RepliesOnly, gap: None };
        Self { policy: Policy::default(), inbox, facts: facts(), asked_for: false }
    }

    fn all_mail() -> Self {
        let mut given = Self::new();
        given.inbox.rule = LoggingRule::KnownContacts;
        given
    }

    fn decide(&self, header: &str) -> Decision {
        let envelope = Envelope::parse(format!("{header}\r\n\r\n").as_bytes());
        let seen = Seen { asked_for: self.asked_for, ..Seen::new(&envelope, at(1_000)) };
        let facts = Facts { workspaces: vec![self.facts.clone()] };
        decide(&self.policy, &self.inbox, &seen, &facts)
    }

    /// The verdict in words: code, or kind and direction with user and whom it is logged on.
    fn says(&self, header: &str) -> String {
        match self.decide(header).verdict {
            Verdict::Log(activity) => {
                let user = activity.user.map_or(0, |(user, _)| user.as_u128());
                let with: Vec<&str> = activity.counterparties.iter().map(|one| one.party.address.local()).collect();
                let thread = if activity.thread.is_some() { "thread" } else { "alone" };
                format!(
                    "{} {} by {user} with {} {thread}",
                    activity.kind.as_str(),
                    activity.direction.as_str(),
                    with.join("+")
                )
            }
            Verdict::Sighting(_) => "sighting".to_owned(),
            Verdict::Skip(code) => code.to_string(),
            Verdict::Hold(held) => held.code.to_string(),
        }
    }
}

const REPLY: &str = "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: carla@customer.example\r\nTo: anna@ours.example\r\nSubject: Re: Offer\r\nIn-Reply-To: <1@ours>";

#[test]
fn mail_on_a_known_thread_is_a_reply_or_a_follow_up_and_other_mail_is_nobodys_business() {
    let ours = "Subject: Re: Offer\r\nReferences: <1@ours>\r\n";
    let table = [
        (REPLY.to_owned(), "reply incoming by 1 with carla thread"),
        (REPLY.replace("In-Reply-To", "References"), "reply incoming by 1 with carla thread"),
        (REPLY.replace("Re: Offer", "SV: AW: Re[2]: Offer"), "reply incoming by 1 with carla thread"),
        (REPLY.replace("Re: Offer", "Re: Lunch"), "subject-changed"),
        (REPLY.replace("<1@ours>", "<9@ours>"), "not-in-known-thread"),
        (format!("{REPLY}\r\nCc: dora@other.example, new@third.example"), "reply incoming by 1 with carla+dora thread"),
        (
            format!("{ours}From: anna@ours.example\r\nTo: carla@customer.example"),
            "sent outgoing by 1 with carla thread",
        ),
        (
            format!("{ours}From: bert@ours.example\r\nTo: carla@customer.example"),
            "sent outgoing by 2 with carla thread",
        ),
        (format!("{ours}From: bert@ours.example\r\nTo: boss@customer.example"), "sent outgoing by 2 with  thread"),
        (format!("{ours}From: bert@ours.example\r\nTo: anna@ours.example"), "internal-only"),
        (format!("{ours}From: anna@ours.example\r\nTo: dora@other.example"), "not-a-participant"),
        (format!("{ours}From: intern@ours.example\r\nTo: anna@ours.example"), "internal-only"),
        ("From: carla@customer.example\r\nTo: anna@ours.example\r\nSubject: New".to_owned(), "not-in-known-thread"),
        ("From: anna@ours.example\r\nTo: carla@customer.example\r\nSubject: New".to_owned(), "not-in-known-thread"),
    ];
    for (header, expected) in table {
        assert_eq!(Given::new().says(&header), expected, "{header}");
    }
}

#[test]
fn an_inbox_counts_while_it_is_connected_by_an_active_user_who_may_log() {
    let with = |change: fn(&mut Claim)| {
        let mut given = Given::new();
        given.facts.claims.get_mut("anna@ours.example").unwrap().iter_mut().for_each(change);
        given.says(REPLY)
    };
    assert_eq!(with(|claim| claim.active = false), "user-inactive");
    assert_eq!(with(|claim| claim.may_log = false), "seat-not-allowed");
    assert_eq!(
        with(|claim| claim.by = ClaimBy::Connected { since: at(1), until: Some(at(9)) }),
        "mailbox-not-connected"
    );
    assert_eq!(with(|claim| claim.by = ClaimBy::Login), "mailbox-not-connected");
    let mut given = Given::new();
    given.inbox.gap = Some((at(900), at(1_001)));
    assert_eq!(given.says(REPLY), "mailbox-not-connected");
    given.inbox.gap = Some((at(900), at(1_000)));
    assert_eq!(given.says(REPLY), "reply incoming by 1 with carla thread");
}

#[test]
fn a_forged_or_listed_or_automatic_reply_gets_what_the_policy_says() {
    let stranger = REPLY.replace("carla@customer", "mallory@elsewhere");
    let flags = |given: &Given, header: &str| match given.decide(header).verdict {
        Verdict::Log(activity) => format!("{:?}", activity.flags),
        other => format!("{other:?}"),
    };
    let mut given = Given::new();
    assert_eq!(flags(&given, &stranger), "[NewParticipant]");
    let away = format!("{}\r\nAuto-Submitted: auto-replied", REPLY.replace("Re:", "Autosvar:"));
    assert_eq!(flags(&given, &away), "[AutoReply]");
    given.policy.participants_strict = true;
    assert_eq!(given.says(&stranger), "not-a-participant");
    given.policy.auto_replies = AutoReplies::Skip;
    assert_eq!(given.says(&away), "auto-reply");
    let failed = format!("Authentication-Results: mx.ours.example; dmarc=fail header.from=customer.example\r\n{REPLY}");
    given.policy.stamp = crate::mail::authentication::Stamp::Named(vec!["mx.ours.example".to_owned()]);
    assert_eq!(given.says(&failed), "auth-failed");
    given.facts.never_log.insert("customer.example".to_owned());
    assert_eq!(given.says(REPLY), "never-log");
}

#[test]
fn results_that_fail_refute_one_of_us_as_they_refute_a_customer() {
    let own = "Subject: Re: Offer\r\nReferences: <1@ours>\r\nTo: carla@customer.example\r\n";
    for given in [Given::new(), Given::all_mail(), Given { asked_for: true, ..Given::new() }] {
        for from in ["anna@ours.example", "bert@ours.example"] {
            let failed = format!(
                "Authentication-Results: mx.ours.example; dmarc=fail header.from=ours.example\r\n{own}From: {from}"
            );
            assert_eq!(given.says(&failed), "auth-failed", "{from}");
            let unsure = failed.replace("dmarc=fail", "dmarc=none");
            assert!(given.says(&unsure).starts_with("sent outgoing"), "{from}: nothing speaks against it");
            let sent = format!("{own}From: {from}");
            assert!(given.says(&sent).starts_with("sent outgoing"), "{from}: one's own copy has no results");
        }
    }
    let mut given = Given::new();
    given.policy.sender_authentication = crate::decide::policy::SenderAuthentication::Off;
    let failed = format!("Authentication-Results: mx.ours.example; dmarc=fail\r\n{own}From: anna@ours.example");
    assert!(given.says(&failed).starts_with("sent outgoing"), "the check is off");
}

#[test]
fn mail_of_a_list_is_flagged_or_skipped_as_automatic_mail_is() {
    let on_thread = REPLY.to_owned();
    let of_contact = "From: dora@other.example\r\nTo: anna@ours.example\r\nSubject: News".to_owned();
    let own = "From: anna@ours.example\r\nTo: carla@customer.example\r\nSubject: Re: Offer\r\nReferences: <1@ours>"
        .to_owned();
    for mail in [on_thread, of_contact, own] {
        for header in ["List-Id: <talk.customer.example>", "Precedence: list", "Precedence: bulk"] {
            let mut given = Given::all_mail();
            let listed = format!("{mail}\r\n{header}");
            let Verdict::Log(activity) = given.decide(&listed).verdict else { panic!("{listed}") };
            assert_eq!(activity.flags.iter().filter(|flag| **flag == Flag::AutoReply).count(), 1, "{listed}");
            assert!(activity.counterparties.iter().all(|one| !one.create), "{listed}");
            given.policy.auto_replies = AutoReplies::Skip;
            assert_eq!(given.says(&listed), "auto-reply", "{listed}");
        }
    }
}

#[test]
fn a_bounce_is_no_reply() {
    let bounce = "From: mailer-daemon@customer.example\r\nTo: anna@ours.example\r\nSubject: Undelivered\r\n\
                  References: <1@ours>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b";
    assert_eq!(Given::new().says(bounce), "bounce");
    assert_eq!(Given::new().says(&bounce.replace("<1@ours>", "<9@ours>")), "not-in-known-thread");
}

#[test]
fn where_all_mail_with_contacts_is_logged_nobody_becomes_one_by_it() {
    let table = [
        ("From: dora@other.example\r\nTo: anna@ours.example\r\nSubject: New", "reply incoming by 1 with dora alone"),
        ("From: x@third.example\r\nTo: anna@ours.example\r\nSubject: New", "not-in-known-thread"),
        ("From: anna@ours.example\r\nTo: dora@other.example, x@third.example", "sent outgoing by 1 with dora alone"),
        ("From: anna@ours.example\r\nTo: x@third.example", "not-in-known-thread"),
        ("From: anna@ours.example\r\nTo: bert@ours.example", "internal-only"),
        (
            "From: dora@other.example\r\nTo: bert@ours.example\r\nCc: anna@ours.example",
            "reply incoming by 2 with dora alone",
        ),
    ];
    for (header, expected) in table {
        assert_eq!(Given::all_mail().says(header), expected, "{header}");
    }
    let changed = REPLY.replace("Offer", "Lunch");
    assert_eq!(Given::all_mail().says(&changed), "reply incoming by 1 with carla alone");
}

#[test]
fn what_a_user_asks_for_is_logged_whatever_it_refers_to_but_never_against_a_list() {
    let mut given = Given { asked_for: true, ..Given::new() };
    let fresh = "From: x@third.example\r\nTo: anna@ours.example\r\nSubject: New";
    assert_eq!(given.says(fresh), "reply incoming by 1 with x alone");
    let Verdict::Log(activity) = given.decide(fresh).verdict else { panic!("it is logged") };
    assert!(activity.counterparties[0].create, "the sender becomes a contact");
    assert_eq!(given.says(REPLY), "reply incoming by 1 with carla thread");
    assert_eq!(given.says("From: anna@ours.example\r\nTo: x@third.example"), "sent outgoing by 1 with x alone");
    given.facts.never_log.insert("third.example".to_owned());
    assert_eq!(given.says(fresh), "never-log");
}

#[test]
fn nobody_becomes_a_contact_by_asking_for_mail_of_a_program() {
    let mut given = Given { asked_for: true, ..Given::new() };
    let list = "List-Id: News <news.third.example>\r\nPrecedence: bulk\r\nFrom: noreply@third.example\r\nTo: anna@ours.example";
    let away = "Auto-Submitted: auto-replied\r\nFrom: x@third.example\r\nTo: anna@ours.example";
    let mailer = away.replace("x@", "MAILER-DAEMON@");
    for header in [list, away, &mailer] {
        assert_eq!(given.says(header), "no-recipient", "{header}");
    }
    let named = list.replace("noreply@", "x@");
    assert_eq!(given.says(&named), "no-recipient", "a newsletter in somebody's name");
    let discussion = format!("List-Post: <mailto:talk@third.example>\r\n{named}");
    assert_eq!(given.says(&discussion), "reply incoming by 1 with x alone", "a discussion");
    for address in ["noreply@third.example", "x@third.example", "mailer-daemon@third.example"] {
        given.facts.contacts.insert(address.to_owned());
    }
    for header in [list, away, &mailer] {
        let Verdict::Log(activity) = given.decide(header).verdict else { panic!("it is logged: {header}") };
        assert_eq!(activity.flags.iter().filter(|flag| **flag == Flag::AutoReply).count(), 1, "{header}");
        assert!(activity.counterparties.iter().all(|one| !one.create));
    }
}

#[test]
fn a_known_message_is_one_more_sighting_by_either_of_its_ids() {
    let mut given = Given::new();
    given.facts.known.insert(MessageKey::of_id(&MessageId::parse("<a@x>").unwrap()), Uuid::from_u128(3));
    assert_eq!(given.says("From: x@y.example\r\nMessage-ID: <a@x>"), "sighting");
    assert_eq!(given.says("Message-ID: <b@x>\r\nX-Microsoft-Original-Message-ID: <a@x>"), "sighting");
}

#[test]
fn every_step_to_a_thread_says_which_id_and_which_header() {
    let decision = Given::new().decide(REPLY);
    let step = decision.trace.steps().iter().find(|step| step.finding == Finding::ThreadKnown).unwrap();
    assert_eq!(step.evidence.as_deref(), Some("1@ours, named by In-Reply-To"));
}
