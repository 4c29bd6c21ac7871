//! Messages that were set aside: refused by the database, or of a mailbox that was numbered anew since.

use mailtrail::store::{Options, Store};
use provider::Profile;
use sea_orm::ConnectionTrait;

use crate::support::faults::{database_url, nothing_lost, numbered, once, verdicts};
use crate::support::world::{BCC, Engine, World, engines, mail, mail_with};

const CARLA: &str = "carla@customer.example";

/// Every message above these bytes goes the way of large ones: first its header, then its body in slices.
const LARGE: &str = "[worker]\nslice_bytes = 2048\nbatch_bytes = 2048\nmemory_bytes = 8192\n";

async fn tell(world: &World, sql: &str) {
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    store.db.execute_unprepared(sql).await.unwrap();
    store.close().await.unwrap();
}

/// From now on the database refuses the row of the mail with this subject.
async fn refuse(engine: Engine, world: &World, subject: &str) {
    let sql = match engine {
        Engine::Sqlite => format!(
            "create trigger refuse before insert on activity when new.subject = '{subject}' \
             begin select raise(abort, 'refused'); end"
        ),
        Engine::Postgres => format!("alter table activity add constraint refuse check (subject <> '{subject}')"),
    };
    tell(world, &sql).await;
}

async fn relent(engine: Engine, world: &World) {
    let sql = match engine {
        Engine::Sqlite => "drop trigger refuse",
        Engine::Postgres => "alter table activity drop constraint refuse",
    };
    tell(world, sql).await;
}

/// The middle one of three mails is refused, whichever way it goes, and logged as soon as it can be.
async fn set_aside_and_logged_later(engine: Engine, settings: &str) {
    let world = World::new(engine, Profile::Plain, settings).await;
    refuse(engine, &world, "Offer 2@ours.example").await;
    world.deliver(mail("1@ours.example", CARLA, ""));
    world.deliver(mail_with("2@ours.example", CARLA, &[("a.bin", &[7; 9_000])]));
    world.deliver(mail("3@ours.example", CARLA, ""));
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&world.trail), numbered(&["logged", "parse-error", "logged"]));
    let aside = world.trail.json(&["quarantine", "list", "--json"]);
    assert_eq!((aside.len(), &aside[0]["uid"]), (1, &2.into()), "{aside:?}");
    assert!(aside[0]["reason"].as_str().unwrap().contains("refuse"), "{aside:?}");
    nothing_lost(&world);
    relent(engine, &world).await;
    // Its bytes were kept: it need not be on the server any more.
    world.provider.mail.expunge(BCC, "INBOX", 2);
    world.trail.run(&["quarantine", "retry"]);
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 3]));
    assert!(world.trail.json(&["quarantine", "list", "--json"]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_message_that_the_database_refuses_is_set_aside_and_holds_up_none() {
    for engine in engines() {
        set_aside_and_logged_later(engine, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_that_the_database_refuses_is_set_aside_and_holds_up_none() {
    for engine in engines() {
        set_aside_and_logged_later(engine, LARGE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_a_new_uidvalidity_judges_the_bytes_that_were_kept() {
    for engine in engines() {
        let world = World::plain(engine).await;
        refuse(engine, &world, "Offer 1@ours.example").await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["parse-error"]);
        world.provider.mail.renumber(BCC, "INBOX", 4711);
        relent(engine, &world).await;
        world.trail.run(&["quarantine", "retry"]);
        assert_eq!((world.codes(), world.logged()), (vec!["logged".to_owned()], vec!["1@ours.example".to_owned()]));
        // Under its new number it is the same mail.
        world.sync();
        let mut codes = world.codes();
        codes.sort();
        assert_eq!(codes, ["duplicate", "logged"]);
        assert_eq!(world.activities().len(), 1);
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_a_new_uidvalidity_takes_no_other_message_for_the_one_it_never_had() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for id in ["1@ours.example", "2@ours.example"] {
            world.deliver(mail(id, CARLA, ""));
        }
        let body = provider::When::verb("UID FETCH").uid(1).containing("BODY.PEEK[]").always();
        world.provider.mail.inject(body, provider::Fault::No("[SERVERBUG] Internal error occurred.".to_owned()));
        world.sync();
        assert_eq!(world.codes(), ["parse-error", "logged"]);
        world.provider.mail.clear_faults();
        world.provider.mail.expunge(BCC, "INBOX", 1);
        world.provider.mail.expunge(BCC, "INBOX", 2);
        world.provider.mail.renumber(BCC, "INBOX", 4711);
        world.provider.mail.deliver_uid(BCC, "INBOX", mail("other@ours.example", CARLA, ""), 1);
        let told = world.trail.fails(1, &["quarantine", "retry"]);
        assert!(told.contains("UIDVALIDITY has changed"), "{told}");
        assert_eq!(world.logged(), ["2@ours.example"]);
        assert_eq!(world.trail.json(&["quarantine", "list", "--json"]).len(), 1);
        world.sync();
        assert_eq!(world.logged(), ["2@ours.example", "other@ours.example"]);
        nothing_lost(&world);
    }
}
