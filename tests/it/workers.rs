//! Several processes share the accounts of one PostgreSQL.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use provider::{Fault, Profile, When};

use crate::faults_database::Gate;
use crate::support::faults::{Started, database_url, nothing_lost};
use crate::support::postgres::Database;
use crate::support::world::{Engine, World, mail};

/// A world with this many BCC mailboxes; leases last so many seconds.
pub async fn world(mailboxes: usize, life: u32) -> World {
    let more = format!("database.wait_seconds = 3\n[worker]\nlease_seconds = {life}\nbackoff_max_seconds = 1\n");
    let world = World::new(Engine::Postgres, Profile::Plain, &more).await;
    (1..mailboxes).for_each(|n| world.add_account(&["--kind", "bcc", "--provider", "imap"], &address(n)));
    world
}

/// The n-th mailbox.
pub fn address(n: usize) -> String {
    if n == 0 { crate::support::world::BCC.to_owned() } else { format!("bcc{n}@crm.example") }
}

pub fn deliver(world: &World, mailbox: usize, id: &str) {
    world.provider.mail.deliver(&address(mailbox), "INBOX", mail(id, "carla@customer.example", ""));
}

pub fn start(world: &World) -> Started {
    Started::new(world.trail.command(&["run"]))
}

/// What the database answers.
pub fn sql(world: &World, query: &str) -> String {
    world.trail.database().unwrap().query(query).trim().to_owned()
}

pub fn number(world: &World, query: &str) -> usize {
    sql(world, query).parse().unwrap()
}

/// How many accounts each living process holds.
fn held(world: &World) -> BTreeMap<u32, usize> {
    let rows = "select split_part(label, ':', 2), (select count(*) from lease where worker_id = worker.id) from worker \
        where expires_at > clock_timestamp()";
    let rows = sql(world, rows);
    let row = |row: &str| row.split_once('|').map(|(pid, held)| (pid.parse().unwrap(), held.parse().unwrap()));
    rows.lines().filter_map(row).collect()
}

/// Waits until it is so; how long that took.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
    began.elapsed()
}

fn wait_for_shares(world: &World, shares: &[(&Started, usize)]) -> Duration {
    let wanted: BTreeMap<u32, usize> = shares.iter().map(|(worker, held)| (worker.pid(), *held)).collect();
    wait_until(&format!("{wanted:?}"), || held(world) == wanted)
}

fn wait_for_activities(world: &World, count: usize) {
    wait_until("every mail is logged", || number(world, "select count(*) from activity") == count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_joins_gets_its_share_and_one_that_leaves_gives_it_back_at_once() {
    if !Database::available() {
        return;
    }
    let life = 6;
    let world = world(6, life).await;
    let first = start(&world);
    wait_for_shares(&world, &[(&first, 6)]);
    let second = start(&world);
    let took = wait_for_shares(&world, &[(&first, 3), (&second, 3)]);
    assert!(took < Duration::from_secs(life.into()), "{took:?}");
    // Three accounts moved, and no more.
    assert_eq!(number(&world, "select sum(epoch) from lease"), 9);
    (0..6).for_each(|mailbox| deliver(&world, mailbox, &format!("{mailbox}@ours.example")));
    wait_for_activities(&world, 6);

    let ended = tokio::task::spawn_blocking(|| first.terminate()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let took = wait_for_shares(&world, &[(&second, 6)]);
    assert!(took < Duration::from_secs(u64::from(life) / 2), "{took:?} is longer than at once");
    (0..6).for_each(|mailbox| deliver(&world, mailbox, &format!("again{mailbox}@ours.example")));
    wait_for_activities(&world, 12);
    second.terminate();
    assert_eq!(number(&world, "select count(*) from worker"), 0);
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_of_a_killed_worker_are_others_within_two_lives() {
    if !Database::available() {
        return;
    }
    let life = 4;
    let world = world(4, life).await;
    let (first, second) = (start(&world), start(&world));
    wait_for_shares(&world, &[(&first, 2), (&second, 2)]);
    first.kill();
    let took = wait_until("taken over", || held(&world) == BTreeMap::from([(second.pid(), 4)]));
    println!("taken over {took:?} after SIGKILL; leases last {life} s");
    assert!(took <= Duration::from_secs(2 * u64::from(life)), "{took:?}");
    (0..4).for_each(|mailbox| deliver(&world, mailbox, &format!("{mailbox}@ours.example")));
    wait_for_activities(&world, 4);
    second.terminate();
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_that_wakes_after_its_lease_has_lost_it() {
    if !Database::available() {
        return;
    }
    let world = world(1, 2).await;
    let stopped = start(&world);
    wait_for_shares(&world, &[(&stopped, 1)]);
    // It is stopped with the mail on its way.
    let slow = Fault::Slow(Duration::from_millis(500));
    world.provider.mail.inject(When::verb("UID FETCH").containing("BODY.PEEK[]"), slow);
    deliver(&world, 0, "1@ours.example");
    world.provider.mail.wait_for_command(|command| command.line.contains("BODY.PEEK[]")).await;
    stopped.tell("STOP");
    let other = start(&world);
    wait_for_activities(&world, 1);
    assert_eq!(held(&world), BTreeMap::from([(other.pid(), 1)]));
    let row = sql(&world, "select worker_id, epoch from lease");
    assert!(row.ends_with("|2"), "{row}");
    stopped.tell("CONT");
    // As somebody else it works on.
    wait_until("it is back", || held(&world).len() == 2);
    deliver(&world, 0, "2@ours.example");
    wait_for_activities(&world, 2);
    assert_eq!(sql(&world, "select worker_id, epoch from lease"), row, "the lease stays where it is");
    assert_eq!(sql(&world, "select coalesce(reason, '-'), failures, state from account"), "-|0|active");
    let ended = stopped.terminate();
    assert!(ended.err.contains("could not be renewed in time"), "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    other.terminate();
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_account_is_given_back_and_a_resumed_or_new_one_is_taken_within_seconds() {
    if !Database::available() {
        return;
    }
    let world = world(2, 30).await;
    let worker = start(&world);
    wait_for_shares(&world, &[(&worker, 2)]);
    world.trail.run(&["account", "pause", &address(1)]);
    wait_for_shares(&world, &[(&worker, 1)]);
    world.trail.run(&["account", "resume", &address(1)]);
    let took = wait_for_shares(&world, &[(&worker, 2)]);
    world.add_account(&["--kind", "bcc", "--provider", "imap"], &address(2));
    let added = wait_for_shares(&world, &[(&worker, 3)]);
    assert!(took.max(added) < Duration::from_secs(6), "{took:?}, {added:?}");
    (0..3).for_each(|mailbox| deliver(&world, mailbox, &format!("{mailbox}@ours.example")));
    wait_for_activities(&world, 3);
    worker.terminate();
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_go_on_when_the_database_was_away_for_longer_than_a_life() {
    if !Database::available() {
        return;
    }
    let world = world(4, 2).await;
    let gate = Gate::before(&database_url(&world.trail)).await;
    let through = || {
        let mut command = world.trail.command(&["run"]);
        command.env("MAILTRAIL_DATABASE__URL", gate.url(&database_url(&world.trail)));
        Started::new(command)
    };
    let (first, second) = (through(), through());
    wait_for_shares(&world, &[(&first, 2), (&second, 2)]);
    gate.set(false);
    (0..4).for_each(|mailbox| deliver(&world, mailbox, &format!("{mailbox}@ours.example")));
    wait_until("all have expired", || held(&world).is_empty());
    gate.set(true);
    wait_for_activities(&world, 4);
    wait_for_shares(&world, &[(&first, 2), (&second, 2)]);
    for worker in [first, second] {
        let ended = worker.terminate();
        assert!(ended.err.contains("could not be renewed in time") && ended.code == Some(0), "{ended:?}");
    }
    nothing_lost(&world);
}
