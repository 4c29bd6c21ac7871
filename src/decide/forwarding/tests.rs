use chrono::TimeZone;

use super::*;
use crate::decide::MessageKey;
use crate::decide::facts::{Claim, ClaimBy};
use crate::decide::policy::SenderAuthentication;
use crate::mail::message_id::MessageId;

const ANNA: u128 = 1;
const BERT: u128 = 2;

fn claim(user: u128) -> Vec<Claim> {
    let id = Uuid::from_u128(user);
    vec![Claim { user: id, login: format!("u{user}"), active: true, may_log: true, by: ClaimBy::Login }]
}

/// Anna and Bert are users, Dora is a contact, nobody may log mail of secret.example.
fn facts() -> WorkspaceFacts {
    WorkspaceFacts {
        id: Uuid::from_u128(9),
        claims: [("anna@ours.example".to_owned(), claim(ANNA)), ("bert@ours.example".to_owned(), claim(BERT))].into(),
        contacts: ["dora@customer.example".to_owned()].into(),
        own_domains: ["ours.example".to_owned()].into(),
        log_addresses: ["log@crm.example".to_owned()].into(),
        never_log: ["*@secret.example".to_owned(), "secret.example".to_owned()].into(),
        ..WorkspaceFacts::default()
    }
}

struct Given {
    policy: Policy,
    forwarding: Forwarding,
    facts: WorkspaceFacts,
}

impl Given {
    fn new() -> Self {
        let forwarding = Forwarding::default();
        let policy = Policy { forwarding: Some(forwarding), ..Policy::default() };
        Self { policy, forwarding, facts: facts() }
    }

    fn decide(&self, raw: &str) -> Decision {
        let mail = Mail::parse(raw.as_bytes()).unwrap().with_forward();
        let received = Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
        decide(&self.policy, self.forwarding, &mail, received, &Facts { workspaces: vec![self.facts.clone()] })
    }

    /// The verdict in words: code, or direction with user and whom it is logged on, new ones with a plus.
    fn says(&self, raw: &str) -> String {
        match self.decide(raw).verdict {
            Verdict::Log(activity) => {
                let user = activity.user.map_or(0, |(user, _)| user.as_u128());
                let with = activity.counterparties.iter().map(|one| {
                    let sign = if one.create { "+" } else { "" };
                    format!("{sign}{}", one.party.address.local())
                });
                format!("{} by {user} with {}", activity.direction.as_str(), with.collect::<Vec<_>>().join(" "))
            }
            Verdict::Sighting(activity) => format!("sighting of {}", activity.as_u128()),
            Verdict::Skip(code) => code.to_string(),
            Verdict::Hold(held) => format!("{} held for {}", held.code, held.by.address),
        }
    }
}

const FROM: &str = "Carla Customer <carla@customer.example>";

/// A forward as Gmail writes it, of this sender's mail.
fn forward(from: &str) -> String {
    format!(
        "Date: Sun, 22 Nov 2026 12:00:00 +0100\r\nMessage-ID: <f@ours.example>\r\nFrom: Anna Berg <anna@ours.example>\r\n\
         To: log@crm.example\r\nSubject: Fwd: Offer\r\nIn-Reply-To: <o@customer.example>\r\n\
         References: <o@customer.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         For the file.\r\n\r\n---------- Forwarded message ---------\r\nFrom: {from}\r\n\
         Date: Sun, Nov 22, 2026 at 10:05 AM\r\nSubject: Offer\r\nTo: Anna Berg <anna@ours.example>\r\n\
         Cc: Dora <dora@customer.example>, New One <new@customer.example>\r\n\r\nWe take the offer.\r\n"
    )
}

fn key(id: &str) -> MessageKey {
    MessageKey::of_id(&MessageId::parse(id).unwrap())
}

fn known(sender: &str, at: (u32, u32), text: &str) -> KnownMail {
    KnownMail {
        activity: Uuid::from_u128(5),
        sender: sender.to_owned(),
        name: Some("Carla Customer".to_owned()),
        base_subject: "offer".to_owned(),
        sent_at: Utc.with_ymd_and_hms(2026, 11, 22, at.0, at.1, 30).unwrap(),
        text: text.to_owned(),
        files: [].into(),
    }
}

#[test]
fn a_forward_is_the_original_senders_and_makes_nobody_else() {
    let given = Given::new();
    let mail = forward(FROM);
    let logged = "incoming by 1 with +carla dora";
    let table = [
        (mail.clone(), logged),
        (mail.replace("dora@customer.example", "other@customer.example"), "incoming by 1 with +carla"),
        (mail.replace("<carla@", "<dora@"), "incoming by 1 with dora"),
        (mail.replace("carla@customer.example", "ann@secret.example"), "never-log"),
        (mail.replace("carla@customer.example", "anna@ours.example"), "forward-of-own-message"),
        (mail.replace("carla@customer.example", "bert@ours.example"), "forward-of-own-message"),
        (mail.replace("carla@customer.example", "desk@ours.example"), "internal-only"),
        (mail.replace("carla@customer.example", "log@crm.example"), "internal-only"),
        (mail.replace("carla@customer.example", "root@localhost"), "no-recipient"),
        (mail.replace("From: Anna Berg <anna@ours", "From: Anna Berg <anna@elsewhere"), "unknown-sender"),
        (mail.split("----------").next().unwrap().to_owned(), "no-forward-header held for anna@ours.example"),
        (mail.replace(FROM, "Carla Customer"), "no-original-address held for anna@ours.example"),
        (mail.replace("Subject: Fwd", "X-Mailtrail-Notice: 1\r\nSubject: Fwd"), "own-notice"),
    ];
    for (raw, expected) in table {
        assert_eq!(given.says(&raw), expected, "{raw}");
    }
}

#[test]
fn a_forward_of_our_own_mail_creates_whom_it_went_to_and_nobody_in_cc() {
    let own =
        forward("Anna Berg <anna@ours.example>").replace("To: Anna Berg <anna@ours.example>", "To: eve@their.example");
    let mut given = Given::new();
    given.forwarding.log_own = true;
    assert_eq!(given.says(&own), "outgoing by 1 with +eve dora");
}

#[test]
fn policies_change_what_a_forward_is() {
    let mut given = Given::new();
    given.forwarding.both_parts = true;
    assert_eq!(given.says(&forward(FROM)), "missing-html-or-text held for anna@ours.example");

    let mut given = Given::new();
    given.policy.never_log = NeverLogMode::WholeMessage;
    assert_eq!(given.says(&forward(FROM).replace("new@customer", "new@secret")), "never-log");

    let mut given = Given::new();
    given.policy.sender_authentication = SenderAuthentication::Strict;
    assert_eq!(given.says(&forward(FROM)), "auth-failed");

    let mut given = Given::new();
    given.facts.tombstones.insert("carla@customer.example".to_owned());
    assert_eq!(given.says(&forward(FROM)), "no-recipient");

    let mut given = Given::new();
    given.facts.claims.get_mut("anna@ours.example").unwrap()[0].may_log = false;
    given.policy.seat_required = true;
    assert_eq!(given.says(&forward(FROM)), "seat-not-allowed");
}

#[test]
fn a_message_that_is_on_the_timeline_is_seen_once_more() {
    let (same, other) = ("We take the offer.\n\nOn Saturday you wrote", "What about lunch?");
    let carla = "carla@customer.example";
    // The forward prints 10:05 on clocks an hour ahead.
    let table = [
        (Some(known(carla, (9, 5), same)), None, "sighting of 5"),
        (Some(known(carla, (9, 5), other)), None, "incoming by 1 with +carla dora"),
        (Some(known(carla, (10, 5), same)), None, "sighting of 5"),
        (Some(known(carla, (10, 5), other)), None, "incoming by 1 with +carla dora"),
        (Some(known(carla, (10, 6), same)), None, "incoming by 1 with +carla dora"),
        (Some(known("dora@customer.example", (9, 5), same)), None, "incoming by 1 with +carla dora"),
        (None, Some(known(carla, (10, 5), other)), "sighting of 5"),
        (None, Some(known(carla, (9, 12), same)), "incoming by 1 with +carla dora"),
        (None, Some(known("anna@ours.example", (9, 5), same)), "incoming by 1 with +carla dora"),
    ];
    for (likely, referred, expected) in table {
        let mut given = Given::new();
        given.facts.likely.extend(likely.clone());
        given.facts.referred.extend(referred.clone().map(|mail| (key("<o@customer.example>"), mail)));
        assert_eq!(given.says(&forward(FROM)), expected, "{likely:?} {referred:?}");
    }
    let mut given = Given::new();
    given.facts.referred.insert(key("<o@customer.example>"), known(carla, (9, 5), same));
    let nameless = forward("Carla Customer");
    assert_eq!(given.says(&nameless), "sighting of 5", "the forward refers to a mail of that name");
}

#[test]
fn two_forwards_of_one_message_have_a_name_in_common_and_what_they_refer_to_is_another() {
    let activity = |raw: &str, given: &Given| match given.decide(raw).verdict {
        Verdict::Log(activity) => *activity,
        other => panic!("{other:?}"),
    };
    let given = Given::new();
    let first = activity(&forward(FROM), &given);
    assert!(first.aliases.contains(&key("<o@customer.example>")) && first.aliases.contains(&key("<f@ours.example>")));
    let again = forward(FROM).replace("<f@ours", "<g@ours").replace("anna@ours", "bert@ours").replace("Fwd:", "VS:");
    assert_eq!(activity(&again, &given).key, first.key);
    let next = forward(FROM).replace("10:05", "10:06");
    assert_ne!(activity(&next, &given).key, first.key);

    let mut given = Given::new();
    given.facts.referred.insert(key("<o@customer.example>"), known("anna@ours.example", (8, 0), "Our offer"));
    let answer = activity(&forward(FROM), &given);
    assert!(!answer.aliases.contains(&key("<o@customer.example>")), "that is another mail's");
}

#[test]
fn another_mail_of_the_same_minute_is_a_mail_of_its_own_with_its_own_key() {
    let logged = |raw: &str, given: &Given| match given.decide(raw).verdict {
        Verdict::Log(activity) => *activity,
        other => panic!("{other:?}"),
    };
    let refers = "In-Reply-To: <o@customer.example>\r\nReferences: <o@customer.example>\r\n";
    let forward =
        |id: &str, text: &str| forward(FROM).replace(refers, "").replace("<f@", id).replace("We take the offer.", text);
    let (one, other) = ("Invoice 1001, 500 EUR", "Invoice 1002, 900 EUR");
    let mut given = Given::new();
    let first = logged(&forward("<f@", one), &given);
    let names = first.key.iter().chain(&first.aliases);
    given.facts.known.extend(names.map(|name| (*name, Uuid::from_u128(5))));
    given.facts.likely.push(known("carla@customer.example", (9, 5), one));
    assert_eq!(given.says(&forward("<g@", &format!("{one}\r\n\r\nCarla, +48 100"))), "sighting of 5");
    let second = logged(&forward("<g@", other), &given);
    assert_eq!((second.key, second.aliases), (Some(key("<g@ours.example>")), Vec::new()));
    given.facts.known.insert(key("<g@ours.example>"), Uuid::from_u128(6));
    let noted = KnownMail { activity: Uuid::from_u128(6), ..known("carla@customer.example", (9, 5), other) };
    given.facts.likely.push(noted);
    assert_eq!(given.says(&forward("<h@", other)), "sighting of 6", "forwarded once more");
    assert_eq!(given.says(&forward("<i@", one)), "sighting of 5");
}

#[test]
fn mails_of_one_minute_without_a_text_are_told_by_what_is_attached() {
    let scan = |id: &str, name: &str| {
        let mail = forward(FROM).replace("<f@", id).replace("We take the offer.\r\n", "");
        let (header, body) = mail.split_once("\r\n\r\n").unwrap();
        let header = header.replace("text/plain; charset=utf-8", "multipart/mixed; boundary=b");
        let header = header.replace("In-Reply-To: <o@customer.example>\r\nReferences: <o@customer.example>\r\n", "");
        format!(
            "{header}\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--b\r\nContent-Type: application/pdf; \
             name={name}\r\nContent-Disposition: attachment\r\n\r\nscan\r\n--b--\r\n"
        )
    };
    let mut given = Given::new();
    let Verdict::Log(first) = given.decide(&scan("<f@", "one.pdf")).verdict else { panic!("it is new") };
    given.facts.known.extend(first.key.iter().chain(&first.aliases).map(|name| (*name, Uuid::from_u128(5))));
    given
        .facts
        .likely
        .push(KnownMail { files: [("one.pdf".to_owned(), 4)].into(), ..known("carla@customer.example", (9, 5), "") });
    assert_eq!(given.says(&scan("<g@", "one.pdf")), "sighting of 5");
    assert_eq!(given.says(&scan("<g@", "two.pdf")), "incoming by 1 with +carla dora");
}

#[test]
fn a_redirection_that_only_the_header_tells_of_is_flagged() {
    let mail = "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <o@customer.example>\r\n\
        X-Forwarded-For: anna@ours.example log@crm.example\r\nFrom: Carla <carla@customer.example>\r\n\
        To: anna@ours.example\r\nSubject: Offer\r\n\r\nYes.\r\n";
    let results = |server: &str, from: &str| {
        format!(
            "Authentication-Results: {server}; spf=pass smtp.mailfrom={from}; dmarc=pass header.from=customer.example\r\n{mail}"
        )
    };
    let google = crate::mail::authentication::Stamp::Google;
    let ours = "anna+caf_=log=crm.example@ours.example";
    let flagged = |raw: &str, stamp: &crate::mail::authentication::Stamp, check| {
        let mut given = Given::new();
        given.policy.stamp = stamp.clone();
        given.policy.sender_authentication = check;
        let Verdict::Log(activity) = given.decide(raw).verdict else { panic!("it is logged: {raw}") };
        activity.flags.contains(&Flag::UnverifiedRedirect)
    };
    let warn = SenderAuthentication::Warn;
    for (raw, stamp, check, expected) in [
        (mail.to_owned(), &google, warn, true),
        (results("mx.google.com", ours), &google, warn, false),
        (results("mx.google.com", ours), &google, SenderAuthentication::Strict, false),
        (results("mx.google.com", "carla@customer.example"), &google, warn, true),
        (results("mx.google.com", "carla@customer.example"), &google, SenderAuthentication::Strict, true),
        (results("mx.else.example", ours), &google, warn, true),
        (results("mx.else.example", ours), &crate::mail::authentication::Stamp::Unknown, warn, true),
        (mail.to_owned(), &google, SenderAuthentication::Off, false),
    ] {
        assert_eq!(flagged(&raw, stamp, check), expected, "{raw}");
    }
}

#[test]
fn an_attached_message_is_known_by_its_own_id() {
    let raw = "Date: Sun, 22 Nov 2026 12:00:00 +0100\r\nMessage-ID: <f@ours.example>\r\nFrom: anna@ours.example\r\n\
        To: log@crm.example\r\nSubject: Fwd: Offer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nFor the file.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
        Date: Sun, 22 Nov 2026 10:05:07 +0100\r\nMessage-ID: <o@customer.example>\r\n\
        From: Carla <carla@customer.example>\r\nTo: anna@ours.example\r\nSubject: Offer\r\n\r\nYes.\r\n--b--\r\n";
    let mut given = Given::new();
    given.forwarding.both_parts = true;
    match given.decide(raw).verdict {
        Verdict::Log(activity) => {
            assert_eq!(activity.key, Some(key("<o@customer.example>")));
            assert_eq!(activity.forward.unwrap().note.as_deref(), Some("For the file."));
        }
        other => panic!("{other:?}"),
    }
    given.facts.known.insert(key("<o@customer.example>"), Uuid::from_u128(5));
    assert_eq!(given.says(raw), "sighting of 5");
}

#[test]
fn redirected_mail_is_its_own_senders() {
    let redirected = "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <o@customer.example>\r\n\
        X-Forwarded-To: log@crm.example\r\nX-Forwarded-For: anna@ours.example log@crm.example\r\n\
        From: Carla <carla@customer.example>\r\nTo: anna@ours.example\r\nSubject: Offer\r\n\r\nYes.\r\n";
    let table = [
        (redirected.to_owned(), "incoming by 1 with +carla"),
        (redirected.replace("carla@", "dora@"), "incoming by 1 with dora"),
        (
            redirected.replace("X-Forwarded-For: anna@ours.example", "X-Forwarded-For: office@ours.example"),
            "incoming by 0 with +carla",
        ),
        (
            redirected.replace("X-Forwarded-For: anna@ours.example", "X-Forwarded-For: eve@other.example"),
            "unknown-sender",
        ),
        (redirected.replace("X-Forwarded", "X-Other"), "unknown-sender"),
        (redirected.replace("carla@customer", "ann@secret"), "never-log"),
        (redirected.replace("carla@customer", "bert@ours"), "internal-only"),
        (redirected.replace("Subject", "Auto-Submitted: auto-generated\r\nSubject"), "no-recipient"),
        (redirected.replace("Subject", "List-Id: <l.customer.example>\r\nSubject"), "no-recipient"),
        (
            redirected.replace("Subject", "List-Id: <l.customer.example>\r\nSubject").replace("carla@", "dora@"),
            "incoming by 1 with dora",
        ),
    ];
    for (raw, expected) in table {
        assert_eq!(Given::new().says(&raw), expected, "{raw}");
    }
}

#[test]
fn what_a_provider_asks_is_no_mail_to_log() {
    let asks = "From: forwarding-noreply@google.com\r\nTo: log@crm.example\r\nSubject: (#123456789) Gmail Forwarding Confirmation\r\n\r\nx\r\n";
    assert_eq!(Given::new().says(asks), "verification-mail");
    let mut given = Given::new();
    given.policy.stamp = crate::mail::authentication::Stamp::Google;
    let forged = format!("Authentication-Results: mx.google.com; dmarc=fail header.from=google.com\r\n{asks}");
    assert_eq!(given.says(&forged), "auth-failed");
}

#[test]
fn a_header_settles_what_needs_no_body() {
    let given = Given::new();
    let all = Facts { workspaces: vec![given.facts.clone()] };
    let code = |raw: &str| {
        let envelope = Envelope::parse(raw.as_bytes());
        by_header(
            &given.policy,
            &envelope,
            raw.len() as u64,
            Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap(),
            &all,
        )
        .map(|decision| decision.code())
    };
    assert_eq!(code(&forward(FROM)), None);
    assert_eq!(code(&forward(FROM).replace("anna@ours", "eve@other")), Some(Code::UnknownSender));
}
