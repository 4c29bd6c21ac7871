//! A forward with several messages attached: as many originals, each a mail of its own (B23).

use crate::support::forward::{ANNA, CARLA, LOG, attached, carla, forwarded, original, world};
use crate::support::world::{engines, mail_with, strings};

const DORA: &str = "dora@supplier.example";

/// What Dora wrote, with a file.
fn invoice(id: &str) -> String {
    let mail = mail_with(id, ANNA, &[("invoice.bin", &[7; 100])]).replace("See below.", "The invoice.");
    let from = mail.lines().find(|line| line.starts_with("From:")).unwrap();
    mail.replace(from, &format!("From: Dora <{DORA}>"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_attached_messages_is_logged_on_its_own_sender_and_once() {
    for engine in engines() {
        let world = world(engine, "").await;
        let messages = [original("o@customer.example"), invoice("p@supplier.example"), original("q@customer.example")];
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        forwarded(&world, attached("f1@ours.example", &messages));
        world.sync();
        assert_eq!(world.codes(), ["logged"], "one verdict a message");
        assert_eq!(world.activities().len(), 3);
        for (id, contact) in
            [("o@customer.example", CARLA), ("p@supplier.example", DORA), ("q@customer.example", CARLA)]
        {
            let activity = world.activity_of(id);
            assert_eq!(strings(&activity["contacts"]), [contact], "{id}");
            assert_eq!((&activity["note"], &activity["forwarded_by"]), (&"For the file.".into(), &ANNA.into()));
            assert_eq!(activity["sightings"].as_array().map(Vec::len), Some(1));
        }
        let files = |id: &str| world.activity_of(id)["attachments"].as_array().unwrap().clone();
        assert!(files("o@customer.example").is_empty() && files("q@customer.example").is_empty());
        assert_eq!(files("p@supplier.example")[0]["name"], "invoice.bin");
        // The same again, by another hand and in another order; then the very same mail.
        let again: Vec<&str> = messages.iter().rev().copied().collect();
        forwarded(&world, attached("f2@ours.example", &again));
        forwarded(&world, attached("f1@ours.example", &messages));
        world.sync();
        assert_eq!(world.codes(), ["logged", "duplicate", "duplicate"]);
        assert_eq!(world.activities().len(), 3);
        assert!(world.activities().iter().all(|one| one["sightings"].as_array().map(Vec::len) == Some(3)));
        world.trail.run(&["audit", "--json"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_of_each_original_whichever_it_is_asked_for() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.trail.run(&["never-log", "add", "*@secret.example"]);
        let listed = original("s@secret.example").replace(CARLA, "ann@secret.example");
        let mail =
            attached("f1@ours.example", &[&listed, &original("o@customer.example"), &invoice("p@supplier.example")]);
        let file = world.trail.path("forward.eml");
        std::fs::write(&file, &mail).unwrap();
        let told = world.trail.run(&["explain", file.to_str().unwrap()]);
        assert!(told.contains(&format!("to {LOG} now: logged")) && told.contains("3 of 3"), "{told}");
        forwarded(&world, &mail);
        world.sync();
        assert_eq!((world.codes(), world.activities().len()), (vec!["logged".to_owned()], 2));
        for id in ["f1@ours.example", "o@customer.example", "p@supplier.example"] {
            let told = world.trail.run(&["explain", "--message-id", id]);
            assert!(
                told.contains("2 of 3, Offer") && told.contains("3 of 3, Offer p@supplier.example"),
                "{id}: {told}"
            );
            assert!(told.contains(CARLA) && told.contains(DORA), "{id}: {told}");
            assert!(!told.contains("secret.example"), "of what is not logged no address is kept: {told}");
            assert!(told.contains("[B5]"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_attached_twice_is_one_activity() {
    for engine in engines() {
        let world = world(engine, "").await;
        let one = original("o@customer.example");
        forwarded(&world, attached("f1@ours.example", &[&one, &one]));
        world.sync();
        assert_eq!(world.codes(), ["logged"]);
        assert_eq!(world.activity()["sightings"].as_array().map(Vec::len), Some(1));
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA]);
        assert!(world.activity()["from"]["name"].as_str().is_some_and(|name| carla().starts_with(name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_attached_beyond_the_limit_stays_with_the_first_and_is_told() {
    for engine in engines() {
        let world = world(engine, "").await;
        let messages: Vec<String> = (1..=22).map(|n| original(&format!("o{n}@customer.example"))).collect();
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        forwarded(&world, attached("f1@ours.example", &messages));
        world.sync();
        assert_eq!(world.activities().len(), 20);
        assert_eq!(world.activity_of("o1@customer.example")["attachments"].as_array().map(Vec::len), Some(2));
        assert!(world.activity_of("o2@customer.example")["attachments"].as_array().unwrap().is_empty());
        let told = world.trail.run(&["explain", "--message-id", "f1@ours.example"]);
        assert!(told.contains("beyond are kept as attachments of the first: 2 [B23]"), "{told}");
    }
}
