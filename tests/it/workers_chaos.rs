//! Workers that are killed and stopped at random while mail arrives.

use std::collections::BTreeSet;
use std::time::Duration;

use provider::Profile;

use crate::support::faults::{Started, nothing_lost, once};
use crate::support::inbox::{ANNA, Desk, reply};
use crate::support::mail::chance::Chance;
use crate::support::postgres::Database;
use crate::support::world::{Engine, World, strings};
use crate::workers::{deliver, number, sql, start, wait_until, world};

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

#[tokio::test(flavor = "multi_thread")]
async fn rounds_by_hand_beside_a_service_lose_nothing_and_log_nothing_twice() {
    if !Database::available() {
        return;
    }
    let world = world(MAILBOXES, 2).await;
    let service = start(&world);
    for round in 0..4 {
        for n in 0..40 {
            deliver(&world, n % MAILBOXES, &format!("{round}.{n}@ours.example"));
        }
        // The one that is late to commit a batch is told so.
        let ended = once(&world.trail);
        assert!(ended.code == Some(0) || ended.err.contains("another worker reads this mailbox"), "{ended:?}");
    }
    wait_until("every mail has its verdict", || number(&world, "select count(*) from sighting") == 160);
    assert_eq!(service.terminate().code, Some(0));
    assert_eq!(world.activities().len(), 160);
    assert!(world.codes().iter().all(|code| code == "logged"));
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waited_for_its_conversation_is_judged_again_by_the_worker_that_holds_its_inbox() {
    if !Database::available() {
        return;
    }
    let desk = Desk::with(Engine::Postgres, Profile::Plain, "[worker]\nlease_seconds = 6\n").await;
    let workers = [start(&desk), start(&desk)];
    wait_until("each has one account", || number(&desk, "select count(*) from worker where held = 1") == 2);
    desk.receive(reply("2@c.example", "Re: Offer 1@ours.example", "1@ours.example"));
    wait_until("it waits", || number(&desk, "select count(*) from pending_reference") > 0);
    desk.log_by_bcc("1@ours.example");
    wait_until("both are logged", || number(&desk, "select count(*) from activity") == 2);
    let holder = "select split_part(label, ':', 2), account.id from worker join lease on worker_id = worker.id \
        join account on account.id = account_id where address =";
    let row = sql(&desk, &format!("{holder} '{ANNA}'"));
    let (holder, inbox) = row.split_once('|').unwrap();
    for worker in workers {
        let holds = worker.pid().to_string() == holder;
        let ended = worker.terminate();
        let judged = ended.err.lines().any(|line| line.contains("judged again") && line.contains(inbox));
        assert_eq!(judged, holds, "{ended:?}");
    }
    nothing_lost(&desk);
}
