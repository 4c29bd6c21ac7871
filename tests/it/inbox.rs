//! Personal inboxes, the scenarios 39 to 58: which replies are logged, and that no other mail is ever opened.

use provider::Profile;

use crate::support::inbox::{ANNA, CARLA, Desk, PROFILES, answer, reply};
use crate::support::world::{Engine, engines, mail_from, strings};

const OFFER: &str = "Re: Offer 1@ours.example";

/// Every engine on one profile, every profile on one engine.
fn grid() -> Vec<(Engine, Profile)> {
    let others = PROFILES.into_iter().map(|profile| (Engine::Sqlite, profile));
    engines()
        .into_iter()
        .filter(|engine| *engine != Engine::Sqlite)
        .map(|engine| (engine, Profile::Plain))
        .chain(others)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_to_45_replies_on_a_logged_thread_are_logged_and_no_other_mail_is_opened() {
    for (engine, profile) in grid() {
        let desk = Desk::new(engine, profile).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.receive(reply("39@c.example", OFFER, "1@ours.example"));
        let by_references = reply("40@c.example", OFFER, "1@ours.example");
        desk.receive(by_references.replace("In-Reply-To: <1@ours.example>\r\n", ""));
        desk.receive(reply("41@c.example", "SV: AW: Re[2]: Offer 1@ours.example", "1@ours.example"));
        desk.receive(reply("42@c.example", "Something else", "1@ours.example"));
        desk.receive(answer(CARLA, ANNA, "43@c.example", OFFER, ""));
        desk.receive(mail_from(CARLA, "44@c.example", ANNA, ""));
        desk.receive(mail_from("stranger@elsewhere.example", "45@e.example", ANNA, ""));
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "39@c.example", "40@c.example", "41@c.example"], "{profile:?}");
        assert_eq!(desk.code("42@c.example"), "subject-changed");
        for unknown in ["43@c.example", "44@c.example", "45@e.example"] {
            assert_eq!(desk.code(unknown), "not-in-known-thread");
        }
        let (first, answer) = (desk.activity_of("1@ours.example"), desk.activity_of("39@c.example"));
        assert_eq!((&answer["direction"], &answer["kind"]), (&"incoming".into(), &"reply".into()));
        assert_eq!((&answer["thread"], &answer["contacts"]), (&first["thread"], &first["contacts"]));
        assert_eq!((&answer["user"], &answer["text"]), (&ANNA.into(), &"Hello.\n".into()));
        assert_eq!(desk.contacts(), [CARLA], "nobody becomes a contact");
        assert_eq!(desk.privacy(), (7, 3, 0));
        let told = desk.trail.run(&["explain", "--message-id", "40@c.example"]);
        assert!(told.contains("1@ours.example, named by References [D18, D4]"), "{told}");
        let runs = desk.trail.json(&["ledger", "list", "--json"]);
        let run = runs.iter().find(|row| row["code"] == "not-in-known-thread").unwrap();
        assert_eq!(run["uid_last"].as_u64().unwrap() - run["uid_first"].as_u64().unwrap(), 2, "one row: {run}");
        let audits = desk.trail.json(&["audit", "--json"]);
        assert!(audits.len() > 1 && audits.iter().all(|audit| strings_empty(&audit["holes"])), "{audits:?}");
    }
}

fn strings_empty(list: &serde_json::Value) -> bool {
    list.as_array().unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn s46_the_answer_to_a_fresh_mail_is_logged_the_mail_itself_is_not_and_the_next_reply_is() {
    for (engine, profile) in grid() {
        let desk = Desk::new(engine, profile).await;
        desk.receive(answer(CARLA, ANNA, "0@c.example", "Question", ""));
        desk.sync();
        let refers = "In-Reply-To: <0@c.example>\r\nReferences: <0@c.example>\r\n";
        desk.deliver_now(answer(ANNA, CARLA, "1@ours.example", "Re: Question", refers));
        desk.sync();
        desk.receive(answer(
            CARLA,
            ANNA,
            "2@c.example",
            "SV: Question",
            &refers.replace("<0@c", "<0@c.example> <1@ours"),
        ));
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example"], "{profile:?}");
        assert_eq!(desk.code("0@c.example"), "not-in-known-thread", "an ancestor is never logged (D7)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s47_s50_s53_a_reply_makes_nobody_a_contact_and_a_strangers_is_flagged_or_refused() {
    for (settings, code) in [("", "logged"), ("participants = \"strict\"\n", "not-a-participant")] {
        let desk = Desk::with(Engine::Sqlite, Profile::Plain, settings).await;
        desk.contacts_known(&[
            "c,Carla,carla@customer.example;private@home.example,,,",
            "d,Dora,dora@other.example,,,",
        ]);
        desk.deals(&["d1,,open,2026-01-01,c"]);
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        let refers = "In-Reply-To: <1@ours.example>\r\nCc: new@third.example, dora@other.example\r\n";
        desk.receive(answer("private@home.example", ANNA, "2@c.example", OFFER, refers));
        desk.receive(answer("boss@customer.example", ANNA, "3@c.example", OFFER, refers));
        desk.receive(answer("mallory@elsewhere.example", ANNA, "4@e.example", OFFER, refers));
        let forged =
            format!("Authentication-Results: mx.ours.example; dmarc=fail header.from=customer.example\r\n{refers}");
        desk.receive(answer(CARLA, ANNA, "5@e.example", OFFER, &forged));
        desk.sync();
        assert_eq!((desk.code("4@e.example"), desk.code("5@e.example")), (code.to_owned(), "auth-failed".to_owned()));
        let second = desk.activity_of("2@c.example");
        assert!(strings(&second["flags"]).is_empty() && strings(&second["deals"]) == ["d1"], "{second}");
        assert!(strings(&second["contacts"]).contains(&"dora@other.example".to_owned()), "who is a contact is on it");
        assert_eq!(desk.trail.json(&["contact", "list", "--json"]).len(), 2);
        if code == "logged" {
            assert_eq!(strings(&desk.activity_of("4@e.example")["flags"]), ["new-participant"]);
        }
        let unlogged = 4 - desk.activities().iter().filter(|one| one["kind"] == "reply").count();
        assert_eq!(desk.privacy(), (4, 4 - unlogged as u64, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s48_the_gap_of_a_removed_inbox_is_logged_on_its_return_or_not_by_configuration() {
    for (settings, code) in [("", "logged"), ("log_gap = false\n", "mailbox-not-connected")] {
        let desk = Desk::with(Engine::Sqlite, Profile::Exchange, settings).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.trail.run(&["account", "remove", ANNA]);
        let clock = mailtrail::clock::Clock::system();
        let now = clock.now();
        desk.provider.mail.deliver_at(ANNA, "INBOX", reply("2@c.example", OFFER, "1@ours.example"), now);
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example"], "nothing is logged while it is not connected");
        // Mail of the very second of the connection may have come after it: INTERNALDATE has whole seconds.
        while clock.now().timestamp() == now.timestamp() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let file = desk.trail.path("again");
        std::fs::write(&file, desk.provider.oauth.grant(ANNA)).unwrap();
        let port = desk.connection().port.to_string();
        let args =
            ["account", "add", "--kind", "personal", "--provider", "microsoft", "--user", ANNA, "--address", ANNA];
        let how = ["--host", "localhost", "--port", &port, "--refresh-token-file", file.to_str().unwrap()];
        desk.trail.run(&[&args[..], &how].concat());
        desk.receive(reply("3@c.example", OFFER, "1@ours.example"));
        desk.sync();
        assert_eq!((desk.code("2@c.example"), desk.code("3@c.example")), (code.to_owned(), "logged".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s49_s55_an_inactive_user_or_a_view_only_seat_gets_nothing_logged_and_cannot_connect() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    desk.users(&["anna@ours.example,Anna,,core,false", "vera@ours.example,Vera,,view-only,true"]);
    desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
    desk.sync();
    assert_eq!(desk.code("2@c.example"), "user-inactive");
    desk.users(&["anna@ours.example,Anna,,view-only,true"]);
    desk.receive(reply("3@c.example", OFFER, "1@ours.example"));
    desk.sync();
    assert_eq!(desk.code("3@c.example"), "seat-not-allowed");
    let refused = desk.try_add_account(
        &["--kind", "personal", "--provider", "imap", "--user", "vera@ours.example"],
        "vera@ours.example",
    );
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("view-only seat"), "{text}");
    assert!(desk.opened().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_s52_out_of_office_is_flagged_and_a_bounce_marks_the_mail_that_came_back() {
    for (engine, profile) in grid() {
        let desk = Desk::new(engine, profile).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        let refers = "In-Reply-To: <1@ours.example>\r\nAuto-Submitted: auto-replied\r\n";
        desk.receive(answer(CARLA, ANNA, "2@c.example", "Autosvar: Offer 1@ours.example", refers));
        desk.receive(answer(
            CARLA,
            ANNA,
            "4@c.example",
            OFFER,
            "In-Reply-To: <1@ours.example>\r\nList-Id: <l.c.example>\r\n",
        ));
        desk.receive(reply("5@c.example", OFFER, "1@ours.example"));
        let report = "References: <1@ours.example>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n";
        let bounce = answer("mailer-daemon@customer.example", ANNA, "3@c.example", "Undelivered Mail", report);
        desk.receive(bounce.replace("Content-Type: text/plain; charset=utf-8\r\n", ""));
        desk.sync();
        assert_eq!(strings(&desk.activity_of("2@c.example")["flags"]), ["auto-reply"]);
        assert_eq!(desk.code("3@c.example"), "bounce");
        assert_eq!(desk.activity_of("1@ours.example")["bounced"], true);
        let events = desk.trail.json(&["events", "list", "--json"]);
        assert_eq!(events.iter().filter(|event| event["type"] == "activity.bounced").count(), 1);
        let replied: Vec<_> = events.iter().filter(|event| event["type"] == "reply.received").collect();
        assert_eq!(replied.len(), 1, "neither a program nor a list is somebody who replied (L11, D15): {events:?}");
        assert_eq!(replied[0]["activity"], desk.activity_of("5@c.example")["id"]);
        assert_eq!(desk.privacy(), (4, 4, 0), "a report on a logged mail is read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s54_the_same_mail_in_two_inboxes_and_in_bcc_and_sent_is_one_activity() {
    for (engine, profile) in grid() {
        let desk = Desk::new(engine, profile).await;
        desk.users(&["bert@ours.example,Bert,,core,true"]);
        desk.join("bert@ours.example", "bert@ours.example");
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.sent(mail_from(ANNA, "1@ours.example", CARLA, ""));
        let both = reply("2@c.example", OFFER, "1@ours.example").replace("To: ", "To: bert@ours.example, ");
        desk.receive(&both);
        desk.put("bert@ours.example", "INBOX", &both);
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example"], "{profile:?}");
        for id in ["1@ours.example", "2@c.example"] {
            assert_eq!(desk.activity_of(id)["sightings"].as_array().unwrap().len(), 2, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_with_the_log_address_in_bcc_makes_contacts_though_its_copy_is_in_sent_too() {
    for profile in PROFILES {
        let desk = Desk::new(Engine::Sqlite, profile).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        for (id, cc, copy_first) in [("2@ours.example", "dora", false), ("3@ours.example", "ed", true)] {
            let refers = format!("In-Reply-To: <1@ours.example>\r\nCc: {cc}@customer.example\r\n");
            let follow_up = answer(ANNA, CARLA, id, OFFER, &refers);
            desk.sent(&follow_up);
            if copy_first {
                desk.sync();
                assert_eq!(desk.activity_of(id)["kind"], "sent", "{profile:?}");
            }
            desk.deliver_now(&follow_up);
            desk.sync();
            let activity = desk.activity_of(id);
            assert_eq!((&activity["kind"], activity["sightings"].as_array().unwrap().len()), (&"bcc".into(), 2));
            assert!(strings(&activity["contacts"]).contains(&format!("{cc}@customer.example")), "{activity}");
        }
        assert_eq!(desk.contacts(), [CARLA, "dora@customer.example", "ed@customer.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s56_after_a_change_of_provider_old_threads_go_on() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        desk.log_by_bcc("1@ours.example");
        desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
        desk.sync();
        // The address moves: another server, another epoch, and the old mail was copied over.
        let moved = provider::Provider::start(Profile::Exchange).await;
        let token = moved.create_user(ANNA);
        let files = tempfile::TempDir::new().unwrap();
        let connection = moved.connection(files.path());
        let config = std::fs::read_to_string(desk.trail.path("mailtrail.toml")).unwrap();
        let mut both = std::fs::read(&desk.connection().ca_file).unwrap();
        both.extend(std::fs::read(&connection.ca_file).unwrap());
        std::fs::write(&desk.connection().ca_file, both).unwrap();
        let old = format!("[oauth.microsoft]\nclient_id = \"{}\"", desk.connection().client_id);
        let (before, _) = config.split_once(&old).unwrap();
        let microsoft = format!(
            "[oauth.microsoft]\nclient_id = \"{}\"\nclient_secret_file = \"{}\"\ntoken_url = \"{}\"\n",
            connection.client_id,
            connection.client_secret_file.display(),
            connection.token_url
        );
        std::fs::write(desk.trail.path("mailtrail.toml"), format!("{before}{microsoft}")).unwrap();
        desk.trail.run(&["account", "remove", ANNA]);
        let file = desk.trail.path("token");
        std::fs::write(&file, token).unwrap();
        let now = || mailtrail::clock::Clock::system().now() + chrono::TimeDelta::seconds(2);
        moved.mail.deliver_at(ANNA, "INBOX", reply("2@c.example", OFFER, "1@ours.example"), now());
        let port = connection.port.to_string();
        let args =
            ["account", "add", "--kind", "personal", "--provider", "microsoft", "--user", ANNA, "--address", ANNA];
        let how = ["--host", "localhost", "--port", &port, "--refresh-token-file", file.to_str().unwrap()];
        desk.trail.run(&[&args[..], &how].concat());
        moved.mail.deliver_at(ANNA, "INBOX", reply("3@c.example", OFFER, "2@c.example"), now());
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "2@c.example", "3@c.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s57_s58_of_unlogged_mail_only_the_header_is_fetched_and_nothing_on_the_server_changes() {
    for (engine, profile) in grid() {
        let desk = Desk::new(engine, profile).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        let uids: Vec<u32> = (0..40)
            .map(|n| match n % 10 {
                3 => desk.receive(reply(&format!("{n}@c.example"), OFFER, "1@ours.example")),
                _ => desk.receive(mail_from("news@elsewhere.example", &format!("{n}@e.example"), ANNA, "")),
            })
            .collect();
        desk.sync();
        assert_eq!(desk.activities().len(), 5, "{profile:?}");
        assert_eq!(desk.privacy(), (40, 4, 0));
        let asked: Vec<u32> = desk.opened().iter().flat_map(|line| uids_of(line)).collect();
        let replies: Vec<u32> = (1_u32..).zip(&uids).filter(|(n, _)| n % 10 == 4).map(|(n, _)| n).collect();
        assert_eq!(asked, replies, "only what is logged is opened");
        assert!(uids.iter().all(|uid| desk.provider.mail.flags(ANNA, "INBOX", *uid).is_empty()), "nothing is seen");
        let verbs: std::collections::BTreeSet<String> =
            desk.provider.mail.commands().into_iter().map(|command| command.verb).collect();
        for verb in ["SELECT", "STORE", "UID STORE", "EXPUNGE", "COPY", "UID COPY", "APPEND", "MOVE", "UID MOVE"] {
            assert!(!verbs.contains(verb), "{verb} changes a mailbox");
        }
        let headers = desk.provider.mail.commands().into_iter().filter(|one| one.line.contains("HEADER.FIELDS"));
        let headers: Vec<String> = headers.map(|one| one.line).collect();
        assert_eq!(headers.len(), 2, "one FETCH for what ties a batch, one for the headers of what is tied");
        assert!(!headers[0].contains("From"), "of other mail it is not even asked who wrote it");
        assert_eq!(uids_of(&headers[1]), replies);
    }
}

/// The UIDs of a `UID FETCH`.
fn uids_of(line: &str) -> Vec<u32> {
    let set = line.split_ascii_whitespace().nth(3).unwrap();
    let range = |part: &str| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        first.parse::<u32>().unwrap()..=last.parse().unwrap()
    };
    set.split(',').flat_map(range).collect()
}
