//! Mail that was seen before its conversation was known (D21).

use std::time::Duration;

use provider::{Fault, Profile, When};

use crate::support::faults::Started;
use crate::support::inbox::{ANNA, CARLA, Desk, PROFILES, answer, reply};
use crate::support::world::{Engine, engines, mail_from};

const OFFER: &str = "Re: Offer 1@ours.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_came_before_its_parent_is_logged_when_that_is_and_so_are_those_after_it() {
    let postgres =
        engines().into_iter().filter(|engine| *engine != Engine::Sqlite).map(|engine| (engine, Profile::Plain));
    for (engine, profile) in PROFILES.into_iter().map(|profile| (Engine::Sqlite, profile)).chain(postgres) {
        let desk = Desk::new(engine, profile).await;
        desk.receive(answer(CARLA, ANNA, "0@c.example", "Offer 1@ours.example", ""));
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        desk.receive(reply("3@c.example", OFFER, "2@c.example"));
        desk.receive(reply("4@c.example", "Lunch", "1@ours.example"));
        desk.sync();
        assert!(desk.logged().is_empty() && desk.opened().is_empty());
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example", "3@c.example"], "{profile:?}");
        assert_eq!(desk.code("2@c.example"), "logged", "the verdict is replaced");
        assert_eq!(desk.code("0@c.example"), "not-in-known-thread");
        assert_eq!(desk.code("4@c.example"), "subject-changed");
        assert_eq!(desk.privacy(), (4, 2, 0));
        let audits = desk.trail.json(&["audit", "--json"]);
        assert!(audits.iter().all(|audit| audit["holes"].as_array().unwrap().is_empty()), "{audits:?}");
        let before = desk.everything();
        desk.sync();
        assert_eq!(desk.everything(), before, "another run changes nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_of_a_mail_in_sent_that_was_read_first_becomes_a_sighting() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Exchange).await;
        // Exchange gives the mail another id on its way; the copy in Sent has the client's.
        desk.sent(mail_from(ANNA, "1@ours.example", CARLA, ""));
        desk.sync();
        assert_eq!(desk.code("1@ours.example"), "not-in-known-thread");
        let rewritten =
            mail_from(ANNA, "x@prod.example", CARLA, "X-Microsoft-Original-Message-ID: <1@ours.example>\r\n");
        desk.deliver_now(rewritten.replace("Offer x@prod.example", "Offer 1@ours.example"));
        desk.sync();
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        desk.receive(reply("3@c.example", OFFER, "x@prod.example"));
        desk.sync();
        assert_eq!(desk.logged(), ["2@c.example", "3@c.example", "x@prod.example"]);
        assert_eq!(desk.activity_of("x@prod.example")["sightings"].as_array().unwrap().len(), 2);
    }
}

/// A mail of Anna's to Carla, as `id`.
fn offer(id: &str, header: &str) -> String {
    mail_from(ANNA, id, CARLA, header).replace(&format!("Offer {id}"), "Offer 1@ours.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_in_sent_of_a_mail_whose_id_was_replaced_without_a_trace_is_one_more_sighting_in_any_order() {
    for engine in engines() {
        for copy_first in [false, true] {
            let desk = Desk::new(engine, Profile::Plain).await;
            if copy_first {
                desk.sent(offer("1@client.example", ""));
                desk.sync();
            }
            desk.deliver_now(offer("x@relay.example", ""));
            desk.sync();
            if !copy_first {
                desk.sent(offer("1@client.example", ""));
                desk.sync();
            }
            assert!(desk.opened().is_empty(), "that it is a copy its header tells");
            desk.receive(reply("2@c.example", OFFER, "1@client.example"));
            desk.receive(reply("3@c.example", OFFER, "x@relay.example"));
            // A follow-up is logged from either place by itself, and still is one.
            let refers = "In-Reply-To: <3@c.example>\r\nReferences: <3@c.example>\r\n";
            let later = |id: &str| offer(id, refers).replace("10:00:00", "11:00:00");
            if copy_first {
                desk.sent(later("4@client.example"));
                desk.sync();
            }
            desk.deliver_now(later("y@relay.example"));
            desk.sync();
            desk.sent(later("4@client.example"));
            desk.sync();
            let follow_up = if copy_first { "4@client.example" } else { "y@relay.example" };
            let mut expected = ["2@c.example", "3@c.example", "x@relay.example", follow_up];
            expected.sort_unstable();
            assert_eq!(desk.logged(), expected, "copy first: {copy_first}");
            assert_eq!(desk.activity_of("x@relay.example")["sightings"].as_array().unwrap().len(), 2);
            assert_eq!(desk.activity_of(follow_up)["kind"], "bcc");
            let told = desk.trail.run(&["explain", "--message-id", "1@client.example"]);
            assert!(told.contains("It has another id, and the sender") && told.contains("[D20, L6]"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_differ_in_people_time_or_size_and_two_of_one_mailbox_are_never_taken_for_one() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.deliver_now(offer("x@relay.example", ""));
    desk.deliver_now(offer("y@relay.example", ""));
    desk.sync();
    desk.sent(offer("1@client.example", "Cc: dora@customer.example\r\n"));
    desk.sent(offer("2@client.example", "").replace("10:00:00", "10:00:40"));
    desk.sent(offer("3@client.example", "").replace("Hello.", &"Hello again. ".repeat(8_000)));
    desk.sync();
    assert_eq!(desk.logged(), ["x@relay.example", "y@relay.example"], "two mails to the log address are two");
    for id in ["1@client.example", "2@client.example", "3@client.example"] {
        assert_eq!(desk.code(id), "not-in-known-thread", "{id}");
    }
    // Of two that are alike to the second, one can be the copy.
    desk.sent(offer("4@client.example", ""));
    desk.sync();
    desk.sent(offer("5@client.example", ""));
    desk.sync();
    assert_eq!(desk.activity_of("x@relay.example")["sightings"].as_array().unwrap().len(), 2);
    assert_eq!(desk.code("5@client.example"), "not-in-known-thread");
    assert!(desk.opened().is_empty());
    // A mail to the log address with another text is another mail, though one like it was read in Sent.
    let refers = "In-Reply-To: <x@relay.example>\r\n";
    desk.sent(offer("6@client.example", refers).replace("10:00:00", "11:00:00"));
    desk.sync();
    desk.deliver_now(
        offer("z@relay.example", refers).replace("10:00:00", "11:00:00").replace("Hello.", "Another matter."),
    );
    desk.sync();
    assert_eq!(desk.logged(), ["6@client.example", "x@relay.example", "y@relay.example", "z@relay.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_does_not_wait_longer_than_it_is_told_to() {
    let desk = Desk::with(Engine::Sqlite, Profile::Plain, "[watch]\npending_days = 0\n").await;
    let uid = desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
    desk.sync();
    let waiting = || desk.trail.json(&["privacy", ANNA, "--json"]).iter().any(|row| row["kept"]["hashes"] != 0);
    while waiting() {
        desk.sync();
    }
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    assert_eq!(desk.logged(), ["1@ours.example"]);
    let told = desk.trail.fails(1, &["explain", "--message-id", "2@c.example"]);
    assert!(told.contains("ask by --account, --mailbox and --uid"), "{told}");
    let told = desk.trail.run(&["explain", "--account", ANNA, "--mailbox", "INBOX", "--uid", &uid.to_string()]);
    assert!(told.contains("not-in-known-thread"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_conversation_ties_a_reply_that_names_no_ancestor_under_the_same_subject_only() {
    let later = |mail: String| mail.replace("10:00:00", "10:05:00");
    let desk = Desk::new(Engine::Sqlite, Profile::Gmail).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    // Gmail's copy of what Anna sent tells its conversation.
    desk.sent(mail_from(ANNA, "1@ours.example", CARLA, ""));
    desk.sync();
    // Its parent was never logged, but Gmail knows that it belongs to the conversation.
    let refers = "In-Reply-To: <1@ours.example>\r\nReferences: <1@ours.example>\r\n";
    desk.sent(answer(ANNA, "friend@elsewhere.example", "5@ours.example", OFFER, refers));
    desk.receive(later(reply("6@c.example", OFFER, "5@ours.example")));
    desk.receive(later(reply("7@c.example", "Lunch", "5@ours.example")));
    desk.sync();
    assert_eq!(desk.logged(), ["1@ours.example", "6@c.example"]);
    let told = desk.trail.run(&["explain", "--message-id", "6@c.example"]);
    assert!(told.contains("the conversation named by X-GM-THRID"), "{told}");
    assert_eq!(desk.code("7@c.example"), "not-in-known-thread");

    let desk = Desk::new(Engine::Sqlite, Profile::Exchange).await;
    let index = |more: &str| format!("Thread-Index: AQHZ5z6WOYDGoFF1jkmIbnyciZe03A{more}\r\n");
    desk.receive(answer(CARLA, ANNA, "0@c.example", "Offer 1@ours.example", &index("==")));
    desk.deliver_now(mail_from(ANNA, "1@ours.example", CARLA, &index("==")));
    desk.sync();
    desk.receive(later(answer(CARLA, ANNA, "2@c.example", OFFER, &index("AAAAAB"))));
    desk.receive(later(answer(CARLA, ANNA, "3@c.example", "Lunch", &index("AAAAAC"))));
    desk.sync();
    assert_eq!(desk.logged(), ["1@ours.example", "2@c.example"], "what was there before is no reply (D7)");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_mail_with_contacts_is_logged_mail_waits_for_its_people_to_become_contacts() {
    for engine in engines() {
        let desk = Desk::with(engine, Profile::Plain, "logging_rule = \"known-contacts\"\n").await;
        desk.receive(mail_from("dora@other.example", "1@o.example", ANNA, "Cc: ed@other.example\r\n"));
        desk.receive(mail_from("x@third.example", "2@t.example", ANNA, "Cc: dora@other.example\r\n"));
        desk.sent(mail_from(ANNA, "3@ours.example", "x@elsewhere.example, ed@other.example", ""));
        desk.sent(mail_from(ANNA, "4@ours.example", "f@new.example", ""));
        desk.sync();
        assert!(desk.logged().is_empty() && desk.opened().is_empty());
        desk.contacts_known(&["d,Dora,private@dora.example;Dora@Other.example,,,", "e,Ed,ed@other.example,,,"]);
        desk.sync();
        assert_eq!(desk.logged(), ["1@o.example", "3@ours.example"]);
        assert_eq!((desk.code("1@o.example"), desk.opened().len()), ("logged".to_owned(), 2));
        // A contact that a BCC copy makes counts as well.
        desk.deliver_now(mail_from(ANNA, "5@ours.example", "f@new.example", ""));
        desk.sync();
        assert_eq!(desk.logged(), ["1@o.example", "3@ours.example", "4@ours.example", "5@ours.example"]);
        assert_eq!(desk.code("2@t.example"), "not-in-known-thread");
        assert_eq!(desk.privacy(), (4, 3, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_replies_are_logged_nothing_is_kept_of_who_wrote_unlogged_mail() {
    let kept = async |rule: &str| {
        let desk = Desk::with(Engine::Sqlite, Profile::Plain, &format!("logging_rule = \"{rule}\"\n")).await;
        desk.receive(mail_from("dora@other.example", "1@o.example", ANNA, ""));
        desk.sync();
        let rows = desk.trail.json(&["privacy", ANNA, "--json"]);
        rows.iter().map(|row| row["kept"]["hashes"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((kept("replies-only").await, kept("known-contacts").await), (1, 2));
}

/// Another process logs the parent of a reply between two looks at what is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_becomes_known_while_headers_are_fetched_loses_no_reply() {
    for engine in engines().into_iter().filter(|engine| *engine != Engine::Sqlite) {
        let desk = Desk::new(engine, Profile::Plain).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        desk.receive(reply("3@c.example", "Re: Offer 9@ours.example", "9@ours.example"));
        // The whole header of the one whose conversation is known takes its time.
        let whole = When::verb("UID FETCH").user(ANNA).containing("Reply-To");
        desk.provider.mail.inject(whole, Fault::Slow(Duration::from_secs(4)));
        desk.provider.mail.clear_commands();
        let reads = Started::new(desk.trail.command(&["run", "--once"]));
        let asked = |line: &str| line.contains("HEADER.FIELDS") && line.to_uppercase().contains(" REPLY-TO");
        let of_anna = |user: Option<&str>| user == Some(ANNA);
        desk.provider.mail.wait_for_command(|one| of_anna(one.user.as_deref()) && asked(&one.line)).await;
        desk.trail.run(&["account", "pause", ANNA]);
        desk.log_by_bcc("9@ours.example");
        desk.sync();
        assert!(desk.logged().contains(&"9@ours.example".to_owned()));
        reads.wait();
        desk.trail.run(&["account", "resume", ANNA]);
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example", "3@c.example", "9@ours.example"]);
    }
}
