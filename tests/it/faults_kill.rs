//! `kill -9` at random moments of an ingest, started again until it is done.

use std::time::Duration;

use mailtrail::store::{Options, Store};
use provider::Profile;
use sea_orm::EntityTrait;

use crate::support::faults::{Started, database_url, nothing_lost, state};
use crate::support::mail::chance::Chance;
use crate::support::mail::{Cast, Sample, cast, samples};
use crate::support::world::{BCC, Engine, World, engines};

const MAILS: u64 = 240;
const KILLS: usize = 8;

fn cast() -> Cast {
    Cast { log_address: BCC.to_owned(), users: 6, customers: 60 }
}

async fn world(engine: Engine, mails: &[Sample]) -> World {
    // Small commits, so that many moments lie between two of them.
    let world = World::new(
        engine,
        Profile::Plain,
        "[worker]\nbatch_messages = 10\nbatch_bytes = 200000\nslice_bytes = 200000\nmemory_bytes = 400000\n",
    )
    .await;
    let cast = cast();
    world.trail.import("users", &cast.users_csv());
    world.trail.import("companies", &cast.companies_csv());
    world.trail.import("contacts", &cast.contacts_csv());
    world.trail.import("deals", &cast.deals_csv());
    world.trail.run(&["never-log", "add", cast::NEVER_LOG]);
    for mail in mails {
        world.deliver(&mail.raw);
    }
    world
}

/// Starts the program again and again; each time it may move the cursor as far, and then go on as long, as chance
/// decides. Says where the cursor stood each time.
async fn ingest_with_kills(world: &World, seed: u64) -> Vec<i64> {
    let chance = &mut Chance::of(seed, 0);
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    let mut stops = vec![0];
    for _ in 0..KILLS {
        let last = stops.last().copied().unwrap_or(0);
        let target = last + i64::try_from(chance.below(60)).unwrap();
        let mut started = Started::new(world.trail.command(&["run", "--once"]));
        while started.runs() && cursor(&store).await < target {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(chance.below(150) as u64)).await;
        let ended = !started.runs();
        started.kill();
        if ended {
            break;
        }
        stops.push(cursor(&store).await);
    }
    store.close().await.unwrap();
    world.sync();
    stops
}

async fn cursor(store: &Store) -> i64 {
    entity::mailbox::Entity::find().one(&store.db).await.unwrap().map_or(0, |mailbox| mailbox.cursor)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_is_killed_again_and_again_ends_like_an_undisturbed_one() {
    let mails: Vec<Sample> = samples(&cast(), 7, MAILS).collect();
    for engine in engines() {
        let undisturbed = world(engine, &mails).await;
        undisturbed.sync();
        let disturbed = world(engine, &mails).await;
        let stops = ingest_with_kills(&disturbed, 11).await;
        let between = stops.iter().filter(|cursor| (1..i64::try_from(MAILS).unwrap()).contains(*cursor)).count();
        assert!(between >= 2, "killed at {stops:?}: not in the middle of the work");
        assert_eq!(state(&disturbed.trail), state(&undisturbed.trail));
        nothing_lost(&disturbed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_is_told_to_stop_ends_well_and_leaves_no_hole() {
    let mails: Vec<Sample> = samples(&cast(), 7, MAILS).collect();
    for engine in engines() {
        let world = world(engine, &mails).await;
        let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
        let mut started = Started::new(world.trail.command(&["run"]));
        while started.runs() && cursor(&store).await < 20 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let ended = tokio::task::spawn_blocking(|| started.terminate()).await.unwrap();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.err.contains("unfinished"), "{ended:?}");
        let reached = cursor(&store).await;
        assert!((20..i64::try_from(MAILS).unwrap()).contains(&reached), "stopped at {reached}");
        store.close().await.unwrap();
        let audits = world.trail.json(&["audit", "--json"]);
        assert!(audits.iter().all(|audit| audit["holes"] == serde_json::json!([])), "{audits:?}");
        world.sync();
        nothing_lost(&world);
    }
}
