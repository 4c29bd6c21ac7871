//! The commands that answer questions: explain, inspect, audit, address, and every list.

use crate::support::world::{BCC, Engine, Trail, World, engines, mail, mail_from, mail_with, strings};

const CARLA: &str = "carla@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_the_steps_of_a_verdict_with_their_rules() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, "Cc: dora@customer.example\r\n"));
        world.deliver(mail_from("mallory@elsewhere.example", "2@elsewhere.example", CARLA, ""));
        world.sync();
        let by_id = world.trail.json(&["explain", "--message-id", "<1@ours.example>", "--json"]);
        let by_uid = world.trail.json(&["explain", "--account", BCC, "--mailbox", "INBOX", "--uid", "1", "--json"]);
        assert_eq!(by_id, by_uid);
        assert_eq!((by_id.len(), &by_id[0]["code"], &by_id[0]["uid"]), (1, &"logged".into(), &1.into()));
        let rules = world.rules("1@ours.example");
        for rule in ["A3", "C2(2)", "L13", "A5, A6", "A7", "E1"] {
            assert!(rules.iter().any(|one| one == rule), "{rule} is not among {rules:?}");
        }
        let text = world.trail.run(&["explain", "--message-id", "1@ours.example"]);
        assert!(text.contains(&format!("{BCC} INBOX UID 1: logged")) && text.contains(CARLA), "{text}");

        // Of mail that is not logged nothing but the findings is kept.
        let told = world.trail.run(&["explain", "--message-id", "2@elsewhere.example", "--json"]);
        assert!(told.contains("unknown-sender") && !told.contains("mallory") && !told.contains("carla"), "{told}");
        world.trail.fails(1, &["explain", "--message-id", "never@seen.example"]);
        world.trail.fails(1, &["explain", "--account", BCC, "--uid", "9"]);
        world.trail.fails(2, &["explain", "--uid", "1"]);
        world.trail.fails(2, &["explain"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_rehearses_a_file_and_writes_nothing() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let file = world.trail.path("mail.eml");
        let file = file.to_str().unwrap();
        std::fs::write(file, mail_from("mallory@elsewhere.example", "1@elsewhere.example", CARLA, "")).unwrap();
        let told = world.trail.run(&["explain", file]);
        assert!(told.contains("If it came to bcc@crm.example now: unknown-sender"), "{told}");
        std::fs::write(file, mail("1@ours.example", CARLA, "")).unwrap();
        let told = world.trail.json(&["explain", file, "--json"]);
        assert_eq!((&told[0]["seen"], &told[0]["code"]), (&false.into(), &"logged".into()));
        assert!(world.activities().is_empty() && world.contacts().is_empty() && world.codes().is_empty());
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.trail.json(&["explain", file, "--json"])[0]["seen"], true);
        world.trail.fails(2, &["explain", "no-such-file.eml"]);
    }
}

#[test]
fn inspect_prints_a_line_a_file_and_needs_no_database() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    let folder = trail.path("mails");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("b.eml"), mail("2@ours.example", CARLA, "Auto-Submitted: auto-replied\r\n")).unwrap();
    std::fs::write(folder.join("a.eml"), mail_with("1@ours.example", CARLA, &[("a.bin", b"bytes")])).unwrap();
    std::fs::write(folder.join("notes.txt"), "no mail").unwrap();
    let rows = trail.json(&["inspect", "--json", folder.to_str().unwrap()]);
    let files: Vec<&str> = rows.iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["a.eml", "b.eml"]);
    let first = &rows[0];
    assert_eq!((&first["message_id"], &first["class"]), (&"1@ours.example".into(), &"human".into()));
    assert_eq!((&first["from"]["address"], &first["to"][0]["address"]), (&"anna@ours.example".into(), &CARLA.into()));
    assert_eq!(first["date"], "2026-11-22T10:00:00Z");
    assert_eq!((&first["attachments"][0]["name"], &first["attachments"][0]["size"]), (&"a.bin".into(), &5.into()));
    assert!(first["bounce"].is_null() && first["forwarded"].is_null());
    assert_eq!(rows[1]["class"], "auto-reply");
    assert!(!trail.path("crm.db").exists());
    trail.fails(2, &["inspect", trail.path("nowhere").to_str().unwrap()]);
}

#[test]
fn inspect_shows_the_message_that_was_forwarded() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/forward");
    let inspected = |file: &str| trail.json(&["inspect", "--json", corpus.join(file).to_str().unwrap()]).remove(0);
    let row = inspected("gmail/pl-copy.eml");
    let shown = &row["forwarded"];
    assert_eq!(
        (&shown["from"]["address"], &shown["from"]["name"]),
        (&"lucja@klient.example".into(), &"Łucja Żak".into())
    );
    assert_eq!(
        (&shown["to"][0]["address"], &shown["cc"][1]["address"]),
        (&"desk@ours.example".into(), &"biuro@klient.example".into())
    );
    assert_eq!((&shown["subject"], &shown["date"]), (&"Oferta 41".into(), &"wt., 5 mar 2024 o 14:07".into()));
    assert_eq!((&shown["client"], &shown["language"]), (&"gmail".into(), &"pl".into()));
    assert_eq!(shown["body"], "Dzień dobry,\n\nproszę o wycenę.");
    let exact = &inspected("attached/en-two.eml")["forwarded"];
    assert_eq!(
        (&exact["date_utc"], &exact["message_id"]),
        (&"2024-03-05T13:07:09Z".into(), &"q41@customer.example".into())
    );
    assert_eq!(exact["others"][0]["from"]["address"], "bo@kund.example");
    let answer = inspected("none/en-answer-outlook.eml");
    assert!(answer["forwarded"].is_null());
    assert_eq!(answer["not_forwarded"], "reply");
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_finds_a_message_that_has_no_verdict() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for n in [1, 3] {
            let raw = mail(&format!("{n}@ours.example"), CARLA, "");
            world.provider.mail.deliver_uid(BCC, "INBOX", raw, n);
        }
        world.sync();
        let audit = &world.trail.json(&["audit", "--json"])[0];
        assert_eq!((&audit["on_server"], &audit["judged"], &audit["waiting"]), (&2.into(), &2.into(), &0.into()));
        assert_eq!(audit["holes"], serde_json::json!([]));
        world.deliver(mail("4@ours.example", CARLA, ""));
        world.provider.mail.deliver_uid(BCC, "INBOX", mail("2@ours.example", CARLA, ""), 2);
        let output = world.trail.output(&["audit", "--json"]);
        assert_eq!(output.status.code(), Some(1));
        let audit: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&audit["holes"], &audit["waiting"]), (&serde_json::json!([2]), &1.into()));
        let told = world.trail.output(&["audit"]);
        assert!(String::from_utf8_lossy(&told.stdout).contains("1 WITHOUT A VERDICT: UID 2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_show_what_happened_in_the_promised_shape() {
    for engine in engines() {
        let world = World::new(engine, provider::Profile::Plain, "attachments.max_bytes = 2\n").await;
        world.add_account(&["--kind", "forwarding", "--provider", "imap"], "forward@crm.example");
        world.deliver(mail_with("1@ours.example", CARLA, &[("big.bin", b"12345")]));
        world.sync();
        let address = &world.trail.json(&["address", "--json"])[0];
        let expected = serde_json::json!({"workspace": "default", "bcc": BCC, "forwarding": "forward@crm.example"});
        assert_eq!(*address, expected);
        let contact = &world.trail.json(&["contact", "list", "--json"])[0];
        assert_eq!(strings(&contact["addresses"]), [CARLA]);
        assert_eq!((&contact["source"], &contact["owner"]), (&"bcc".into(), &"anna@ours.example".into()));
        assert_eq!(contact["companies"], serde_json::json!([]));
        let notice = &world.trail.json(&["notice", "list", "--json"])[0];
        assert_eq!((&notice["to"], &notice["kind"]), (&"anna@ours.example".into(), &"attachment-dropped".into()));
        assert!(notice["created_at"].is_string() && notice["sent_at"].is_null());
        let events = world.trail.json(&["events", "list", "--json"]);
        let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["contact.created", "activity.logged"]);
        assert_eq!(events[1]["activity"], world.activity()["id"]);
        assert!(events.iter().all(|event| event["account"] == BCC && event["at"].is_string()));
        let verdict = &world.trail.json(&["ledger", "list", "--json"])[0];
        assert_eq!(
            (&verdict["account"], &verdict["mailbox"], &verdict["uid"]),
            (&BCC.into(), &"INBOX".into(), &1.into())
        );
        assert_eq!((&verdict["code"], &verdict["activity"]), (&"logged".into(), &world.activity()["id"]));
        let accounts = world.trail.json(&["account", "list", "--json"]);
        let bcc = accounts.iter().find(|account| account["address"] == BCC).unwrap();
        assert_eq!((&bcc["state"], &bcc["kind"], &bcc["provider"]), (&"active".into(), &"bcc".into(), &"imap".into()));
        assert!(bcc["last_success"].is_string() && bcc["verification"].is_null() && bcc["lag_seconds"].is_number());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_names_the_contact_that_was_made_until_it_is_deleted() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "Carla <Carla@Customer.example>", "Cc: dora@customer.example\r\n"));
        world.sync();
        let told = || {
            let events = world.trail.json(&["events", "list", "--json"]);
            events.into_iter().map(|event| (event["type"].clone(), event["contact"].clone())).collect::<Vec<_>>()
        };
        let made = |address: serde_json::Value| ("contact.created".into(), address);
        let logged = ("activity.logged".into(), serde_json::Value::Null);
        let dora = made("dora@customer.example".into());
        assert_eq!(told(), [made("Carla@Customer.example".into()), dora.clone(), logged.clone()]);
        assert!(world.trail.run(&["events", "list"]).contains("contact.created  Carla@Customer.example"));
        world.trail.run(&["contact", "remove", CARLA]);
        assert_eq!(told(), [made(serde_json::Value::Null), dora, logged]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_has_the_promised_keys_and_no_address_reaches_the_log() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        let run = world.trail.command(&["run", "--once"]).env("MAILTRAIL_LOG__LEVEL", "debug").output().unwrap();
        let log = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success() && !log.contains("carla") && !log.contains("Offer"), "{log}");
        let activity = world.activity();
        for key in [
            "id",
            "direction",
            "kind",
            "message_id",
            "subject",
            "from",
            "to",
            "cc",
            "sent_at",
            "user",
            "attribution",
            "thread",
            "contacts",
            "companies",
            "deals",
            "reply_text",
            "text",
            "flags",
            "visibility",
            "attachments",
            "bounced",
            "note",
            "forwarded_by",
            "original_message_id",
            "sightings",
        ] {
            assert!(activity.get(key).is_some(), "{key} is missing");
        }
        assert_eq!((&activity["text"], &activity["reply_text"]), (&"Hello.\n".into(), &"Hello.".into()));
        assert_eq!(activity["from"], serde_json::json!({"name": null, "address": "anna@ours.example"}));
        let shown = world.trail.run(&["activity", "show", activity["id"].as_str().unwrap()]);
        assert!(shown.contains("Hello."), "{shown}");
        assert_eq!(world.trail.json(&["activity", "list", "--json", "--limit", "0"]).len(), 0);
    }
}
