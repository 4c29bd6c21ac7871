//! The original of a forward in the inbox of who forwards: one activity, whichever is read first, and its exact Message-ID
//! ties later replies to the thread (D20, D21).

use mailtrail::clock::Clock;

use crate::support::forward::{ANNA, CARLA, carla, forward, forwarded, world};
use crate::support::world::{World, engines, strings};

/// What Carla wrote, as it is in Anna's inbox: the mail that `forward` forwards.
fn original(id: &str) -> String {
    format!(
        "Date: Sun, 22 Nov 2026 10:05:40 +0100\r\nMessage-ID: <{id}>\r\nFrom: {}\r\nTo: {ANNA}\r\n\
         Subject: Oferta 41\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Dzień dobry,\r\n\r\nbierzemy tę ofertę.\r\n",
        carla()
    )
}

/// A reply that refers to the original and to nothing else that could be known.
fn reply() -> String {
    format!(
        "Date: Sun, 22 Nov 2026 13:00:00 +0000\r\nMessage-ID: <r@customer.example>\r\nFrom: {}\r\nTo: {ANNA}\r\n\
         In-Reply-To: <o@customer.example>\r\nSubject: Re: Oferta 41\r\n\r\nWhen?\r\n",
        carla()
    )
}

fn in_inbox(world: &World, mail: &str) {
    let now = Clock::system().now() + chrono::TimeDelta::seconds(1);
    world.provider.mail.deliver_at(ANNA, "INBOX", mail.as_bytes(), now);
}

/// The forward has been seen twice, and the reply is on its thread.
fn is_one_conversation(world: &World) {
    let first = world.activity_of("f1@ours.example");
    assert_eq!(first["sightings"].as_array().map(Vec::len), Some(2), "{:?}", world.codes());
    let later = world.activity_of("r@customer.example");
    assert_eq!((&later["thread"], &later["kind"]), (&first["thread"], &"reply".into()));
    assert_eq!(strings(&later["contacts"]), [CARLA]);
    assert_eq!(world.activities().len(), 2, "{:?}", world.codes());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_was_read_before_its_forward_is_found_by_it() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.connect(ANNA, ANNA);
        in_inbox(&world, &original("o@customer.example"));
        in_inbox(&world, &original("p@customer.example").replace(CARLA, "else@other.example"));
        world.sync();
        assert!(world.activities().is_empty());
        forwarded(&world, forward("f1@ours.example", &carla(), ""));
        world.sync();
        in_inbox(&world, &reply());
        world.sync();
        is_one_conversation(&world);
        let told = world.trail.run(&["explain", "--message-id", "o@customer.example"]);
        assert!(told.contains("original of a forward that is on the timeline") && told.contains("[D20]"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_comes_after_its_forward_is_one_more_sighting() {
    for engine in engines() {
        for rule in ["replies-only", "known-contacts"] {
            let world = world(engine, &format!("policy.logging_rule = \"{rule}\"\n")).await;
            world.connect(ANNA, ANNA);
            forwarded(&world, forward("f1@ours.example", &carla(), ""));
            world.sync();
            in_inbox(&world, &original("o@customer.example"));
            in_inbox(&world, &reply());
            world.sync();
            is_one_conversation(&world);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_and_its_original_that_are_read_in_one_round_are_one_activity() {
    for engine in engines() {
        for rule in ["replies-only", "known-contacts"] {
            let world = world(engine, &format!("policy.logging_rule = \"{rule}\"\n")).await;
            world.connect(ANNA, ANNA);
            world.contacts_known(&["c,Carla Customer,carla@customer.example,,,"]);
            in_inbox(&world, &original("o@customer.example"));
            in_inbox(&world, &reply());
            forwarded(&world, forward("f1@ours.example", &carla(), ""));
            world.sync();
            is_one_conversation(&world);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mail_only_is_the_original_of_a_forward() {
    for engine in engines() {
        let world = world(engine, "policy.logging_rule = \"known-contacts\"\n").await;
        world.connect(ANNA, ANNA);
        forwarded(&world, forward("f1@ours.example", &carla(), ""));
        world.sync();
        in_inbox(&world, &original("o@customer.example"));
        in_inbox(&world, &original("p@customer.example").replace("bierzemy", "nie bierzemy"));
        in_inbox(&world, &original("q@customer.example").replace("10:05", "10:06"));
        world.sync();
        assert_eq!(world.logged(), ["f1@ours.example", "p@customer.example", "q@customer.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_were_changed_between_a_mail_and_its_forward_make_no_second_mail() {
    for engine in engines() {
        // Written in summer: the forward, made in winter, prints 10:05 without a zone.
        let summer = |id: &str| original(id).replace("22 Nov 2026 10:05:40 +0100", "2 Oct 2026 10:05:40 +0200");
        let winter = forward("f1@ours.example", &carla(), "").replace("niedz., 22 lis 2026", "pt., 2 paź 2026");
        let first = world(engine, "policy.logging_rule = \"known-contacts\"\n").await;
        first.connect(ANNA, ANNA);
        forwarded(&first, &winter);
        first.sync();
        in_inbox(&first, &summer("o@customer.example"));
        first.sync();
        assert_eq!(first.logged(), ["f1@ours.example"], "the forward is read first");

        let last = world(engine, "policy.logging_rule = \"known-contacts\"\n").await;
        last.connect(ANNA, ANNA);
        last.contacts_known(&["c,Carla Customer,carla@customer.example,,,"]);
        in_inbox(&last, &summer("o@customer.example"));
        last.sync();
        forwarded(&last, winter);
        last.sync();
        assert_eq!(last.logged(), ["o@customer.example"], "the original is read first");
    }
}
