//! The hostile list, item by item, where no other file has it: for the mailbox behind the log address and for a user's
//! inbox. After each the next run completes, and every reply is logged once.

use std::time::Duration;

use provider::{Fault, Profile, UidNext, When};

use crate::support::faults::{Ended, IMPATIENT, MEMORY_KIB, Started, account, no_secret, once, only_read};
use crate::support::inbox::{ANNA, CARLA, Desk, reply};
use crate::support::world::{BCC, Engine, engines, mail, mail_from};

const OFFER: &str = "Re: Offer 1@ours.example";

/// A desk whose thread `1@ours.example` is logged.
async fn desk(engine: Engine, profile: Profile) -> Desk {
    let desk = Desk::with(engine, profile, IMPATIENT).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    assert_eq!(desk.logged(), ["1@ours.example"]);
    desk
}

/// A reply reaches Anna, a BCC copy the log address; and mail that is nobody's business comes between them.
fn arrive(desk: &Desk, number: usize) {
    desk.receive(reply(&format!("{number}@c.example"), OFFER, "1@ours.example"));
    desk.receive(mail_from("stranger@elsewhere.example", &format!("{number}@e.example"), ANNA, ""));
    desk.deliver_now(mail(&format!("b{number}@ours.example"), CARLA, ""));
}

/// What arrived so often is logged once each, nothing else is, and nothing else was opened.
fn complete(desk: &Desk, arrived: usize) {
    let mut expected: Vec<String> = (2..2 + arrived)
        .flat_map(|number| [format!("{number}@c.example"), format!("b{number}@ours.example")])
        .collect();
    expected.push("1@ours.example".to_owned());
    expected.sort();
    assert_eq!(desk.logged(), expected);
    let audits = desk.trail.json(&["audit", "--json"]);
    assert!(audits.iter().all(|audit| audit["holes"] == serde_json::json!([]) && audit["waiting"] == 0), "{audits:?}");
    assert_eq!(desk.privacy().2, 0, "no other mail is opened");
    only_read(&desk.provider);
}

/// The next run has nothing against it.
fn well(desk: &Desk, what: &str) -> Ended {
    desk.provider.mail.clear_faults();
    let ended = once(&desk.trail);
    assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    assert!(ended.peak_kib < MEMORY_KIB, "{what}: {ended:?}");
    ended
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::No("[SERVERBUG] Internal error occurred.".to_owned()),
        Fault::Bad("Command Argument Error. 11".to_owned()),
        Fault::Bye("System Error".to_owned()),
        Fault::Unavailable,
        Fault::OverQuota,
        Fault::Throttled(Duration::from_millis(92_415)),
        Fault::Cut,
        Fault::Hang,
        Fault::CutInLiteral,
        Fault::Line("* BYE in the middle of it".to_owned()),
        Fault::Line("Server Unavailable. 15".to_owned()),
        Fault::Line("* 1 EXPUNGE".to_owned()),
        Fault::Line("* 999 EXISTS\r\n* VANISHED 1:99\r\n* 7 FETCH (FLAGS (\\Seen))".to_owned()),
        Fault::Alert,
        Fault::HugeLiteral(4 << 30),
        Fault::DeepParentheses(100_000),
        Fault::EndlessLine,
        Fault::WrongLiteralLength(7),
        Fault::WrongLiteralLength(-7),
        Fault::MissingMessages(1),
        Fault::DuplicateMessages,
        Fault::NoBody,
        Fault::ExpungeFirst,
    ]
}

/// Every fault at a command in which Anna's inbox is read.
async fn an_inbox_survives(engine: Engine, moment: &str, containing: &str) {
    let desk = desk(engine, Profile::Plain).await;
    let (mut said, mut arrived) = (Vec::new(), 0);
    for fault in faults() {
        // What is gone cannot be logged.
        if fault == Fault::ExpungeFirst {
            continue;
        }
        arrive(&desk, 2 + arrived);
        arrived += 1;
        desk.provider.mail.inject(When::verb(moment).user(ANNA).containing(containing), fault.clone());
        let ended = once(&desk.trail);
        assert!(matches!(ended.code, Some(0 | 1)), "{fault:?}: {ended:?}");
        assert!(ended.peak_kib < MEMORY_KIB, "{fault:?}: {ended:?}");
        said.extend([ended, well(&desk, &format!("{moment} {containing} {fault:?}"))]);
    }
    complete(&desk, arrived);
    no_secret(&desk.trail, &desk.provider, &said.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_fails_when_it_is_opened_loses_nothing() {
    an_inbox_survives(Engine::Sqlite, "EXAMINE", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_fails_over_headers_loses_nothing() {
    an_inbox_survives(Engine::Sqlite, "UID FETCH", "HEADER.FIELDS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_fails_over_a_body_loses_nothing() {
    an_inbox_survives(Engine::Sqlite, "UID FETCH", "BODY.PEEK[]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_whose_mail_goes_while_it_is_read_goes_on_behind_it() {
    for (engine, moment) in engines().into_iter().zip(["HEADER.FIELDS", "BODY.PEEK[]"]) {
        let desk = desk(engine, Profile::Plain).await;
        desk.receive(reply("gone@c.example", OFFER, "1@ours.example"));
        desk.provider.mail.inject(When::verb("UID FETCH").user(ANNA).containing(moment), Fault::ExpungeFirst);
        well_without_clearing(&desk);
        arrive(&desk, 2);
        well(&desk, moment);
        complete(&desk, 1);
    }
}

fn well_without_clearing(desk: &Desk) {
    let ended = once(&desk.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_flips_to_and_fro_logs_nothing_twice() {
    for engine in engines() {
        let desk = desk(engine, Profile::Plain).await;
        let server = &desk.provider.mail;
        let before = [ANNA, BCC].map(|user| server.uid_validity(user, "INBOX"));
        arrive(&desk, 2);
        desk.sync();
        for (number, epochs) in [(3, [4711, 4712]), (4, before), (5, [4711, 4712])] {
            server.renumber(ANNA, "INBOX", epochs[0]);
            server.renumber(BCC, "INBOX", epochs[1]);
            arrive(&desk, number);
            desk.sync();
        }
        complete(&desk, 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_epoch_nothing_is_read_and_with_one_everything_is() {
    for (engine, zero) in engines().into_iter().zip([false, true]) {
        let desk = desk(engine, Profile::Plain).await;
        let server = &desk.provider.mail;
        let before = [ANNA, BCC].map(|user| server.uid_validity(user, "INBOX"));
        arrive(&desk, 2);
        if zero {
            for user in [ANNA, BCC] {
                server.set_uid_validity(user, "INBOX", 0);
            }
        } else {
            server.inject(When::verb("EXAMINE").always(), Fault::Without("UIDVALIDITY".to_owned()));
        }
        let ended = once(&desk.trail);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for address in [ANNA, BCC] {
            let row = account(&desk.trail, address);
            assert!(row["reason"].as_str().unwrap().contains("UIDVALIDITY"), "{row}");
        }
        assert_eq!(desk.logged(), ["1@ours.example"]);
        if zero {
            for (user, epoch) in [ANNA, BCC].into_iter().zip(before) {
                server.set_uid_validity(user, "INBOX", epoch);
            }
        }
        well(&desk, "an epoch again");
        complete(&desk, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_without_uidnext_is_read_once() {
    for profile in [Profile::Plain, Profile::Exchange] {
        let desk = desk(Engine::Sqlite, profile).await;
        desk.provider.mail.set_uid_next(ANNA, "INBOX", UidNext::Omitted);
        arrive(&desk, 2);
        desk.sync();
        // `n:*` brings the last message again (RFC 3501 section 6.4.8).
        desk.sync();
        arrive(&desk, 3);
        desk.sync();
        complete(&desk, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_whose_uidnext_falls_is_read_anew() {
    for engine in engines() {
        let desk = desk(engine, Profile::Plain).await;
        arrive(&desk, 2);
        desk.sync();
        let server = &desk.provider.mail;
        let last = *server.uids(ANNA, "INBOX").last().unwrap();
        server.expunge(ANNA, "INBOX", last);
        server.deliver_uid(ANNA, "INBOX", reply("3@c.example", OFFER, "1@ours.example"), last);
        server.set_uid_next(ANNA, "INBOX", UidNext::Says(last));
        desk.sync();
        server.set_uid_next(ANNA, "INBOX", UidNext::Real);
        desk.deliver_now(mail("b3@ours.example", CARLA, ""));
        desk.sync();
        complete(&desk, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_nobody_asked_for_is_borne_in_bounded_memory() {
    let flood = "* 999 EXISTS\r\n* OK still here\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 3 RECENT\r\n".repeat(20_000);
    let desk = desk(Engine::Sqlite, Profile::Plain).await;
    let moments = [("EXAMINE", ""), ("UID FETCH", "RFC822.SIZE"), ("UID FETCH", "BODY.PEEK[]")];
    for (number, (verb, what)) in (2..).zip(moments) {
        arrive(&desk, number);
        for user in [ANNA, BCC] {
            let flood = Fault::Line(flood.trim_end().to_owned());
            desk.provider.mail.inject(When::verb(verb).user(user).containing(what), flood);
        }
        let ended = once(&desk.trail);
        assert_eq!(ended.code, Some(0), "{verb} {what}: {ended:?}");
        assert!(ended.peak_kib < MEMORY_KIB, "{verb} {what}: {ended:?}");
    }
    complete(&desk, 3);
}

/// Waits until the service has asked for a body of this user's.
async fn is_read(desk: &Desk, user: &str) {
    let asked = desk
        .provider
        .mail
        .wait_for_command(|command| command.line.contains("BODY.PEEK[]") && command.user.as_deref() == Some(user));
    tokio::time::timeout(Duration::from_secs(60), asked).await.unwrap_or_else(|_| panic!("{user} is not read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_of_eleven_days_is_capped() {
    let keys = format!("{IMPATIENT}backoff_max_seconds = 1\n");
    for profile in [Profile::Exchange, Profile::Plain] {
        let desk = Desk::with(Engine::Sqlite, profile, &keys).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        let wait = Duration::from_millis(1_000_000_000);
        for user in [ANNA, BCC] {
            desk.provider.mail.inject(When::verb("EXAMINE").user(user), Fault::Throttled(wait));
        }
        desk.provider.mail.clear_commands();
        let service = Started::new(desk.trail.command(&["run"]));
        arrive(&desk, 2);
        is_read(&desk, ANNA).await;
        is_read(&desk, BCC).await;
        let ended = tokio::task::spawn_blocking(|| service.terminate()).await.unwrap();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        desk.sync();
        complete(&desk, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_to_idle_is_left_for_a_new_session() {
    let keys = format!("{IMPATIENT}backoff_max_seconds = 1\npoll_seconds = 1\n");
    let desk = Desk::with(Engine::Sqlite, Profile::Plain, &keys).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    for user in [ANNA, BCC] {
        desk.provider.mail.inject(When::verb("IDLE").user(user), Fault::Hang);
    }
    let service = Started::new(desk.trail.command(&["run"]));
    for user in [ANNA, BCC] {
        let idle = desk.provider.mail.wait_for_command(|one| one.verb == "IDLE" && one.user.as_deref() == Some(user));
        tokio::time::timeout(Duration::from_secs(60), idle).await.expect("IDLE is tried");
    }
    desk.provider.mail.clear_commands();
    arrive(&desk, 2);
    is_read(&desk, ANNA).await;
    is_read(&desk, BCC).await;
    let ended = tokio::task::spawn_blocking(|| service.terminate()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    desk.sync();
    complete(&desk, 1);
}
