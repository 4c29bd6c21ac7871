//! Reports on mail that came back (J12): what they mark, and which of them are opened.

use provider::Profile;
use serde_json::Value;

use crate::support::inbox::{ANNA, CARLA, Desk, PROFILES, answer};
use crate::support::world::{BCC, Engine, engines, mail_from};

const SYSTEM: &str = "mailer-daemon@customer.example";

/// A delivery report (RFC 3464) that says what became of `original`. `header` holds further fields.
fn report(to: &str, id: &str, action: &str, original: &str, header: &str) -> String {
    let status = if action == "failed" { "5.1.1" } else { "4.4.1" };
    let body = format!(
        "--b\r\nContent-Type: text/plain\r\n\r\nAbout your mail.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.customer.example\r\n\r\nFinal-Recipient: rfc822; {CARLA}\r\nAction: {action}\r\n\
         Status: {status}\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{original}>\r\n\
         From: {ANNA}\r\nTo: {CARLA}\r\nSubject: Offer\r\n\r\n--b--\r\n"
    );
    let plain = answer(SYSTEM, to, id, "Delivery Status Notification", header);
    let typed = "Content-Type: multipart/report; report-type=delivery-status; boundary=b";
    plain.replace("Content-Type: text/plain; charset=utf-8", typed).replace("Hello.\r\n", &body)
}

fn told_of(desk: &Desk) -> usize {
    let events: Vec<Value> = desk.trail.json(&["events", "list", "--json"]);
    events.iter().filter(|event| event["type"] == "activity.bounced").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_inbox_the_text_of_a_report_on_a_logged_mail_tells_what_came_back_from_what_is_late() {
    let postgres = engines().into_iter().filter(|engine| *engine != Engine::Sqlite);
    let grid = PROFILES.into_iter().map(|profile| (Engine::Sqlite, profile));
    for (engine, profile) in grid.chain(postgres.map(|engine| (engine, Profile::Plain))) {
        let desk = Desk::new(engine, profile).await;
        for id in ["1@ours.example", "2@ours.example"] {
            desk.log_by_bcc(id);
        }
        desk.sync();
        let refers = "References: <1@ours.example>\r\n";
        desk.receive(report(ANNA, "3@c.example", "delayed", "1@ours.example", refers));
        desk.receive(report(ANNA, "4@c.example", "delivered", "1@ours.example", refers));
        desk.sync();
        assert_eq!(desk.activity_of("1@ours.example")["bounced"], false, "{profile:?}: it is late, or arrived");
        // The text is surer than the header of what came back.
        let misled = "In-Reply-To: <1@ours.example>\r\n";
        desk.receive(report(ANNA, "5@c.example", "failed", "2@ours.example", misled));
        desk.receive(report(ANNA, "6@c.example", "failed", "2@ours.example", misled));
        desk.sync();
        let bounced = |id: &str| desk.activity_of(id)["bounced"] == true;
        assert_eq!((bounced("1@ours.example"), bounced("2@ours.example"), told_of(&desk)), (false, true, 1));
        for id in ["3@c.example", "4@c.example", "5@c.example", "6@c.example"] {
            assert_eq!(desk.code(id), "bounce", "a report is nobody's reply");
        }
        assert_eq!(desk.privacy(), (4, 4, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_inbox_a_report_that_nothing_in_its_header_ties_to_a_logged_mail_is_never_opened() {
    let desk = Desk::new(Engine::Sqlite, Profile::Gmail).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    desk.receive(report(ANNA, "3@c.example", "failed", "1@ours.example", "References: <9@ours.example>\r\n"));
    desk.receive(report(ANNA, "4@c.example", "failed", "1@ours.example", ""));
    desk.sync();
    assert!(desk.opened().is_empty(), "{:?}", desk.opened());
    assert_eq!((desk.activity_of("1@ours.example")["bounced"].clone(), told_of(&desk)), (false.into(), 0));
    assert_eq!(desk.logged(), ["1@ours.example"]);
}

/// A report whose header says nothing of what came back, with the whole mail as its third part.
fn report_with_mail(id: &str, original: &str) -> String {
    let report = report(ANNA, id, "failed", original, "Return-Path: <>\r\n");
    let whole = "Content-Type: message/rfc822\r\n\r\nReceived: from a.example by b.example; Sun, 22 Nov 2026 10:00:00 +0000\r\n";
    let report = report.replace("Content-Type: text/rfc822-headers\r\n\r\n", whole);
    report.replace("Subject: Offer\r\n\r\n--b--", "Subject: Offer\r\n\r\nAs we said.\r\n--b--")
}

/// What was asked of mail in the inbox other than its header fields.
fn parts_asked(desk: &Desk) -> Vec<String> {
    let commands = desk.provider.mail.commands().into_iter().filter(|one| one.user.as_deref() == Some(ANNA));
    let lines = commands.map(|one| one.line).filter(|line| line.contains("BODY"));
    lines.filter(|line| !line.contains("BODY.PEEK[HEADER.FIELDS")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_report_that_only_its_enclosed_mail_ties_nothing_but_that_mails_id_is_fetched_before_it_is_tied() {
    for profile in PROFILES {
        let desk = Desk::new(Engine::Sqlite, profile).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.receive(report_with_mail("3@c.example", "private@ours.example"));
        desk.receive(mail_from(CARLA, "4@c.example", ANNA, "").replace("Subject: Offer", "Subject: Delivery status:"));
        desk.sync();
        let asked = parts_asked(&desk);
        assert_eq!(asked.len(), 1, "a mail that is nobody's business came back: {asked:?}");
        assert!(asked[0].ends_with("1 (UID BODY.PEEK[3.HEADER.FIELDS (MESSAGE-ID)])"), "{asked:?}");
        assert_eq!(desk.privacy(), (2, 0, 0));
        desk.receive(report_with_mail("5@c.example", "1@ours.example"));
        desk.receive(report_with_mail("6@c.example", "2@ours.example"));
        desk.sync();
        assert_eq!(desk.activity_of("1@ours.example")["bounced"], true, "{profile:?}");
        assert_eq!((desk.code("5@c.example"), desk.privacy()), ("bounce".to_owned(), (4, 1, 0)));
        desk.log_by_bcc("2@ours.example");
        desk.sync();
        assert_eq!(desk.activity_of("2@ours.example")["bounced"], true, "its report came first (D21)");
        assert_eq!((told_of(&desk), desk.logged().len(), desk.privacy()), (2, 2, (4, 2, 0)));
        assert_eq!(desk.code("3@c.example"), "not-in-known-thread");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_ties_a_report_only_if_somebody_of_the_thread_did_not_get_the_mail() {
    let desk = Desk::new(Engine::Sqlite, Profile::Exchange).await;
    let index = |more: &str| format!("Thread-Index: AQHZ5z6WOYDGoFF1jkmIbnyciZe03A{more}\r\n");
    desk.deliver_now(mail_from(ANNA, "1@ours.example", CARLA, &index("==")));
    desk.sync();
    let failed = |who: &str| format!("X-Failed-Recipients: {who}\r\n{}", index("AAAAAB"));
    let later = |mail: String| mail.replace("10:00:00", "10:05:00");
    desk.receive(later(report(ANNA, "6@c.example", "failed", "5@ours.example", &failed("friend@elsewhere.example"))));
    desk.sync();
    assert!(desk.opened().is_empty(), "a mail to somebody else in the conversation: {:?}", desk.opened());
    desk.receive(later(report(ANNA, "7@c.example", "failed", "1@ours.example", &failed(CARLA))));
    desk.sync();
    assert_eq!((desk.opened().len(), told_of(&desk)), (1, 1));
    assert_eq!(desk.activity_of("1@ours.example")["bounced"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_came_before_its_mail_was_logged_marks_it_when_that_is() {
    let desk = Desk::new(Engine::Sqlite, Profile::Exchange).await;
    desk.receive(report(ANNA, "3@c.example", "failed", "1@ours.example", "References: <1@ours.example>\r\n"));
    desk.sync();
    assert!(desk.opened().is_empty());
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    assert_eq!((desk.activity_of("1@ours.example")["bounced"].clone(), told_of(&desk)), (true.into(), 1));
    assert_eq!(desk.code("3@c.example"), "bounce");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_log_address_a_report_marks_the_mail_that_it_encloses_if_that_came_back() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        for id in ["1@ours.example", "2@ours.example", "4@ours.example"] {
            desk.log_by_bcc(id);
        }
        desk.deliver_now(report(BCC, "5@c.example", "failed", "1@ours.example", ""));
        desk.deliver_now(report(BCC, "6@c.example", "delayed", "2@ours.example", ""));
        desk.deliver_now(report(BCC, "7@c.example", "failed", "9@ours.example", ""));
        // Larger than what is fetched at once, because it brings the whole mail back.
        let filler = format!("About your mail.\r\n{}", "It came back.\r\n".repeat(100_000));
        let large = report(BCC, "8@c.example", "failed", "4@ours.example", "");
        desk.deliver_now(large.replace("About your mail.\r\n", &filler));
        desk.sync();
        let bounced: Vec<bool> = ["1@ours.example", "2@ours.example", "4@ours.example"]
            .map(|id| desk.activity_of(id)["bounced"] == true)
            .into();
        assert_eq!((bounced, told_of(&desk)), (vec![true, false, true], 2));
        assert_eq!(desk.code("5@c.example"), "bounce");
        assert_eq!(desk.code("6@c.example"), "bounce");
        assert_eq!(desk.code("7@c.example"), "unknown-sender");
        assert_eq!(desk.logged().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_whose_header_looks_like_an_answer_is_no_reply_once_it_is_read() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    let refers = "In-Reply-To: <1@ours.example>\r\n";
    let like_an_answer = report("anna@ours.example", "2@c.example", "failed", "1@ours.example", refers)
        .replace(&format!("From: {SYSTEM}"), "From: postmaster@customer.example")
        .replace("Subject: Delivery Status Notification", "Subject: Re: Offer 1@ours.example")
        .replace("multipart/report; report-type=delivery-status;", "multipart/mixed;");
    desk.receive(like_an_answer);
    desk.sync();
    assert_eq!((desk.code("2@c.example"), desk.logged().len()), ("bounce".to_owned(), 1));
    assert_eq!(desk.activity_of("1@ours.example")["bounced"], true);
}
