//! Attachments that a scanner holds back (H7): logged with a flag, looked for, added when they are there.

use provider::Profile;
use serde_json::Value;

use crate::support::faults::Started;
use crate::support::inbox::{ANNA, CARLA, Desk, answer};
use crate::support::world::{BCC, Engine, World, engines, mail_with, strings};

const SOON: &str = "look_again_seconds = 0";
const LATER: &str = "look_again_seconds = 3600";
const PLACEHOLDER: &str = "ATP Scan In Progress.eml";
const OFFER: &[u8] = b"the offer";

/// An inbox at Exchange, and a setting of `[attachments]`.
async fn desk(engine: Engine, setting: &str) -> Desk {
    let desk = Desk::new(engine, Profile::Exchange).await;
    let file = desk.trail.path("mailtrail.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("attachments.{setting}\n{config}")).unwrap();
    desk
}

/// The mail as it is delivered first, and as it is when the scan is over.
fn delivered(from: &str, to: &str, id: &str, header: &str) -> (String, String) {
    let with = |name: &str, bytes: &[u8]| {
        let mail = mail_with(id, to, &[(name, bytes)]).replace("From: anna@ours.example", &format!("From: {from}"));
        mail.replace("Subject:", &format!("{header}Subject:"))
    };
    let notice = b"Subject: Safe Attachments Scan In Progress\r\n\r\nSafe Attachments Scan In Progress";
    (with(PLACEHOLDER, notice), with("offer.pdf", OFFER))
}

/// The names of an activity's attachments.
fn names(activity: &Value) -> Vec<String> {
    activity["attachments"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn is_pending(activity: &Value) -> bool {
    strings(&activity["flags"]).contains(&"attachment-pending".to_owned())
}

fn assert_complete(world: &World, id: &str) {
    let activity = world.activity_of(id);
    assert_eq!((names(&activity), is_pending(&activity)), (vec!["offer.pdf".to_owned()], false), "{activity}");
    let sha256 = activity["attachments"][0]["sha256"].as_str().unwrap().to_owned();
    assert_eq!(world.trail.blob(&sha256).as_deref(), Some(OFFER));
    let told = world.trail.run(&["explain", "--message-id", id]);
    assert!(told.contains("The attachments came later and were added [H7]"), "{told}");
    let events = world.trail.json(&["events", "list", "--json"]);
    assert_eq!(events.iter().filter(|event| event["type"] == "activity.completed").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_is_logged_with_a_flag_and_its_successor_under_another_uid_completes_the_activity() {
    for engine in engines() {
        // No look is due: only the scan of the mailbox meets the successor.
        let desk = desk(engine, LATER).await;
        let (first, scanned) = delivered(ANNA, CARLA, "1@ours.example", "");
        let uid = desk.deliver_now(&first);
        desk.sync();
        let activity = desk.activity_of("1@ours.example");
        assert!(is_pending(&activity) && names(&activity) == [PLACEHOLDER], "{activity}");
        assert_eq!(activity["attachments"][0]["sha256"], Value::Null, "what stands for an attachment is not kept");
        assert!(desk.trail.json(&["notice", "list", "--json"]).is_empty(), "nothing was left out");
        desk.provider.mail.expunge(BCC, "INBOX", uid);
        desk.deliver_now(&scanned);
        desk.sync();
        assert_complete(&desk, "1@ours.example");
        assert_eq!(desk.codes(), ["logged", "duplicate"]);

        let refers = "In-Reply-To: <1@ours.example>\r\n";
        let (first, scanned) = delivered(CARLA, ANNA, "2@c.example", refers);
        let same_subject = |mail: &str| mail.replace("Offer 2@c.example", "Re: Offer 1@ours.example");
        let uid = desk.receive(same_subject(&first));
        desk.sync();
        assert!(is_pending(&desk.activity_of("2@c.example")));
        desk.provider.mail.expunge(ANNA, "INBOX", uid);
        desk.receive(same_subject(&scanned));
        desk.sync();
        let activity = desk.activity_of("2@c.example");
        assert_eq!((names(&activity), is_pending(&activity)), (vec!["offer.pdf".to_owned()], false));
        assert_eq!(desk.privacy(), (2, 2, 0));
        let before = desk.everything();
        desk.receive(same_subject(&scanned).replace("offer.pdf", "other.pdf"));
        desk.sync();
        assert_eq!(desk.activity_of("2@c.example")["attachments"], activity["attachments"], "it waits no more");
        assert_eq!(desk.everything()[0].lines().count(), before[0].lines().count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_is_looked_at_again_until_its_attachments_are_there() {
    for engine in engines() {
        let desk = desk(engine, SOON).await;
        let (first, scanned) = delivered(ANNA, CARLA, "1@ours.example", "");
        let uid = desk.deliver_now(&first);
        desk.sync();
        desk.sync();
        assert!(is_pending(&desk.activity_of("1@ours.example")), "it is not there yet");
        desk.provider.mail.replace_raw(BCC, "INBOX", uid, &scanned);
        while is_pending(&desk.activity_of("1@ours.example")) {
            desk.sync();
        }
        assert_complete(&desk, "1@ours.example");
        assert_eq!(desk.codes(), ["logged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_looks_beside_the_accounts_own_tasks() {
    let desk = desk(Engine::Sqlite, SOON).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    let (first, scanned) = delivered(CARLA, ANNA, "2@c.example", "In-Reply-To: <1@ours.example>\r\n");
    let same_subject = |mail: &str| mail.replace("Offer 2@c.example", "Re: Offer 1@ours.example");
    let uid = desk.receive(same_subject(&first));
    let mut service = Started::new(desk.trail.command(&["run"]));
    assert!(service.runs_until(|| desk.activities().iter().any(is_pending)));
    desk.provider.mail.replace_raw(ANNA, "INBOX", uid, same_subject(&scanned));
    assert!(service.runs_until(|| !desk.activities().iter().any(is_pending)));
    service.terminate();
    assert_eq!((names(&desk.activity_of("2@c.example")), desk.privacy().2), (vec!["offer.pdf".to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_bound_nobody_looks_and_the_verdict_says_why_the_flag_stays() {
    let desk = desk(Engine::Sqlite, "pending_hours = 0").await;
    let uid = desk.deliver_now(delivered(ANNA, CARLA, "1@ours.example", "").0);
    let told = || desk.trail.run(&["explain", "--message-id", "1@ours.example"]);
    desk.sync();
    assert!(told().contains("An attachment is still being scanned"), "{}", told());
    assert!(told().contains("The attachments did not come in time; nobody looks for them any more [H7]"), "{}", told());
    desk.provider.mail.replace_raw(BCC, "INBOX", uid, delivered(ANNA, CARLA, "1@ours.example", "").1);
    desk.sync();
    assert!(is_pending(&desk.activity_of("1@ours.example")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_mail_under_the_same_id_brings_no_attachments() {
    let desk = desk(Engine::Sqlite, LATER).await;
    desk.deliver_now(delivered(ANNA, CARLA, "1@ours.example", "").0);
    desk.sync();
    desk.deliver_now(delivered("mallory@elsewhere.example", BCC, "1@ours.example", "").1);
    desk.receive(delivered("mallory@elsewhere.example", ANNA, "1@ours.example", "").1);
    desk.receive(answer("mallory@elsewhere.example", ANNA, "1@ours.example", "Other", ""));
    desk.sync();
    let activity = desk.activity_of("1@ours.example");
    assert!(is_pending(&activity) && activity["sightings"].as_array().unwrap().len() == 4, "{activity}");
    assert!(desk.opened().is_empty());
}
