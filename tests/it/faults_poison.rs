//! Messages that never come: set aside after bounded attempts, never in the way of those behind them.

use mailtrail::store::{Options, Store};
use provider::{Fault, Profile, When};
use sea_orm::{ActiveValue::Set, EntityTrait};

use crate::support::faults::{
    Ended, IMPATIENT, MEMORY_KIB, Started, database_url, nothing_lost, numbered, once, verdicts,
};
use crate::support::world::{BCC, Engine, World, engines, mail, mail_from};

async fn world(engine: Engine, mails: u32) -> World {
    let world = World::new(engine, Profile::Plain, IMPATIENT).await;
    for id in 1..=mails {
        world.deliver(mail(&format!("{id}@ours.example"), "carla@customer.example", ""));
    }
    world
}

fn poison(world: &World, uid: u32, fault: &Fault) {
    let when = When::verb("UID FETCH").uid(uid).containing("BODY.PEEK[]").always();
    world.provider.mail.inject(when, fault.clone());
}

fn quarantined(world: &World) -> usize {
    world.trail.json(&["quarantine", "list", "--json"]).len()
}

async fn passes(engine: Engine, fault: &Fault) -> Ended {
    let world = world(engine, 6).await;
    poison(&world, 3, fault);
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{fault:?}: {ended:?}");
    assert!(ended.peak_kib < MEMORY_KIB, "{fault:?}: {ended:?}");
    assert!(!ended.err.contains("does not list"), "{fault:?}: {ended:?}");
    let expected = ["logged", "logged", "parse-error", "logged", "logged", "logged"];
    assert_eq!(verdicts(&world.trail), numbered(&expected), "{fault:?}");
    assert_eq!(quarantined(&world), 1, "{fault:?}");
    nothing_lost(&world);
    world.provider.mail.clear_faults();
    world.trail.run(&["quarantine", "retry"]);
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 6]), "{fault:?}");
    assert_eq!(quarantined(&world), 0, "{fault:?}");
    assert_eq!(world.activities().len(), 6, "{fault:?}");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_is_set_aside_and_those_behind_it_are_logged_in_the_same_run() {
    for fault in [
        Fault::CutInLiteral,
        Fault::HugeLiteral(4 << 30),
        Fault::No("[SERVERBUG] Internal error occurred.".to_owned()),
        Fault::Bad("Command Argument Error. 11".to_owned()),
        Fault::Hang,
    ] {
        passes(Engine::Sqlite, &fault).await;
    }
}

/// [`passes`] looks at the memory, too.
#[tokio::test(flavor = "multi_thread")]
async fn four_gigabytes_that_a_server_announces_are_neither_awaited_nor_made_room_for() {
    for engine in engines() {
        passes(engine, &Fault::HugeLiteral(4 << 30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_is_set_aside_on_every_database() {
    for engine in engines().into_iter().filter(|engine| *engine != Engine::Sqlite) {
        passes(engine, &Fault::DeepParentheses(100_000)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_lost_now_and_then_set_no_message_aside() {
    let world = world(Engine::Sqlite, 6).await;
    let body = || When::verb("UID FETCH").containing("BODY.PEEK[]");
    for words in ["Session invalidated - AccessTokenExpired", "Server shutting down."] {
        for _ in 0..7 {
            world.provider.mail.inject(body(), Fault::Bye(words.to_owned()));
            once(&world.trail);
        }
    }
    world.provider.mail.clear_faults();
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 6]));
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_set_aside_and_left_the_server_is_not_forgotten() {
    let world = world(Engine::Sqlite, 3).await;
    poison(&world, 2, &Fault::CutInLiteral);
    once(&world.trail);
    assert_eq!(quarantined(&world), 1);
    world.provider.mail.clear_faults();
    world.provider.mail.expunge(BCC, "INBOX", 2);
    let said = world.trail.fails(1, &["quarantine", "retry"]);
    assert!(said.contains("has left the server"), "{said}");
    assert_eq!(verdicts(&world.trail), numbered(&["logged", "parse-error", "logged"]));
    assert_eq!(quarantined(&world), 1);
}

/// What only the bytes that were kept can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_set_aside_with_its_bytes_is_judged_from_them() {
    let world = world(Engine::Sqlite, 2).await;
    poison(&world, 2, &Fault::CutInLiteral);
    once(&world.trail);
    let bytes = mail("2@ours.example", "carla@customer.example", "");
    let name = mailtrail::attachments::Sha256Hex::of(bytes.as_ref());
    let folder = world.trail.path("attachments").join(&name.as_str()[..2]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name.as_str()), &bytes).unwrap();
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    let kept = entity::quarantine::ActiveModel { sha256: Set(Some(name.to_string())), ..Default::default() };
    entity::quarantine::Entity::update_many().set(kept).exec(&store.db).await.unwrap();
    store.close().await.unwrap();
    world.provider.mail.clear_faults();
    world.provider.mail.expunge(BCC, "INBOX", 2);
    world.trail.run(&["quarantine", "retry"]);
    assert_eq!(verdicts(&world.trail), numbered(&["logged", "logged"]));
    assert_eq!(quarantined(&world), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_listing_cannot_be_read_is_found_and_set_aside() {
    let world = world(Engine::Sqlite, 12).await;
    let listing = When::verb("UID FETCH").uid(7).containing("RFC822.SIZE").always();
    let line = "* 7 FETCH (UID 7 INTERNALDATE NIL RFC822.SIZE 300)".to_owned();
    world.provider.mail.inject(listing, Fault::Line(line));
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut expected = ["logged"; 12];
    expected[6] = "parse-error";
    assert_eq!(verdicts(&world.trail), numbered(&expected));
    assert_eq!(quarantined(&world), 1);
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_poison_messages_are_set_aside_in_one_run() {
    let world = world(Engine::Sqlite, 8).await;
    for uid in [2, 3, 7] {
        poison(&world, uid, &Fault::CutInLiteral);
    }
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(quarantined(&world), 3);
    assert_eq!(world.activities().len(), 5);
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_a_group_that_hangs_is_found_without_a_time_out_for_each_of_its_neighbours() {
    let world = world(Engine::Sqlite, 30).await;
    poison(&world, 25, &Fault::Hang);
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(quarantined(&world), 1);
    assert_eq!(world.activities().len(), 29);
    // The group, five attempts at the message, and the connection that goes on.
    assert!(world.provider.mail.connections() <= 7, "{}", world.provider.mail.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_a_sync_ended_in_trouble_is_counted_too() {
    let world = world(Engine::Sqlite, 6).await;
    let inbox = "anna@ours.example";
    world.connect(inbox, inbox);
    poison(&world, 3, &Fault::CutInLiteral);
    for id in ["7@c.example", "8@c.example", "9@c.example"] {
        let refers = "In-Reply-To: <1@ours.example>\r\n";
        let reply = mail_from("carla@customer.example", id, inbox, refers);
        let now = mailtrail::clock::Clock::system().now() + chrono::TimeDelta::seconds(1);
        let reply = reply.replace(&format!("Offer {id}"), "Re: Offer 1@ours.example");
        world.provider.mail.deliver_at(inbox, "INBOX", reply.as_bytes(), now);
    }
    let told = world.trail.run(&["run", "--once"]);
    assert!(told.contains(&format!("{BCC}: 5 logged, 0 seen again, 0 not logged, 1 set aside")), "{told}");
    assert!(told.contains(&format!("{inbox}: 2 logged, 0 seen again, 0 not logged, 1 set aside")), "{told}");
}

/// A bad connection over the only mail looks like a bad mail.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_bad_connection_set_aside_is_logged_by_itself_when_the_connection_is_good() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "limits.attempts = 2\n[worker]\npoll_seconds = 1\n").await;
        let uid = world.deliver(mail("1@ours.example", "carla@customer.example", ""));
        let body = || When::verb("UID FETCH").uid(uid).containing("BODY.PEEK[]").always();
        world.provider.mail.inject(body(), Fault::CutInLiteral);
        let mut service = Started::new(world.trail.command(&["run"]));
        let aside = || !world.trail.json(&["quarantine", "list", "--json"]).is_empty();
        assert!(service.runs_until(aside));
        world.provider.mail.clear_faults();
        assert!(service.runs_until(|| world.logged() == ["1@ours.example"]));
        assert!(!aside());
        service.terminate();
        nothing_lost(&world);
    }
}
