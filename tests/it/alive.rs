//! An account that cannot work says so, in the metrics and in `account list`, and what was passed is judged after all.

use std::time::Duration;

use provider::{Fault, Profile, When};
use serde_json::Value;

use crate::support::faults::{Started, account, numbered, verdicts};
use crate::support::inbox::{ANNA, CARLA, Desk};
use crate::support::scrape::{Scrape, free_address, unwell};
use crate::support::world::{BCC, Engine, World, engines, mail, mail_from};

const WRONG_PASSWORD: &str = "password@crm.example";
const DEAD_HOST: &str = "dead@crm.example";
const REVOKED: &str = "revoked@crm.example";
const THROTTLED: &str = "throttled@crm.example";
const VANISHED: &str = "vanished@crm.example";
const UNCONNECTED: &str = "unconnected@crm.example";

/// One kind of everything that can be broken, beside an account that is well.
fn break_accounts(world: &World) {
    let port = world.connection().port.to_string();
    let bcc = ["account", "add", "--kind", "bcc", "--provider", "imap", "--host", "localhost"];
    let file = world.trail.path("password");
    std::fs::write(&file, "not this one").unwrap();
    world.provider.mail.create_user(WRONG_PASSWORD, Some("another"));
    let by_password = ["--auth", "password", "--password-file", file.to_str().unwrap()];
    let add = |port: &str, address: &str, more: &[&str]| {
        world.trail.run(&[&bcc[..], &["--port", port, "--address", address], more].concat());
    };
    add(&port, WRONG_PASSWORD, &by_password);
    // Nobody listens on the port that is kept for that (RFC 863 is nowhere in use).
    add("9", DEAD_HOST, &by_password);
    add(&port, UNCONNECTED, &["--auth", "oauth"]);
    for address in [REVOKED, THROTTLED, VANISHED] {
        world.add_account(&["--kind", "bcc", "--provider", "imap"], address);
    }
    world.provider.oauth.revoke(REVOKED);
    let throttled = Fault::Throttled(Duration::from_secs(30));
    world.provider.mail.inject(When::verb("EXAMINE").user(THROTTLED).always(), throttled);
    world.provider.mail.remove_mailbox(VANISHED, "INBOX");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_an_account_is_found_from_the_metrics_within_a_minute_and_listed_with_its_cure() {
    for engine in engines() {
        let listen = free_address();
        let more = format!("worker.poll_seconds = 1\nworker.poll_slowest_seconds = 2\n[http]\nlisten = \"{listen}\"\n");
        let world = World::new(engine, Profile::Exchange, &more).await;
        break_accounts(&world);
        let id = |address: &str| account(&world.trail, address)["id"].as_str().unwrap().to_owned();
        let expected: [(&str, &str); 6] = [
            (WRONG_PASSWORD, "needs-reauth"),
            (DEAD_HOST, "retry"),
            (REVOKED, "needs-reauth"),
            (THROTTLED, "retry"),
            (VANISHED, "retry"),
            (UNCONNECTED, "needs-reauth"),
        ];
        let mut wanted: Vec<(String, String)> =
            expected.iter().map(|(one, kind)| (id(one), (*kind).to_owned())).collect();
        wanted.sort();
        let before = account(&world.trail, UNCONNECTED);
        assert_eq!((&before["state"], &before["last_success"]), (&"needs-reauth".into(), &Value::Null), "{before}");
        let service = Started::new(world.trail.command(&["run"]));
        let scrape = Scrape::of(&listen);
        scrape.until_ready().await;
        let all = |text: &str| unwell(text).into_iter().collect::<Vec<_>>() == wanted;
        let took = scrape.until_that(&format!("exactly these are unwell: {wanted:?}"), all).await;
        assert!(took < Duration::from_secs(60), "{took:?}");
        let text = scrape.metrics().await;
        assert!(text.contains("mailtrail_throttles_total{provider=\"imap\"} "), "{text}");
        assert!(!text.contains("mailtrail_throttles_total{provider=\"imap\"} 0"), "{text}");
        for (address, kind) in expected {
            let row = account(&world.trail, address);
            let cure = row["cure"].as_str().unwrap_or_else(|| panic!("no cure: {row}"));
            assert!(row["reason"].is_string() && row["trouble"] == kind && row["failures"] != 0, "{row}");
            let says = match address {
                WRONG_PASSWORD => "password",
                REVOKED | UNCONNECTED => "mailtrail connect",
                _ => "tried again",
            };
            assert!(cure.contains(says), "{row}");
            assert!(row["next_try"].is_string(), "{row}");
        }
        let well = account(&world.trail, BCC);
        assert_eq!(
            (&well["cure"], &well["reason"], &well["failures"]),
            (&Value::Null, &Value::Null, &0.into()),
            "{well}"
        );
        world.provider.mail.clear_faults();
        world.trail.run(&["account", "resume", THROTTLED]);
        world.trail.run(&["account", "pause", DEAD_HOST]);
        let (throttled, dead) = (id(THROTTLED), id(DEAD_HOST));
        let mended = |text: &str| !unwell(text).contains_key(&throttled) && !unwell(text).contains_key(&dead);
        scrape.until_that("the mended account is well, and one that is paused is nobody's worry", mended).await;
        let paused = account(&world.trail, DEAD_HOST);
        assert!(paused["cure"].as_str().unwrap().contains("account resume"), "{paused}");
        service.kill();
    }
}

/// Waits until the last audits are so.
async fn audited(world: &World, address: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let output = world.trail.output(&["audit", "--last", "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        if let Some(row) = rows.into_iter().find(|row| row["account"] == address && is_so(row)) {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never audited so: {}", world.trail.run(&["audit", "--last", "--json"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_came_late_under_an_early_uid_is_told_and_judged_by_the_services_own_audit() {
    for engine in engines() {
        let desk = Desk::with(engine, Profile::Plain, "[audit]\nevery_hours = 24\n").await;
        for uid in [1, 3] {
            let raw = mail(&format!("{uid}@ours.example"), CARLA, "");
            desk.provider.mail.deliver_uid(BCC, "INBOX", raw, uid);
        }
        desk.receive(mail_from(CARLA, "a@customer.example", ANNA, ""));
        desk.put(ANNA, "INBOX", mail_from(CARLA, "b@customer.example", ANNA, ""));
        desk.sync();
        let first = *desk.provider.mail.uids(ANNA, "INBOX").first().unwrap();
        desk.provider.mail.deliver_uid(BCC, "INBOX", mail("2@ours.example", CARLA, ""), 2);
        let before = desk.trail.json(&["account", "list", "--json"]);
        assert!(before.iter().all(|row| row["audited_at"].is_null() && row["uid_holes"] == 0), "{before:?}");
        let service = Started::new(desk.trail.command(&["run"]));
        let audit = audited(&desk, BCC, |_| true).await;
        assert_eq!(
            (&audit["holes"], &audit["hole_count"], &audit["healed"]),
            (&serde_json::json!([2]), &1.into(), &1.into())
        );
        let inbox = audited(&desk, ANNA, |row| row["mailbox"] == "INBOX").await;
        assert_eq!((&inbox["hole_count"], inbox["on_server"].as_u64()), (&0.into(), Some(2)), "first {first}: {inbox}");
        let ended = service.kill();
        assert!(ended.err.contains("ERROR") && ended.err.contains("passed without a verdict"), "{ended:?}");
        let of_bcc: Vec<String> = desk.logged().into_iter().filter(|id| id.ends_with("@ours.example")).collect();
        assert_eq!(of_bcc, ["1@ours.example", "2@ours.example", "3@ours.example"]);
        assert_eq!(account(&desk.trail, BCC)["uid_holes"], 0);
        assert!(account(&desk.trail, BCC)["audited_at"].is_string());
        desk.trail.run(&["audit"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_cannot_be_judged_stays_in_sight_until_it_is() {
    let listen = free_address();
    let world = World::new(
        Engine::Sqlite,
        Profile::Plain,
        &format!("[http]\nlisten = \"{listen}\"\n[audit]\nevery_hours = 24\n"),
    )
    .await;
    for uid in [1, 3] {
        world.provider.mail.deliver_uid(BCC, "INBOX", mail(&format!("{uid}@ours.example"), CARLA, ""), uid);
    }
    world.sync();
    world.provider.mail.deliver_uid(BCC, "INBOX", mail("2@ours.example", CARLA, ""), 2);
    world.provider.mail.inject(
        When::verb("UID FETCH").uid(2).containing("BODY.PEEK").always(),
        Fault::No("[SERVERBUG] broken".to_owned()),
    );
    let service = Started::new(world.trail.command(&["run"]));
    let scrape = Scrape::of(&listen);
    scrape.until_ready().await;
    scrape.until("mailtrail_uid_holes 1").await;
    let row = account(&world.trail, BCC);
    assert!(row["uid_holes"] == 1 && row["cure"].as_str().unwrap().contains("audit --heal"), "{row}");
    let (told, out) = {
        let output = world.trail.output(&["audit", "--last"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert!(told == Some(1) && out.contains("1 WITHOUT A VERDICT: UID 2"), "{out}");
    assert_eq!(world.trail.output(&["audit"]).status.code(), Some(1), "an audit that only looks changes nothing");
    world.provider.mail.clear_faults();
    assert!(world.trail.run(&["audit", "--heal"]).contains("1 judged now"));
    scrape.until("mailtrail_uid_holes 0").await;
    service.kill();
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_message_of_an_inbox_is_judged_by_its_header_first() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.sync();
    let uid = desk.receive(mail_from(CARLA, "a@customer.example", ANNA, ""));
    desk.provider.mail.expunge(ANNA, "INBOX", uid);
    desk.receive(mail_from(CARLA, "b@customer.example", ANNA, ""));
    desk.sync();
    let raw = mail_from(CARLA, "late@customer.example", ANNA, "");
    desk.provider.mail.deliver_uid(ANNA, "INBOX", raw, uid);
    let healed = desk.trail.json(&["audit", "--heal", "--json"]);
    let inbox = healed.iter().find(|row| row["account"] == ANNA && row["mailbox"] == "INBOX").unwrap();
    assert_eq!((&inbox["holes"], &inbox["healed"]), (&serde_json::json!([uid]), &1.into()), "{inbox}");
    let ledger = desk.trail.json(&["ledger", "list", "--json"]);
    let verdict = ledger.iter().find(|row| row["account"] == ANNA && row["mailbox"] == "INBOX" && row["uid"] == uid);
    assert_eq!(verdict.map(|row| &row["code"]), Some(&"not-in-known-thread".into()), "{ledger:?}");
    assert!(desk.opened().is_empty(), "what is nobody's business is not opened: {:?}", desk.opened());
}
