//! Forwards that a person settles (B24), and what providers ask (I13).

use crate::support::forward::{ANNA, CARLA, LOG, carla, forward, forwarded, original, world};
use crate::support::world::{engines, mail, strings, with_text};

const REVIEW: &[&str] = &["review", "list", "--json"];

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_processed_waits_with_its_bytes_and_its_forwarder_is_told_once() {
    for engine in engines() {
        let world = world(engine, "").await;
        let raw = with_text(&mail("f0@ours.example", LOG, ""), "Carla <carla@customer.example> says yes.\r\n");
        forwarded(&world, &raw);
        world.sync();
        world.sync();
        let waiting = world.trail.json(REVIEW);
        assert_eq!(waiting.len(), 1);
        assert_eq!((&waiting[0]["code"], &waiting[0]["forwarder"]), (&"no-forward-header".into(), &ANNA.into()));
        assert!(waiting[0]["reason"].as_str().is_some_and(|reason| reason.contains("header block")));
        assert_eq!(world.trail.blob(waiting[0]["sha256"].as_str().unwrap()), Some(raw.into_bytes()));
        let notices = world.trail.json(&["notice", "list", "--json"]);
        assert_eq!(notices.len(), 1);
        assert_eq!((&notices[0]["to"], &notices[0]["kind"]), (&ANNA.into(), &"forward-not-logged".into()));
        assert!(world.rules("f0@ours.example").contains(&"B24".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_forward_is_logged_by_hand_on_whom_a_user_names() {
    for engine in engines() {
        let world = world(engine, "workspace.own_domains = [\"ours.example\"]\n").await;
        world.trail.run(&["never-log", "add", "*@secret.example"]);
        forwarded(&world, forward("f1@ours.example", "Carla Customer", ""));
        world.sync();
        let id = world.trail.json(REVIEW)[0]["id"].as_str().unwrap().to_owned();
        for refused in ["bo@ours.example", "ann@secret.example", ANNA] {
            world.trail.fails(1, &["review", "assign", &id, refused]);
        }
        assert!(world.activities().is_empty() && world.contacts().is_empty());
        world.trail.run(&["review", "assign", &id, CARLA]);
        let activity = world.activity();
        assert_eq!(strings(&activity["contacts"]), [CARLA]);
        assert_eq!((&activity["kind"], &activity["user"]), (&"forwarded".into(), &ANNA.into()));
        assert_eq!(activity["from"], serde_json::json!({"name": "Carla Customer", "address": CARLA}));
        assert_eq!((&activity["subject"], &activity["note"]), (&"Oferta 41".into(), &"Do akt.".into()));
        assert_eq!(world.codes(), ["logged"]);
        assert!(world.trail.json(REVIEW).is_empty());
        let audit = world.trail.run(&["audit", "--json"]);
        assert!(!audit.contains("\"missing\":[{"), "{audit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_forward_is_gone_and_its_verdict_stays() {
    for engine in engines() {
        let world = world(engine, "").await;
        forwarded(&world, forward("f1@ours.example", "Carla Customer", ""));
        world.sync();
        let id = world.trail.json(REVIEW)[0]["id"].as_str().unwrap().to_owned();
        world.trail.run(&["review", "drop", &id]);
        assert!(world.trail.json(REVIEW).is_empty());
        assert_eq!(world.codes(), ["no-original-address"]);
        world.trail.fails(1, &["review", "drop", &id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_forward_that_is_judged_again_neither_waits_nor_tells_its_forwarder_a_second_time() {
    for engine in engines() {
        let world = world(engine, "").await;
        forwarded(&world, forward("f1@ours.example", "Carla Customer", ""));
        world.sync();
        let id = world.trail.json(REVIEW)[0]["id"].as_str().unwrap().to_owned();
        world.trail.run(&["review", "drop", &id]);
        world.trail.run(&["account", "resync", LOG]);
        forwarded(&world, forward("f2@ours.example", "Carla Customer", ""));
        world.sync();
        let notices = world.trail.json(&["notice", "list", "--json"]);
        assert_eq!(notices.len(), 2, "one for each forward: {notices:?}");
        let waiting = world.trail.json(REVIEW);
        assert_eq!(waiting.iter().map(|row| &row["message_id"]).collect::<Vec<_>>(), ["f2@ours.example"]);
        assert_eq!(world.codes().iter().filter(|code| *code == "no-original-address").count(), world.codes().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_leaves_nothing_to_review() {
    for engine in engines() {
        let world = world(engine, "").await;
        let stranger = forward("f1@ours.example", &carla(), "");
        forwarded(&world, stranger.replace(&format!("From: Anna Berg <{ANNA}>"), "From: eve@else.example"));
        world.sync();
        assert!(world.trail.json(REVIEW).is_empty());
        assert_eq!(world.trail.run(&["notice", "list", "--json"]), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s61_what_a_provider_asks_is_surfaced_and_not_logged() {
    for engine in engines() {
        let world = world(engine, "").await;
        let asks = mail("v@google.com", LOG, "")
            .replace(ANNA, "Gmail Team <forwarding-noreply@google.com>")
            .replace("Subject: Offer v@google.com", "Subject: (#123456789) Gmail Forwarding Confirmation");
        let text = "Confirmation code: 123456789\r\nhttps://mail-settings.google.com/mail/vf-abc-def\r\n";
        forwarded(&world, with_text(&asks, text));
        world.sync();
        assert_eq!(world.codes(), ["verification-mail"]);
        assert!(world.contacts().is_empty() && world.activities().is_empty());
        let accounts = world.trail.json(&["account", "list", "--json"]);
        let account = accounts.iter().find(|account| account["address"] == LOG).unwrap();
        let asked = &account["verification"];
        assert_eq!(asked["code"], "123456789");
        assert_eq!(asked["link"], "https://mail-settings.google.com/mail/vf-abc-def");
        assert!(asked["at"].as_str().is_some_and(|at| at.starts_with("20")), "{asked}");
        assert!(accounts.iter().find(|account| account["address"] != LOG).unwrap()["verification"].is_null());
        assert!(world.trail.run(&["account", "list"]).contains("123456789"));
        // The first mail that comes that way shows that it was confirmed.
        forwarded(&world, format!("X-Forwarded-For: {ANNA} {LOG}\r\n{}", original("o@customer.example")));
        world.sync();
        assert_eq!(world.codes(), ["verification-mail", "logged"]);
        assert!(!world.trail.run(&["account", "list"]).contains("123456789"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_in_a_file_is_explained_by_the_mailbox_that_it_is_addressed_to() {
    for engine in engines() {
        let world = world(engine, "").await;
        let file = world.trail.path("forward.eml");
        let explained = |raw: String| {
            std::fs::write(&file, raw).unwrap();
            world.trail.run(&["explain", file.to_str().unwrap()])
        };
        let told = explained(forward("f1@ours.example", &carla(), ""));
        assert!(told.contains(&format!("to {LOG} now: logged")), "{told}");
        assert!(told.contains(&format!("{CARLA} [B4]")) && told.contains("gmail, pl [B9, B16]"), "{told}");
        let told = explained(forward("f2@ours.example", "Carla Customer", ""));
        assert!(told.contains("no-original-address") && told.contains("[B22]"), "{told}");
        assert!(world.trail.json(REVIEW).is_empty(), "nothing is written");
        let told = explained(mail("1@ours.example", CARLA, ""));
        assert!(told.contains("bcc@crm.example now: logged"), "{told}");
    }
}
