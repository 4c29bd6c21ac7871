//! A thousand workers and a million accounts, by the second: the two tables in memory, and [`balance`] as the workers ask it.

use std::collections::BTreeMap;
use std::time::Instant;

use uuid::Uuid;

use super::balance::balance;

const ACCOUNTS: usize = 1_000_000;
const WORKERS: u64 = 1_000;
const LIFE: u32 = 30;
const RENEWS: u32 = LIFE / 3;
/// Seconds in which a task ends that is told to.
const ENDS: u32 = 2;
/// Free leases counted at most, as in the store.
const COUNTED: usize = 100_000;

/// What a worker's process knows.
struct Worker {
    held: Vec<u32>,
    /// Accounts whose tasks are ending, and when they have.
    giving: Vec<(u32, u32)>,
    renews_at: u32,
    /// Neither runs nor knows that it does not.
    paused: bool,
}

/// The database and the processes.
struct World {
    now: u32,
    /// `lease`: worker (0 is nobody) and epoch.
    leases: Vec<(u64, u32)>,
    free: Vec<u32>,
    /// `worker`: when a row expires, and its leases.
    rows: BTreeMap<u64, (u32, usize)>,
    workers: BTreeMap<u64, Worker>,
    next: u64,
    /// What killed processes held.
    graves: BTreeMap<u64, Vec<u32>>,
    /// Since when an account has no live holder.
    orphans: Vec<u32>,
    heartbeats: u64,
    given: u64,
    looks: u64,
}

impl World {
    fn new() -> Self {
        let free = (0..ACCOUNTS as u32).collect();
        Self {
            now: 0,
            leases: vec![(0, 0); ACCOUNTS],
            free,
            rows: BTreeMap::new(),
            workers: BTreeMap::new(),
            next: 1,
            graves: BTreeMap::new(),
            orphans: vec![0; ACCOUNTS],
            heartbeats: 0,
            given: 0,
            looks: 0,
        }
    }

    fn join(&mut self) {
        let (id, now) = (self.next, self.now);
        self.next += 1;
        self.rows.insert(id, (now + LIFE, 0));
        // Processes do not start in step.
        let renews_at = now + (id % u64::from(RENEWS)) as u32;
        self.workers.insert(id, Worker { held: Vec::new(), giving: Vec::new(), renews_at, paused: false });
    }

    /// The process is gone, its rows are not.
    fn crash(&mut self, id: u64) {
        let gone = self.workers.remove(&id).unwrap();
        let now = self.now;
        let held: Vec<u32> = gone.held.into_iter().chain(gone.giving.into_iter().map(|(account, _)| account)).collect();
        held.iter().for_each(|account| self.orphans[*account as usize] = now);
        self.graves.insert(id, held);
    }

    /// One second.
    fn tick(&mut self) {
        self.now += 1;
        let ids: Vec<u64> = self.workers.keys().copied().collect();
        for id in ids {
            let Some(worker) = self.workers.get(&id).filter(|worker| !worker.paused) else { continue };
            let ended = worker.giving.iter().any(|(_, at)| *at <= self.now);
            let due = worker.renews_at <= self.now;
            if ended {
                self.release(id);
            }
            if due && !self.renew(id) {
                continue;
            }
            let below = self.rows.get(&id).is_some_and(|(_, held)| *held < ACCOUNTS.div_ceil(self.rows.len()));
            if due || (below && !self.free.is_empty()) {
                self.look(id);
            }
        }
    }

    /// False if it was too late: the process begins anew.
    fn renew(&mut self, id: u64) -> bool {
        self.heartbeats += 1;
        let now = self.now;
        if self.rows.get(&id).is_none_or(|(expires, _)| *expires <= now) {
            self.workers.remove(&id);
            self.join();
            return false;
        }
        self.rows.get_mut(&id).unwrap().0 = now + LIFE;
        self.workers.get_mut(&id).unwrap().renews_at = now + RENEWS;
        true
    }

    fn release(&mut self, id: u64) {
        let (now, worker) = (self.now, self.workers.get_mut(&id).unwrap());
        let ended: Vec<u32> = worker.giving.extract_if(.., |(_, at)| *at <= now).map(|(account, _)| account).collect();
        for account in ended {
            if self.leases[account as usize].0 == id {
                self.leases[account as usize].0 = 0;
                self.orphans[account as usize] = now;
                self.free.push(account);
                self.rows.get_mut(&id).unwrap().1 -= 1;
            }
        }
    }

    fn look(&mut self, id: u64) {
        self.looks += 1;
        let now = self.now;
        let expired: Vec<u64> = self.rows.iter().filter(|(_, (at, _))| *at <= now).map(|(id, _)| *id).collect();
        expired.into_iter().take(16).for_each(|dead| self.bury(dead));
        let leaving = self.workers[&id].giving.len();
        let mut alive: Vec<(Uuid, usize)> = Vec::with_capacity(self.rows.len());
        let rows = self.rows.iter().filter(|(_, (at, _))| *at > now);
        alive.extend(rows.map(|(row, (_, held))| {
            (Uuid::from_u128(u128::from(*row)), if *row == id { *held - leaving } else { *held })
        }));
        let step = balance(Uuid::from_u128(u128::from(id)), &alive, self.free.len().min(COUNTED) + leaving);
        for _ in 0..step.take {
            let Some(account) = self.free.pop() else { break };
            self.take(id, account);
        }
        let worker = self.workers.get_mut(&id).unwrap();
        for _ in 0..step.give {
            let account = worker.held.pop().unwrap();
            worker.giving.push((account, now + ENDS));
            self.given += 1;
        }
    }

    fn take(&mut self, id: u64, account: u32) {
        let (worker, epoch) = self.leases[account as usize];
        assert_eq!(worker, 0, "an account is taken that is held");
        self.leases[account as usize] = (id, epoch + 1);
        self.rows.get_mut(&id).unwrap().1 += 1;
        self.workers.get_mut(&id).unwrap().held.push(account);
        let waited = self.now - self.orphans[account as usize];
        assert!(waited <= 2 * LIFE, "account {account} was read by nobody for {waited} s");
    }

    fn bury(&mut self, dead: u64) {
        self.rows.remove(&dead);
        let held = self.graves.remove(&dead).unwrap_or_else(|| {
            // A process that does not know it yet goes on holding them, in epochs that count no more.
            let stopped = &self.workers[&dead];
            assert!(stopped.paused, "a process that runs has expired");
            stopped.held.iter().copied().chain(stopped.giving.iter().map(|(account, _)| *account)).collect()
        });
        for account in held.into_iter().filter(|account| self.leases[*account as usize].0 == dead).collect::<Vec<_>>() {
            self.leases[account as usize].0 = 0;
            self.free.push(account);
        }
    }

    /// How much the shares of those who run differ.
    fn spread(&self) -> usize {
        let held = self.workers.values().filter(|worker| !worker.paused).map(|worker| worker.held.len());
        held.clone().max().unwrap() - held.min().unwrap()
    }

    fn settle(&mut self, seconds: u32) {
        (0..seconds).for_each(|_| self.tick());
        assert!(self.free.is_empty(), "{} accounts are free", self.free.len());
        assert!(self.workers.values().all(|worker| worker.giving.is_empty()), "somebody still gives");
        assert!(self.spread() <= 1, "shares differ by {}", self.spread());
        // Whom the table names holds it, and nobody else believes to.
        let held: usize = self.workers.values().filter(|worker| !worker.paused).map(|worker| worker.held.len()).sum();
        assert_eq!(held, ACCOUNTS);
        for (id, worker) in self.workers.iter().filter(|(_, worker)| !worker.paused) {
            assert!(worker.held.iter().all(|account| self.leases[*account as usize].0 == *id));
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what it comes to is in ARCHITECTURE.md")]
fn a_thousand_workers_share_a_million_accounts_through_joins_crashes_and_pauses() {
    let began = Instant::now();
    let mut world = World::new();
    (0..WORKERS).for_each(|_| world.join());
    world.settle(2 * LIFE);
    let (heartbeats, looks, from) = (world.heartbeats, world.looks, world.now);
    world.settle(3 * RENEWS);
    let a_second = |count: u64, since: u64, now: u32| (count - since) as f64 / f64::from(now - from);
    let beats = a_second(world.heartbeats, heartbeats, world.now);
    let looked = a_second(world.looks, looks, world.now);
    assert_eq!(world.given, 0, "nobody gives anything away while nothing happens");

    // One more.
    world.join();
    world.settle(LIFE);
    let given = world.given;
    let share = ACCOUNTS as u64 / (WORKERS + 1);
    assert!((share - 1..=share + WORKERS).contains(&given), "{given} moves for a share of {share}");

    // A twentieth is killed, and every account is with somebody else within two lives.
    (0..50).for_each(|n| world.crash(n * 20 + 1));
    world.settle(2 * LIFE);
    let after_crash = world.given - given;

    // Others stop, for less than a life and for more.
    let stopped: Vec<u64> = world.workers.keys().copied().step_by(40).collect();
    stopped.iter().for_each(|id| world.workers.get_mut(id).unwrap().paused = true);
    (0..LIFE / 2).for_each(|_| world.tick());
    let (woken, longer) = stopped.split_at(stopped.len() / 2);
    woken.iter().for_each(|id| world.workers.get_mut(id).unwrap().paused = false);
    // What is stopped for longer is an orphan from now on, as far as the others can know.
    let now = world.now;
    for id in longer {
        let held = world.workers[id].held.clone();
        held.iter().for_each(|account| world.orphans[*account as usize] = now);
    }
    let believed: Vec<(u64, u32, u32)> = longer
        .iter()
        .flat_map(|id| world.workers[id].held.iter().map(|account| (*id, *account)))
        .map(|(id, account)| (id, account, world.leases[account as usize].1))
        .collect();
    world.settle(2 * LIFE);
    // Each of them wakes in the belief that it holds what it held: the fence lets none of it through.
    let passes = |(id, account, epoch): &&(u64, u32, u32)| world.leases[*account as usize] == (*id, *epoch);
    assert_eq!(believed.iter().filter(passes).count(), 0);
    assert!(believed.len() > 10_000);
    longer.iter().for_each(|id| world.workers.get_mut(id).unwrap().paused = false);
    world.settle(LIFE);

    println!(
        "{WORKERS} workers, {ACCOUNTS} accounts, leases of {LIFE} s: {beats:.0} heartbeats/s, {looked:.0} looks/s at rest; \
         {given} moves for a worker that joins (its share is {share}), {after_crash} after 50 crashes; {:.1} s to simulate \
         {} s",
        began.elapsed().as_secs_f64(),
        world.now
    );
}
