//! What a forward has to do with other mail: originals that are known (D20), replies to come (A16), redirected mail (I5), and
//! large mail (H).

use crate::support::forward::{ANNA, CARLA, LOG, carla, forward, forwarded, original, plain_only, world};
use crate::support::world::{engines, mail, strings};

#[tokio::test(flavor = "multi_thread")]
async fn two_forwards_of_one_mail_are_one_activity_whoever_forwards() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.users(&["bert@ours.example,Bert,,core,true"]);
        forwarded(&world, forward("f1@ours.example", &carla(), ""));
        let again = forward("f2@ours.example", &carla(), "")
            .replace(&format!("From: Anna Berg <{ANNA}>"), "From: bert@ours.example");
        forwarded(&world, again);
        world.sync();
        // Bert's clocks are an hour behind, and his program writes everything in UTC.
        let elsewhere = plain_only(&forward("f3@ours.example", &carla(), ""));
        let elsewhere = elsewhere.replace(&format!("From: Anna Berg <{ANNA}>"), "From: bert@ours.example");
        forwarded(&world, elsewhere.replace("12:00:00 +0100", "11:00:00 +0000").replace("10:05", "08:05"));
        world.sync();
        assert_eq!(world.codes(), ["logged", "duplicate", "duplicate"]);
        assert_eq!(world.activity()["sightings"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mails_of_one_sender_subject_and_minute_are_two_activities() {
    for engine in engines() {
        let world = world(engine, "").await;
        let invoice = |id: &str, text: &str| forward(id, &carla(), "").replace("bierzemy tę ofertę.", text);
        forwarded(&world, invoice("f1@ours.example", "Invoice 1001, 500 EUR"));
        forwarded(&world, invoice("f2@ours.example", "Invoice 1002, 900 EUR"));
        world.sync();
        for (id, text) in [("f3@ours.example", "Invoice 1002, 900 EUR"), ("f4@ours.example", "Invoice 1001, 500 EUR")] {
            forwarded(&world, plain_only(&invoice(id, text)));
        }
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged", "duplicate", "duplicate"]);
        assert_eq!(world.activity_of("f2@ours.example")["sightings"].as_array().map(Vec::len), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_of_a_mail_that_an_inbox_logged_is_a_sighting() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.connect(ANNA, ANNA);
        world.sync();
        world.deliver_now(mail("1@ours.example", CARLA, ""));
        world.sync();
        let reply = format!(
            "Date: Sun, 22 Nov 2026 10:05:40 +0000\r\nMessage-ID: <2@customer.example>\r\nFrom: {}\r\nTo: {ANNA}\r\n\
             In-Reply-To: <1@ours.example>\r\nSubject: Re: Offer 1@ours.example\r\n\r\nWe take it.\r\n",
            carla()
        );
        world.provider.mail.deliver(ANNA, "INBOX", reply.as_bytes());
        world.sync();
        assert_eq!(world.activities().len(), 2);
        let forward = plain_only(&forward("f1@ours.example", &carla(), ""));
        let forward = forward
            .replace("Oferta 41", "Re: Offer 1@ours.example")
            .replace("Dzień dobry,\r\n\r\nbierzemy tę ofertę.", "We take it.");
        forwarded(&world, forward.replace("10:05", "11:05"));
        world.sync();
        assert_eq!(world.activities().len(), 2, "{:?}", world.codes());
        let told = world.trail.run(&["explain", "--account", LOG, "--mailbox", "INBOX", "--uid", "1"]);
        assert!(told.contains("[D20]") && told.contains("duplicate"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_replies_find_the_thread_of_a_forwarded_mail() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.connect(ANNA, ANNA);
        world.sync();
        forwarded(
            &world,
            forward(
                "f1@ours.example",
                &carla(),
                "In-Reply-To: <o@customer.example>\r\nReferences: <o@customer.example>\r\n",
            ),
        );
        world.sync();
        let reply = format!(
            "Date: Sun, 22 Nov 2026 13:00:00 +0000\r\nMessage-ID: <3@customer.example>\r\nFrom: {}\r\nTo: {ANNA}\r\n\
             In-Reply-To: <2@ours.example>\r\nReferences: <o@customer.example> <2@ours.example>\r\n\
             Subject: Re: Oferta 41\r\n\r\nWhen?\r\n",
            carla()
        );
        world.provider.mail.deliver(ANNA, "INBOX", reply.as_bytes());
        world.sync();
        let later = world.activity_of("3@customer.example");
        assert_eq!(later["thread"], world.activity_of("f1@ours.example")["thread"]);
        assert_eq!(later["kind"], "reply");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s59_redirected_mail_is_on_its_own_sender() {
    for engine in engines() {
        let world = world(engine, "").await;
        let redirected = format!(
            "Delivered-To: {LOG}\r\nX-Forwarded-To: {LOG}\r\nX-Forwarded-For: {ANNA} {LOG}\r\n{}",
            original("o@customer.example")
        );
        forwarded(&world, &redirected);
        forwarded(
            &world,
            redirected.replace("X-Forwarded-For: anna@ours", "X-Forwarded-For: eve@else").replace("<o@", "<p@"),
        );
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["contacts"]), [CARLA]);
        assert_eq!((&activity["message_id"], &activity["user"]), (&"o@customer.example".into(), &ANNA.into()));
        assert_eq!((&activity["kind"], &activity["direction"]), (&"forwarded".into(), &"incoming".into()));
        assert_eq!(world.codes(), ["logged", "unknown-sender"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_a_mail_over_the_limit_is_not_logged() {
    for engine in engines() {
        let world = world(engine, "limits.message_bytes = 4000\n").await;
        let mail = forward("f1@ours.example", &carla(), "");
        forwarded(&world, mail.replace("tę ofertę.", &"tę ofertę. ".repeat(500)));
        forwarded(&world, forward("f2@ours.example", &carla(), ""));
        world.sync();
        assert_eq!(world.codes(), ["message-too-large", "logged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_redirected_mail_has_a_limit_of_its_own_which_exactly_passes() {
    for engine in engines() {
        let redirected = |id: &str| format!("X-Forwarded-For: {ANNA} {LOG}\r\n{}", original(id));
        let limit = redirected("o@customer.example").len();
        // The second of each two is one octet over it; the last two are decided on by their header.
        for settings in ["", "[worker]\nslice_bytes = 200\nbatch_bytes = 200\nmemory_bytes = 800\n"] {
            let world = world(engine, &format!("limits.hosted_bytes = {limit}\n{settings}")).await;
            forwarded(&world, redirected("o@customer.example"));
            forwarded(&world, redirected("longer@customer.example"));
            forwarded(&world, forward("f1@ours.example", &carla(), ""));
            world.sync();
            assert_eq!(world.codes(), ["logged", "message-too-large", "logged"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_forward_is_decided_on_by_its_body_and_a_strangers_by_its_header() {
    for engine in engines() {
        let world = world(engine, "[worker]\nslice_bytes = 65536\nbatch_bytes = 65536\nmemory_bytes = 262144\n").await;
        let mail = forward("f1@ours.example", &carla(), "").replace("tę ofertę.", &"tę ofertę.\r\n".repeat(8_000));
        forwarded(&world, &mail);
        forwarded(
            &world,
            mail.replace(&format!("From: Anna Berg <{ANNA}>"), "From: eve@else.example").replace("<f1@", "<f2@"),
        );
        world.sync();
        assert_eq!(world.codes(), ["logged", "unknown-sender"]);
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA]);
    }
}
