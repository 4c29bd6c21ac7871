//! Personal inboxes: mail of our own, mail on request, all mail with contacts, where an inbox begins and goes on, and the
//! service that watches it.

use chrono::TimeDelta;
use mailtrail::clock::Clock;
use provider::{Fault, Profile, When};

use crate::support::faults::Started;
use crate::support::inbox::{ANNA, CARLA, Desk, PROFILES, answer, reply};
use crate::support::mail::{Cast, samples};
use crate::support::world::{Engine, World, engines, mail_from, mail_with, strings};

const OFFER: &str = "Re: Offer 1@ours.example";

#[tokio::test(flavor = "multi_thread")]
async fn the_users_and_a_colleagues_answers_on_a_logged_thread_are_outgoing_and_drafts_are_not_sent() {
    for profile in PROFILES {
        let desk = Desk::new(Engine::Sqlite, profile).await;
        desk.users(&["bert@ours.example,Bert,,core,true"]);
        desk.log_by_bcc("1@ours.example");
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        desk.sync();
        let refers = "In-Reply-To: <2@c.example>\r\nReferences: <1@ours.example> <2@c.example>\r\n";
        desk.sent(answer(ANNA, CARLA, "3@ours.example", OFFER, refers));
        desk.receive(answer("bert@ours.example", CARLA, "4@ours.example", OFFER, &format!("Cc: {ANNA}\r\n{refers}")));
        desk.receive(answer("bert@ours.example", ANNA, "5@ours.example", OFFER, refers));
        desk.sent(answer(ANNA, "friend@elsewhere.example", "6@ours.example", OFFER, refers));
        let draft = desk.put(ANNA, profile.drafts(), answer(ANNA, CARLA, "7@ours.example", OFFER, refers));
        desk.provider.mail.set_flags(ANNA, profile.drafts(), draft, &["\\Draft"]);
        desk.sync();
        let (own, colleagues) = (desk.activity_of("3@ours.example"), desk.activity_of("4@ours.example"));
        assert_eq!((&own["kind"], &own["direction"], &own["user"]), (&"sent".into(), &"outgoing".into(), &ANNA.into()));
        assert_eq!((&colleagues["direction"], &colleagues["user"]), (&"outgoing".into(), &"bert@ours.example".into()));
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example", "3@ours.example", "4@ours.example"], "{profile:?}");
        assert_eq!(desk.code("5@ours.example"), "internal-only");
        assert_eq!(desk.code("6@ours.example"), "not-a-participant");
        assert_eq!(desk.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_have_any_mail_logged_and_is_told_what_is_known_of_the_rest() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        desk.trail.run(&["never-log", "add", "secret.example"]);
        for id in ["1", "2", "3"] {
            desk.receive(mail_from("dora@other.example", &format!("{id}@o.example"), ANNA, ""));
        }
        desk.receive(mail_from("x@secret.example", "4@s.example", ANNA, ""));
        desk.sync();
        assert_eq!(desk.trail.json(&["ledger", "list", "--json"])[0]["uid_last"], 4, "one row for all of them");
        let told = desk.trail.run(&["log", "--account", ANNA, "--mailbox", "INBOX", "--uid", "2"]);
        assert!(told.contains("UID 2 is on the timeline"), "{told}");
        assert_eq!(desk.activity_of("2@o.example")["kind"], "reply");
        assert_eq!(desk.contacts(), ["dora@other.example"]);
        assert_eq!(desk.codes(), ["not-in-known-thread", "logged", "not-in-known-thread"]);
        assert_eq!(desk.code("2@o.example"), "logged");
        let refused = desk.trail.output(&["log", "--account", ANNA, "--uid", "4", "--json"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stdout).contains("\"code\":\"never-log\""));
        desk.trail.fails(1, &["log", "--account", ANNA, "--uid", "99"]);
        desk.trail.fails(1, &["log", "--account", "bcc@crm.example", "--uid", "1"]);
        assert_eq!(desk.privacy(), (4, 1, 0));
        let told = desk.trail.run(&["privacy", ANNA]);
        assert!(told.contains("4 messages seen by their header, 1 opened to be logged or as a report on a logged mail, 0 opened without"), "{told}");
        desk.receive(answer(
            "dora@other.example",
            ANNA,
            "5@o.example",
            "Re: Offer 2@o.example",
            "In-Reply-To: <2@o.example>\r\n",
        ));
        desk.sync();
        assert_eq!(desk.code("5@o.example"), "logged", "its thread is known now");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_on_the_timeline_may_be_asked_for_again() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        let mail = mail_from("dora@other.example", "1@o.example", ANNA, "");
        desk.receive(mail.clone());
        desk.receive(mail);
        desk.sync();
        let ask = |uid: &str| desk.trail.run(&["log", "--account", ANNA, "--mailbox", "INBOX", "--uid", uid]);
        assert!(ask("1").contains("UID 1 is on the timeline"));
        for uid in ["1", "2", "2", "1"] {
            let told = ask(uid);
            assert!(told.contains(&format!("UID {uid} was on the timeline already")), "{told}");
        }
        assert_eq!(desk.codes(), ["logged", "duplicate"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_mail_with_contacts_is_logged_other_mail_still_is_not_opened() {
    for engine in engines() {
        let desk = Desk::with(engine, Profile::Plain, "logging_rule = \"known-contacts\"\n").await;
        desk.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        desk.receive(mail_from(CARLA, "1@c.example", ANNA, ""));
        desk.receive(mail_from("x@third.example", "2@t.example", ANNA, ""));
        desk.sent(mail_from(ANNA, "3@ours.example", &format!("{CARLA}, new@third.example"), ""));
        desk.sent(mail_from(ANNA, "4@ours.example", "new@third.example", ""));
        desk.sync();
        assert_eq!(desk.logged(), ["1@c.example", "3@ours.example"]);
        assert_eq!(desk.contacts(), [CARLA]);
        assert_eq!(desk.privacy(), (4, 2, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_begins_when_it_is_connected_or_on_the_day_it_is_told() {
    let day = ["--since", "2020-01-01"];
    for (how, expected) in [(&[][..], vec!["1@ours.example"]), (&day[..], vec!["1@ours.example", "2@c.example"])] {
        let world = World::plain(Engine::Sqlite).await;
        world.deliver(mail_from(ANNA, "1@ours.example", CARLA, ""));
        world.sync();
        let token = world.provider.create_user(ANNA);
        world.provider.mail.deliver(ANNA, "INBOX", reply("2@c.example", OFFER, "1@ours.example"));
        let file = world.trail.path("token");
        std::fs::write(&file, token).unwrap();
        let port = world.connection().port.to_string();
        let args = ["account", "add", "--kind", "personal", "--provider", "imap", "--user", ANNA, "--address", ANNA];
        let to = ["--host", "localhost", "--port", &port, "--refresh-token-file", file.to_str().unwrap()];
        let told = world.trail.run(&[&args[..], &to, how].concat());
        assert!(told.contains("INBOX and Sent"), "{told}");
        world.sync();
        assert_eq!(world.logged(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_given_to_a_connected_inbox_brings_the_mail_from_before_its_connection() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail_from(ANNA, "1@ours.example", CARLA, ""));
        world.sync();
        let (token, file) = (world.provider.create_user(ANNA), world.trail.path("token"));
        std::fs::write(&file, token).unwrap();
        let days_ago = |days: i64| Clock::system().now() - TimeDelta::days(days);
        let mail = |id: &str, days: i64| {
            let reply = reply(id, OFFER, "1@ours.example");
            world.provider.mail.deliver_at(ANNA, "INBOX", reply, days_ago(days));
        };
        mail("2@c.example", 400);
        mail("3@c.example", 40);
        let connection = ["--kind", "personal", "--provider", "imap", "--user", ANNA];
        let port = world.connection().port.to_string();
        let server = ["--host", "localhost", "--port", &port, "--refresh-token-file", file.to_str().unwrap()];
        world.trail.run(&[&["account", "add", "--address", ANNA][..], &connection, &server].concat());
        mail("4@c.example", 0);
        world.sync();
        assert_eq!(world.logged(), ["1@ours.example", "4@c.example"]);
        let day = days_ago(100).format("%Y-%m-%d").to_string();
        let change = || {
            let args = ["account", "add", "--address", ANNA, "--since", &day];
            world.trail.run(&[&args[..], &connection].concat())
        };
        assert!(change().contains("former start"));
        world.sync();
        assert_eq!(world.logged(), ["1@ours.example", "3@c.example", "4@c.example"]);
        let before = world.everything();
        assert!(!change().contains("former start"));
        world.sync();
        assert_eq!(world.everything(), before);
        world.trail.run(&["audit"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_uidvalidity_logs_nothing_again_and_loses_nothing() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        desk.log_by_bcc("1@ours.example");
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        desk.sync();
        desk.receive(reply("3@c.example", OFFER, "2@c.example"));
        desk.provider.mail.renumber(ANNA, "INBOX", 4_242);
        desk.sync();
        desk.receive(reply("4@c.example", OFFER, "3@c.example"));
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example", "3@c.example", "4@c.example"]);
        assert_eq!(desk.activity_of("2@c.example")["sightings"].as_array().unwrap().len(), 2);
        let rows = desk.trail.json(&["privacy", ANNA, "--json"]);
        let kept: u64 = rows.iter().map(|row| row["kept"]["activities"].as_u64().unwrap()).sum();
        assert_eq!(kept, 3, "an activity is kept once, however often it was seen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_watched_where_its_mail_is_and_all_mail_may_be_hidden() {
    let expected = [
        (Profile::Gmail, &["[Gmail]/All Mail"][..]),
        (Profile::Exchange, &["INBOX", "Skickat"]),
        (Profile::Plain, &["Archive", "INBOX", "Sent"]),
    ];
    for (profile, mailboxes) in expected {
        let desk = Desk::with(Engine::Sqlite, profile, "[watch]\nmailboxes = [\"Archive\"]\n").await;
        let watched = || {
            let accounts = desk.trail.json(&["account", "list", "--json"]);
            strings(&accounts.iter().find(|account| account["address"] == ANNA).unwrap()["mailboxes"])
        };
        assert_eq!(watched(), mailboxes);
        if profile == Profile::Gmail {
            desk.log_by_bcc("1@ours.example");
            desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
            desk.sync();
            desk.provider.mail.remove_mailbox(ANNA, "[Gmail]/All Mail");
            desk.receive(reply("3@c.example", OFFER, "1@ours.example"));
            desk.sync();
            assert_eq!(watched(), ["INBOX", "[Gmail]/Sent Mail"]);
            assert_eq!(desk.logged(), ["1@ours.example", "2@c.example", "3@c.example"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_logs_a_reply_at_once_and_a_late_match_soon_over_at_most_two_connections() {
    for profile in PROFILES {
        let desk = Desk::new(Engine::Sqlite, profile).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.provider.mail.clear_commands();
        let mut service = Started::new(desk.trail.command(&["run"]));
        desk.provider.mail.wait_for_command(|one| one.verb == "IDLE" && one.user.as_deref() == Some(ANNA)).await;
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        assert!(service.runs_until(|| desk.logged().len() == 2), "{profile:?}");
        desk.receive(reply("4@c.example", "Re: Offer 3@ours.example", "3@ours.example"));
        desk.log_by_bcc("3@ours.example");
        assert!(service.runs_until(|| desk.logged().contains(&"4@c.example".to_owned())), "{profile:?}");
        service.terminate();
        let sessions = desk.provider.mail.commands().into_iter().filter(|one| one.user.as_deref() == Some(ANNA));
        let sessions: std::collections::BTreeSet<u64> = sessions.map(|one| one.session).collect();
        assert!(sessions.len() <= 2, "{profile:?}: {sessions:?}");
        assert_eq!(desk.privacy().2, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_of_unchanged_mailboxes_is_a_round_trip_for_each_and_a_silent_idle_hides_nothing() {
    for (profile, others) in [(Profile::Gmail, 0), (Profile::Exchange, 1)] {
        let desk = Desk::with(Engine::Sqlite, profile, "[worker]\npoll_seconds = 1\n[audit]\nevery_hours = 0\n").await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.provider.mail.clear_commands();
        let mut service = Started::new(desk.trail.command(&["run"]));
        let of_anna = || {
            let all = desk.provider.mail.commands().into_iter().filter(|one| one.user.as_deref() == Some(ANNA));
            all.map(|one| one.verb).collect::<Vec<_>>()
        };
        assert!(service.runs_until(|| of_anna().iter().filter(|verb| *verb == "NOOP").count() >= 4));
        let verbs = of_anna();
        let polls: Vec<&str> = verbs.iter().map(String::as_str).skip_while(|verb| *verb != "IDLE").collect();
        let count = |verb: &str| polls.iter().filter(|one| **one == verb).count();
        let (idle, noop, status) = (count("IDLE"), count("NOOP"), count("STATUS"));
        assert!(idle - noop <= 1 && (noop * others).abs_diff(status) <= others, "{polls:?}");
        assert!(polls.iter().all(|verb| ["IDLE", "DONE", "NOOP", "STATUS"].contains(verb)), "{polls:?}");
        assert_eq!(verbs.iter().filter(|verb| *verb == "LIST").count(), 1);
        service.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_cannot_be_had_is_set_aside_and_the_inbox_goes_on() {
    let desk = Desk::with(Engine::Sqlite, Profile::Plain, "[limits]\nattempts = 2\n").await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    desk.receive(mail_from(CARLA, "2@c.example", ANNA, ""));
    let bad = desk.receive(reply("3@c.example", OFFER, "1@ours.example"));
    desk.receive(reply("4@c.example", OFFER, "1@ours.example"));
    desk.provider.mail.inject(When::verb("UID FETCH").user(ANNA).uid(bad).containing("BODY.PEEK").always(), broken());
    desk.sync();
    assert_eq!(desk.logged(), ["1@ours.example", "4@c.example"]);
    assert_eq!(desk.trail.json(&["quarantine", "list", "--json"])[0]["uid"], bad);
}

/// The server fails over a message.
fn broken() -> Fault {
    Fault::No("[SERVERBUG] Internal error".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_no_attachments_fails_the_inbox_and_holds_nothing_up() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    for n in 0..100 {
        let with_file = mail_with(&format!("{n}@c.example"), ANNA, &[("offer.bin", b"bytes")])
            .replace("From: anna@ours.example", &format!("From: {CARLA}\r\nIn-Reply-To: <1@ours.example>"))
            .replace(&format!("Subject: Offer {n}@c.example"), &format!("Subject: {OFFER}"));
        desk.receive(with_file);
    }
    let folder = desk.trail.path("attachments");
    let aside = desk.trail.path("aside");
    let had_folder = std::fs::rename(&folder, &aside).is_ok();
    std::fs::write(&folder, "no folder").unwrap();
    desk.trail.fails(1, &["run", "--once"]);
    assert_eq!(desk.logged(), ["1@ours.example"]);
    std::fs::remove_file(&folder).unwrap();
    if had_folder {
        std::fs::rename(&aside, &folder).unwrap();
    }
    desk.sync();
    assert_eq!((desk.activities().len(), desk.privacy().2), (101, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_inbox_in_which_one_mail_in_a_hundred_is_logged_hardly_anything_is_fetched() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    let cast = Cast { users: 10, customers: 300, ..Cast::default() };
    let mut bytes = 0;
    for (n, other) in samples(&cast, 5, 990).enumerate() {
        bytes += other.raw.len() as u64;
        desk.receive(&other.raw);
        if n % 99 == 0 {
            desk.receive(reply(&format!("{n}@c.example"), OFFER, "1@ours.example"));
        }
    }
    let before = desk.provider.mail.bytes_sent();
    desk.sync();
    let fetched = desk.provider.mail.bytes_sent() - before;
    assert_eq!((desk.activities().len(), desk.privacy()), (11, (1_000, 10, 0)));
    assert!(fetched * 100 < bytes * 2, "{fetched} of {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_leaves_the_server_between_two_looks_has_a_verdict_too() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    for id in ["2@c.example", "3@c.example"] {
        desk.receive(reply(id, OFFER, "1@ours.example"));
    }
    let from = When::verb("UID FETCH").user(ANNA).containing("authentication-results");
    desk.provider.mail.inject(from, Fault::ExpungeFirst);
    desk.receive(mail_from(CARLA, "4@c.example", ANNA, ""));
    desk.sync();
    assert_eq!(desk.codes(), ["expunged", "not-in-known-thread", "logged"]);
}
