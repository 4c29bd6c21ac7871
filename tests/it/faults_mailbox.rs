//! Mailboxes that change behind the program's back.

use mailtrail::store::{Options, Store};
use provider::{Fault, Profile, UidNext, When};
use sea_orm::{ActiveValue::Set, EntityTrait};

use crate::support::faults::{database_url, nothing_lost, numbered, once, verdicts};
use crate::support::world::{BCC, Engine, World, engines, mail};

const CARLA: &str = "carla@customer.example";

fn deliver(world: &World, ids: std::ops::RangeInclusive<u32>) {
    for id in ids {
        world.deliver(mail(&format!("{id}@ours.example"), CARLA, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_uidvalidity_is_read_again_and_logs_nothing_twice() {
    for engine in engines() {
        let world = World::plain(engine).await;
        deliver(&world, 1..=3);
        world.sync();
        world.provider.mail.renumber(BCC, "INBOX", 4711);
        deliver(&world, 4..=4);
        world.sync();
        assert_eq!(world.activities().len(), 4);
        let mut codes = world.codes();
        codes.sort();
        assert_eq!(codes, ["duplicate", "duplicate", "duplicate", "logged", "logged", "logged", "logged"]);
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_uidnext_everything_is_read_once() {
    for profile in [Profile::Plain, Profile::Exchange] {
        let world = World::new(Engine::Sqlite, profile, "[policy]\nsender_authentication = \"off\"\n").await;
        world.provider.mail.set_uid_next(BCC, "INBOX", UidNext::Omitted);
        deliver(&world, 1..=3);
        world.sync();
        // `4:*` brings message 3 again (RFC 3501 section 6.4.8).
        world.sync();
        deliver(&world, 4..=4);
        world.sync();
        assert_eq!(verdicts(&world.trail), numbered(&["logged"; 4]));
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uids_that_are_given_out_again_name_new_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        deliver(&world, 1..=5);
        world.sync();
        let server = &world.provider.mail;
        [4, 5].iter().for_each(|uid| server.expunge(BCC, "INBOX", *uid));
        server.deliver_uid(BCC, "INBOX", mail("new@ours.example", CARLA, ""), 4);
        server.set_uid_next(BCC, "INBOX", UidNext::Says(5));
        world.sync();
        let ids: Vec<_> = world.activities().iter().map(|one| one["message_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 6, "{ids:?}");
        assert!(ids.contains(&"new@ours.example".to_owned()));
        assert_eq!(verdicts(&world.trail), numbered(&["duplicate", "duplicate", "duplicate", "logged"]));
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uids_below_the_first_one_that_are_given_out_again_are_read() {
    let world = World::plain(Engine::Sqlite).await;
    world.provider.mail.deliver_uid(BCC, "INBOX", mail("9@ours.example", CARLA, ""), 9);
    world.sync();
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    let begins = entity::mailbox::ActiveModel { first_uid: Set(9), ..Default::default() };
    entity::mailbox::Entity::update_many().set(begins).exec(&store.db).await.unwrap();
    store.close().await.unwrap();
    let server = &world.provider.mail;
    server.expunge(BCC, "INBOX", 9);
    server.set_uid_next(BCC, "INBOX", UidNext::Says(4));
    world.sync();
    server.deliver_uid(BCC, "INBOX", mail("4@ours.example", CARLA, ""), 4);
    server.set_uid_next(BCC, "INBOX", UidNext::Says(5));
    world.sync();
    assert_eq!(world.logged(), ["4@ours.example", "9@ours.example"]);
    assert_eq!(verdicts(&world.trail), ["4 logged"]);
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_expunged_between_list_and_fetch_has_a_verdict_too() {
    for engine in engines() {
        let world = World::plain(engine).await;
        deliver(&world, 1..=4);
        let body = || When::verb("UID FETCH").containing("BODY.PEEK[]");
        world.provider.mail.inject(body(), Fault::ExpungeFirst);
        world.sync();
        deliver(&world, 5..=6);
        world.sync();
        let mut expected = vec!["expunged"; 4];
        expected.extend(["logged"; 2]);
        assert_eq!(verdicts(&world.trail), numbered(&expected));
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_an_ok_leaves_out_are_not_lost() {
    for engine in engines() {
        let world = World::plain(engine).await;
        deliver(&world, 1..=5);
        world.provider.mail.expunge(BCC, "INBOX", 2);
        let fetch = |what: &str| When::verb("UID FETCH").containing(what);
        world.provider.mail.inject(fetch("RFC822.SIZE"), Fault::MissingMessages(2));
        world.provider.mail.inject(fetch("BODY.PEEK[]"), Fault::MissingMessages(1));
        world.sync();
        deliver(&world, 6..=8);
        world.provider.mail.inject(fetch("BODY.PEEK[]"), Fault::NoBody);
        world.sync();
        let logged: Vec<String> = [1, 3, 4, 5, 6, 7, 8].iter().map(|uid| format!("{uid} logged")).collect();
        assert_eq!(verdicts(&world.trail), logged);
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_server_has_but_never_hands_out_is_set_aside() {
    let world = World::plain(Engine::Sqlite).await;
    deliver(&world, 1..=3);
    world.provider.mail.inject(When::verb("UID FETCH").uid(2).containing("BODY.PEEK[]").always(), Fault::NoBody);
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&world.trail), numbered(&["logged", "parse-error", "logged"]));
    nothing_lost(&world);
}
