//! A server that hands out nothing: an outage, which is no message's fault.

use mailtrail::store::{Options, Store};
use provider::{Fault, Profile, When};
use sea_orm::ConnectionTrait;

use crate::support::faults::{database_url, nothing_lost, numbered, once, verdicts};
use crate::support::inbox::{ANNA, CARLA, Desk, reply};
use crate::support::world::{Engine, Trail, World, engines, mail, mail_from, mail_with};

const OFFER: &str = "Offer 1@ours.example";

/// More runs than a message has attempts.
const RUNS: usize = 7;

fn refuses(when: When) -> (When, Fault) {
    (when.always(), Fault::No("[SERVERBUG] Internal error occurred.".to_owned()))
}

fn bodies() -> When {
    When::verb("UID FETCH").containing("BODY.PEEK[]")
}

fn deliver(world: &World, ids: std::ops::RangeInclusive<u32>) {
    for id in ids {
        world.deliver(mail(&format!("{id}@ours.example"), "carla@customer.example", ""));
    }
}

/// Runs again and again; each says that the server is to blame, and none holds it against a message.
fn fails_and_sets_nothing_aside(trail: &Trail) {
    for _ in 0..RUNS {
        let ended = once(trail);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("hands out no message"), "{ended:?}");
        assert!(!ended.err.contains("does not list"), "{ended:?}");
        assert!(trail.json(&["quarantine", "list", "--json"]).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_every_body_has_no_message_set_aside() {
    for engine in engines() {
        let world = World::plain(engine).await;
        deliver(&world, 1..=6);
        let (when, fault) = refuses(bodies());
        world.provider.mail.inject(when, fault);
        fails_and_sets_nothing_aside(&world.trail);
        world.provider.mail.clear_faults();
        assert_eq!(once(&world.trail).code, Some(0));
        assert_eq!(verdicts(&world.trail), numbered(&["logged"; 6]));
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_new_message_is_not_set_aside_while_the_server_refuses_the_old_ones_too() {
    let world = World::plain(Engine::Sqlite).await;
    deliver(&world, 1..=3);
    world.sync();
    deliver(&world, 4..=4);
    let (when, fault) = refuses(bodies());
    world.provider.mail.inject(when, fault);
    fails_and_sets_nothing_aside(&world.trail);
    world.provider.mail.clear_faults();
    world.sync();
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_are_not_set_aside_in_an_outage_either() {
    let large = "[worker]\nslice_bytes = 2048\nbatch_bytes = 2048\nmemory_bytes = 8192\n";
    for refused in ["BODY.PEEK[HEADER", "BODY.PEEK[]"] {
        let world = World::new(Engine::Sqlite, Profile::Plain, large).await;
        for id in ["1@ours.example", "2@ours.example"] {
            world.deliver(mail_with(id, "carla@customer.example", &[("a.bin", &[7; 9_000])]));
        }
        let (when, fault) = refuses(When::verb("UID FETCH").containing(refused));
        world.provider.mail.inject(when, fault);
        fails_and_sets_nothing_aside(&world.trail);
        world.provider.mail.clear_faults();
        world.sync();
        assert_eq!(verdicts(&world.trail), numbered(&["logged"; 2]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_at_the_front_that_are_refused_do_not_block_those_that_come() {
    let world = World::plain(Engine::Sqlite).await;
    deliver(&world, 1..=6);
    for uid in 1..=4 {
        let (when, fault) = refuses(bodies().uid(uid));
        world.provider.mail.inject(when, fault);
    }
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = ["parse-error", "parse-error", "parse-error", "parse-error", "logged", "logged"];
    assert_eq!(verdicts(&world.trail), numbered(&expected));
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_message_of_a_mailbox_is_set_aside_when_it_was_refused_for_a_day() {
    let world = World::plain(Engine::Sqlite).await;
    deliver(&world, 1..=1);
    let (when, fault) = refuses(bodies());
    world.provider.mail.inject(when, fault);
    fails_and_sets_nothing_aside(&world.trail);
    for _ in 0..4 {
        a_quarter_of_a_day_passes(&world).await;
        assert_eq!(once(&world.trail).code, Some(1));
    }
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&world.trail), ["1 parse-error"]);
    world.provider.mail.clear_faults();
    world.trail.run(&["quarantine", "retry"]);
    assert_eq!(verdicts(&world.trail), ["1 logged"]);
}

/// To the database, the last attempt is that much longer ago.
async fn a_quarter_of_a_day_passes(world: &World) {
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    let sql = "update attempt set at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', at, '-6 hours')";
    store.db.execute_unprepared(sql).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_of_which_the_server_shows_nothing_has_no_message_set_aside() {
    for refused in ["BODY.PEEK[HEADER", "BODY.PEEK[]"] {
        let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.receive(mail_from(CARLA, "2@c.example", ANNA, ""));
        desk.receive(reply("3@c.example", OFFER, "1@ours.example"));
        desk.receive(mail_from(CARLA, "4@c.example", ANNA, ""));
        let (when, fault) = refuses(When::verb("UID FETCH").user(ANNA).containing(refused));
        desk.provider.mail.inject(when, fault);
        fails_and_sets_nothing_aside(&desk.trail);
        desk.provider.mail.clear_faults();
        desk.sync();
        assert_eq!(desk.logged(), ["1@ours.example", "3@c.example"]);
        // What was asked for to find out was no more than what is read of such mail anyway.
        assert_eq!(desk.privacy(), (3, 1, 0), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_whose_parent_becomes_known_in_an_outage_is_logged_after_it() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.receive(reply("2@c.example", OFFER, "1@ours.example"));
    desk.sync();
    desk.log_by_bcc("1@ours.example");
    let (when, fault) = refuses(When::verb("UID FETCH").user(ANNA).containing("BODY.PEEK[]"));
    desk.provider.mail.inject(when, fault);
    fails_and_sets_nothing_aside(&desk.trail);
    assert_eq!(desk.logged(), ["1@ours.example"]);
    desk.provider.mail.clear_faults();
    desk.sync();
    assert_eq!(desk.logged(), ["1@ours.example", "2@c.example"]);
}
