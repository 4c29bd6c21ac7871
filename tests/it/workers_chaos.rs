//! Workers that are killed and stopped at random while mail arrives.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::faults::{Started, nothing_lost};
use crate::support::mail::chance::Chance;
use crate::support::postgres::Database;
use crate::support::world::{World, strings};
use crate::workers::{deliver, number, start, wait_until, world};

const MAILBOXES: usize = 5;
const ROUNDS: usize = 10;
const MAILS_A_ROUND: usize = 30;

/// Lets `count` workers read while one after the other is killed or stopped. The ids of what was delivered.
async fn trouble(world: &World, count: usize, seed: u64) -> BTreeSet<String> {
    let chance = &mut Chance::of(seed, 0);
    let mut workers: Vec<Started> = (0..count).map(|_| start(world)).collect();
    let mut delivered = BTreeSet::new();
    for round in 0..ROUNDS {
        for n in 0..MAILS_A_ROUND {
            let id = format!("{round}.{n}@ours.example");
            deliver(world, chance.below(MAILBOXES), &id);
            delivered.insert(format!("<{id}>"));
            tokio::time::sleep(Duration::from_millis(chance.below(15) as u64)).await;
        }
        let victim = chance.below(count);
        if round % 2 == 0 {
            // For a part of a life, or for more than one.
            workers[victim].tell("STOP");
            tokio::time::sleep(Duration::from_millis(200 + chance.below(3_000) as u64)).await;
            workers[victim].tell("CONT");
        } else {
            std::mem::replace(&mut workers[victim], start(world)).kill();
        }
    }
    wait_until("every mail has its verdict", || number(world, "select count(*) from sighting") == delivered.len());
    for worker in workers {
        let ended = worker.terminate();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    delivered
}

async fn survives(count: usize, seed: u64) {
    if !Database::available() {
        return;
    }
    let world = world(MAILBOXES, 1).await;
    let delivered = trouble(&world, count, seed).await;
    let logged = world.logged();
    assert_eq!(logged.len(), delivered.len(), "something was logged twice, or not at all");
    let ids: BTreeSet<String> = logged.into_iter().map(|id| format!("<{}>", id.trim_matches(['<', '>']))).collect();
    assert_eq!(ids, delivered);
    assert!(world.codes().iter().all(|code| code == "logged"), "{:?}", world.codes());
    assert_eq!(strings(&serde_json::json!(world.contacts())), ["carla@customer.example"]);
    assert_eq!(number(&world, "select count(*) from worker where expires_at > clock_timestamp()"), 0);
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_are_killed_and_stopped_at_random_lose_nothing_and_log_nothing_twice() {
    survives(2, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_that_are_killed_and_stopped_at_random_lose_nothing_and_log_nothing_twice() {
    survives(3, 5).await;
}
