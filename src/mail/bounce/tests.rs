//! Bounces in the forms of the systems that send them.

use proptest::prelude::*;

use super::*;
use crate::mail::message::Mail;

const ORIGINAL: &str = "Received: from pc.ours.example by mx.ours.example; Sun, 22 Nov 2026 10:00:00 +0100\n\
    Message-ID: <offer@ours.example>\n\
    From: Ola <ola@ours.example>\n\
    To: Anna <anna@customer.example>\n\
    Subject: Offer\n";

fn parse(message: &str) -> Mail {
    Mail::parse(message.replace('\n', "\r\n").as_bytes()).unwrap()
}

/// A notice in plain text.
fn notice(header: &str, text: &str) -> Mail {
    parse(&format!("{header}\nTo: ola@ours.example\nReturn-Path: <>\nContent-Type: text/plain\n\n{text}"))
}

/// A delivery report: its text, the fields about the recipients, and the original.
fn report(text: &str, fields: &str) -> Mail {
    parse(&format!(
        "From: MAILER-DAEMON@mx.customer.example\nTo: ola@ours.example\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\n\n{text}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.customer.example\n\n{fields}\n\
         --b\nContent-Type: text/rfc822-headers\n\n{ORIGINAL}\n--b--\n"
    ))
}

fn failed(mail: &Mail) -> Vec<&str> {
    mail.bounce.iter().flat_map(|bounce| bounce.failed_recipients.iter().map(Address::as_str)).collect()
}

fn original(mail: &Mail) -> Option<&str> {
    mail.bounce.as_ref()?.original_message_id.as_ref().map(MessageId::as_str)
}

#[test]
fn a_report_names_recipient_status_and_original() {
    let mail = report(
        "This is the mail system at host mx.customer.example.",
        "Final-Recipient: rfc822; anna@customer.example\nOriginal-Recipient: rfc822;anna@customer.example\n\
         Action: failed (permanently)\nStatus: 5.1.1 (bad mailbox)\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user\n",
    );
    assert_eq!(mail.envelope.class, Class::Bounce);
    assert_eq!((failed(&mail), original(&mail)), (vec!["anna@customer.example"], Some("offer@ours.example")));
    let bounce = mail.bounce.unwrap();
    assert_eq!((bounce.action, bounce.status.as_deref()), (Action::Failed, Some("5.1.1")));
}

#[test]
fn of_several_recipients_those_that_failed_are_named() {
    let recipient = |name: &str, action: &str, status: &str| {
        format!("Final-Recipient: rfc822; <{name}@customer.example>\nAction: {action}\nStatus: {status}\n\n")
    };
    let fields = [
        recipient("anna", "delivered", "2.0.0"),
        recipient("bo", "failed", "5.2.2"),
        recipient("cy", "delayed", "4.4.1"),
    ];
    let mail = report("", &fields.concat());
    assert_eq!(failed(&mail), ["bo@customer.example"]);
    assert_eq!(mail.bounce.unwrap().status.as_deref(), Some("5.2.2"));
}

#[test]
fn a_report_of_success_has_no_failed_recipients() {
    let mail = report(
        "anna@customer.example",
        "Final-Recipient: rfc822;anna@customer.example\nAction: relayed\nStatus: 2.0.0\n",
    );
    assert_eq!(failed(&mail), [""; 0]);
    assert_eq!(mail.bounce.unwrap().action, Action::Relayed);
}

#[test]
fn behind_an_alias_the_address_that_the_text_names_counts() {
    let fields = "Final-Recipient: rfc822;box7@store.customer.example\nOriginal-Recipient: rfc822;anna@customer.example\nAction: failed\n";
    assert_eq!(failed(&report("", fields)), ["box7@store.customer.example"]);
    assert_eq!(failed(&report("<anna@customer.example>: quota exceeded", fields)), ["anna@customer.example"]);
    let foreign =
        "Final-Recipient: x400; /S=anna/C=SE/\nOriginal-Recipient: rfc822;anna@customer.example\nAction: failed\n";
    assert_eq!(failed(&report("", foreign)), ["anna@customer.example"]);
}

#[test]
fn notices_without_a_report_are_read_by_their_layout() {
    let qmail = "Hi. This is the qmail-send program at mx.customer.example.\nI'm afraid I wasn't able to deliver your \
        message to the following addresses.\n\n<anna@customer.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n\
        --- Below this line is a copy of the message.\n\n";
    let exim = "A message that you sent could not be delivered to one or more of its\nrecipients. The following address(es) \
        failed:\n\n  anna@customer.example\n    SMTP error from remote mail server after RCPT TO:<anna@customer.example>:\n    \
        host mx.customer.example [192.0.2.25]: 550 5.1.1 User unknown\n\n------ This is a copy of the message, including all \
        the headers. ------\n\n";
    let postfix = "I'm sorry to have to inform you that your message could not\nbe delivered. For further assistance, please \
        send mail to <postmaster>\n\n<anna@customer.example>: host mx.customer.example[192.0.2.25] said: 550 5.1.1\n    \
        <anna@customer.example>: Recipient address rejected (in reply to RCPT TO\n    command)\n\n";
    let exchange = "Your message\n\n  To:      office@customer.example\n  Subject: Offer\n  Sent:    Sun, 22 Nov 2026 \
        10:00:00 +0100\n\ndid not reach the following recipient(s):\n\nanna@customer.example on Sun, 22 Nov 2026 10:00:01 \
        +0100\n    The recipient name is not recognized 5.1.1\n\n";
    let notes = "------- Failure Reasons  --------\n\nUser anna not listed in public Name & Address Book (5.1.1)\n\
        anna@customer.example\n\n------- Returned Message --------\n\n";
    let mail_enable = "Message could not be delivered to some recipients.\n\n\tRecipient: [SMTP:anna@customer.example]\n\t\
        Reason: Remote SMTP Server Returned: 550 5.1.1 unavailable\n\nMessage headers follow:\n\n";
    let sweeper = "A content monitoring gateway has not delivered the following message (5.1.1):\n\n   From:    \
        ola@ours.example\n   To:      anna@customer.example\n   Subject: Offer\n\n";
    let sentence = "Your message to anna@customer.example has reached our server, but this address\nis no longer valid \
        (5.1.1). Questions? Ask postmaster@customer.example.\n\nOriginal message follows.\n\n";
    let unnamed = "The message you sent could not be delivered: 5.1.1 mailbox unknown.\n\n   ----- Unsent message follows \
        -----\n";
    for text in [qmail, exim, postfix, exchange, notes, mail_enable, sweeper, sentence, unnamed] {
        let mail = notice("From: MAILER-DAEMON@mx.customer.example", &format!("{text}{ORIGINAL}\nHello"));
        assert_eq!(
            (failed(&mail), original(&mail)),
            (vec!["anna@customer.example"], Some("offer@ours.example")),
            "{text}"
        );
        let bounce = mail.bounce.unwrap();
        assert_eq!((bounce.action, bounce.status.as_deref()), (Action::Failed, Some("5.1.1")), "{text}");
    }
}

#[test]
fn every_recipient_of_a_list_is_named_once() {
    let text = "Unable to deliver message to the following address(es).\n\n<anna@customer.example>:\nover quota\n\n\
        <bo@customer.example>:\nThis account is over quota.\n\n<Anna@customer.example>:\nover quota\n";
    let mail = notice("From: MAILER-DAEMON@mx.customer.example", text);
    assert_eq!(failed(&mail), ["anna@customer.example", "bo@customer.example"]);
}

#[test]
fn the_header_that_names_failed_recipients_beats_the_prose() {
    let header =
        "From: Mail Delivery Subsystem <mailer-daemon@mail.example>\nX-Failed-Recipients: group@customer.example";
    let mail = notice(header, "Hello ola@ours.example,\n\nThe group you tried to contact may not exist.\n");
    assert_eq!(failed(&mail), ["group@customer.example"]);
}

#[test]
fn a_warning_is_a_delay() {
    let text = "The message has not yet been delivered to the following addresses:\n\n  anna@customer.example\n\n\
        Delivery attempts will continue for some time (4.4.1).\n";
    let bounce =
        notice("From: Mailer-Daemon@mx.ours.example\nSubject: Warning: message delayed 2 days", text).bounce.unwrap();
    assert_eq!((bounce.action, bounce.status.as_deref()), (Action::Delayed, Some("4.4.1")));
}

#[test]
fn the_original_is_named_by_the_thread_where_no_copy_is_left() {
    let header = "From: postmaster@customer.example\nSubject: Undeliverable: Offer\nIn-Reply-To: <offer@ours.example>";
    assert_eq!(original(&notice(header, "anna@customer.example\n")), Some("offer@ours.example"));
}

#[test]
fn a_bounce_that_only_its_body_tells_is_found() {
    let mail = parse(&format!(
        "From: no-reply@customer.example\nSubject: Mail\nReturn-Path: <>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\
         Your mail could not be delivered to: <anna@customer.example>\nAs their mailbox is full.\n\
         --b\nContent-Type: message/rfc822\n\n{ORIGINAL}\nHello\n--b--\n"
    ));
    assert_eq!(mail.envelope.class, Class::Bounce);
    assert_eq!(failed(&mail), ["anna@customer.example"]);
}

#[test]
fn people_who_write_about_bounces_are_people() {
    let told = "My mail could not be delivered:\n\n<anna@customer.example>: 550 5.1.1 user unknown\n";
    let forwarded = format!(
        "From: Bo <bo@customer.example>\nReturn-Path: <bo@customer.example>\nSubject: Fwd: Undelivered Mail Returned to Sender\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\n\n{told}\n--b\nContent-Type: message/rfc822\n\n{ORIGINAL}\n--b--\n"
    );
    let answered =
        format!("From: postmaster@customer.example\nSubject: Re: offer\n\nI looked into it for you. {ORIGINAL}");
    let named = format!(
        "From: Bo <bo@customer.example>\nSubject: Delivery problem\n\nThe parcel for bo@customer.example is late.\n{ORIGINAL}"
    );
    let parcel = "From: Depot <depot@customer.example>\nSubject: Delivery failed\n\nYour parcel could not be delivered. Write to\n\n\
        E-mail: bo@customer.example\n\n-----Original Message-----\nFrom: Ola\nTo: depot@customer.example\nSubject: Parcel\n";
    let absent = format!(
        "From: Bo <bo@customer.example>\nReturn-Path: <>\nAuto-Submitted: auto-replied\nSubject: Away\n\n\
        I am away. Please write to:\n\n  anna@customer.example\n\n-----Original Message-----\n{ORIGINAL}"
    );
    for message in [forwarded.as_str(), &answered, &named, parcel, &absent] {
        let mail = parse(message);
        assert_eq!(mail.bounce, None, "{message}");
        assert_ne!(mail.envelope.class, Class::Bounce, "{message}");
    }
}

#[test]
fn status_codes_are_told_from_addresses_of_hosts() {
    assert_eq!(status_in("host [192.0.2.25] said: 550-5.1.1. The"), Some("5.1.1".to_owned()));
    assert_eq!(status_in("#4.4.7#"), Some("4.4.7".to_owned()));
    for none in ["5.1", "5.1.1.7", "3.1.1", "5..1", "5.1.1000", "version 12.5.1"] {
        assert_eq!(status_in(none), None, "{none}");
    }
}

#[test]
fn a_report_without_end_names_a_bounded_number_of_recipients() {
    let fields: String =
        (0..5_000).map(|n| format!("Final-Recipient: rfc822;a{n}@c.example\nAction: failed\n\n")).collect();
    assert!(failed(&report("", &fields)).len() <= MAX_RECIPIENTS);
    let list: String = (0..5_000).map(|n| format!("a{n}@c.example\n")).collect();
    assert!(failed(&notice("From: MAILER-DAEMON@mx.customer.example", &list)).len() <= MAX_RECIPIENTS);
}

proptest! {
    #[test]
    fn any_text_can_be_a_bounce(text in "((message-id|to|received|recipient|final-recipient): ?|<?a@b\\.example>?|5\\.1\\.1|--- original message ---|\\(expanded from|[\\n\\r\\t >|*;:]|\\PC){0,40}") {
        let mail = notice("From: MAILER-DAEMON@mx.customer.example", &text);
        prop_assert_eq!(mail.envelope.class, Class::Bounce);
        prop_assert!(mail.bounce.is_some());
    }

    #[test]
    fn any_bytes_can_be_a_report(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut raw = b"From: MAILER-DAEMON\r\nContent-Type: message/delivery-status\r\n\r\n".to_vec();
        raw.extend(bytes);
        prop_assert!(Mail::parse(&raw).unwrap().bounce.is_some());
    }
}
