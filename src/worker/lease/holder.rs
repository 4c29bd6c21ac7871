//! Keeps this process's leases: renews its row, takes what is free, gives away what is too much.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::balance::balance;
use super::{Leases, Shared, ear};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// How often it is asked for free accounts where the database does not tell of them.
const ASKS_EVERY: Duration = Duration::from_secs(2);

/// What happens at the same time is looked at once.
const TOGETHER: Duration = Duration::from_millis(200);

/// How long the database may take to note that this worker leaves; if it takes longer the leases expire.
const FAREWELL: Duration = Duration::from_secs(5);

/// Between two looks over all accounts by the worker that is there longest.
const MENDS_EVERY: Duration = Duration::from_secs(600);

/// The task that holds the leases.
pub(in crate::worker) struct Holder(Option<(JoinHandle<()>, CancellationToken)>);

impl Holder {
    /// Begins to hold `leases`, each of which lasts `life` unless it is renewed. With `stop` it gives them away.
    pub(in crate::worker) fn begin(
        leases: &Leases,
        store: Store,
        clock: Clock,
        life: Duration,
        stop: CancellationToken,
    ) -> Self {
        let Some(shared) = leases.0.clone() else { return Self(None) };
        let left = CancellationToken::new();
        let keeper = Keeper { store, clock, shared, life, stop, left: left.clone() };
        Self(Some((tokio::spawn(keeper.keep()), left)))
    }

    /// Leaves: what is still held is free at once.
    pub(in crate::worker) async fn end(self) {
        let Some((task, left)) = self.0 else { return };
        left.cancel();
        if task.await.is_err() {
            tracing::warn!("the task that holds the leases ended in a panic; they expire");
        }
    }
}

struct Keeper {
    store: Store,
    clock: Clock,
    shared: Arc<Shared>,
    life: Duration,
    stop: CancellationToken,
    left: CancellationToken,
}

/// How a worker's life ended.
enum End {
    /// It was not renewed in time: others may have its accounts.
    Expired,
    Left,
}

/// A worker as it stands in the database.
struct Alive {
    id: Uuid,
    /// Until when nobody can have taken over: a life after the last renewal began, by our own clock.
    until: Instant,
    renew_at: Instant,
    mended: Option<Instant>,
}

impl Keeper {
    async fn keep(self) {
        let ear = tokio::spawn(ear::listen(self.store.clone(), Arc::clone(&self.shared)));
        while let Some(mut alive) = self.enter().await {
            self.shared.become_worker(Some(alive.id));
            let end = self.live(&mut alive).await;
            self.shared.become_worker(None);
            match end {
                End::Left => {
                    self.leave(alive.id).await;
                    break;
                }
                End::Expired => {
                    tracing::warn!("the leases could not be renewed in time; all accounts are stopped until they can");
                }
            }
        }
        ear.abort();
    }

    /// Begins a worker, as soon as the database takes one.
    async fn enter(&self) -> Option<Alive> {
        let label = label();
        loop {
            let (id, began) = (self.clock.id(), Instant::now());
            let until = began + self.life;
            let entered = tokio::select! {
                () = self.left.cancelled() => return None,
                entered = timeout_at(until, self.store.enter(id, &label, self.life.as_secs_f64())) => entered,
            };
            match entered {
                Ok(Ok(())) => {
                    tracing::info!(worker = %id, "shares the accounts of this database");
                    return Some(Alive { id, until, renew_at: began, mended: None });
                }
                Ok(Err(error)) => tracing::warn!(%error, "no accounts can be taken yet"),
                Err(_) => tracing::warn!("no accounts can be taken yet: the database does not answer"),
            }
            tokio::select! {
                () = self.left.cancelled() => return None,
                () = sleep(self.clock.jittered(ASKS_EVERY.min(self.life / 3))) => {}
            }
        }
    }

    async fn live(&self, alive: &mut Alive) -> End {
        loop {
            let round = timeout_at(alive.until, self.round(alive));
            let done = tokio::select! {
                biased;
                () = self.left.cancelled() => return End::Left,
                done = round => done,
            };
            match done {
                Ok(Err(StoreError::LeaseLost)) => return End::Expired,
                // Where it was renewed meanwhile, the rest comes in the next round.
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the leases cannot be looked after");
                    self.shared.look.store(true, Ordering::Relaxed);
                    sleep((self.life / 30).min(ASKS_EVERY)).await;
                }
            }
            let asks = if self.shared.hears.load(Ordering::Relaxed) { self.life } else { ASKS_EVERY };
            tokio::select! {
                biased;
                () = self.left.cancelled() => return End::Left,
                () = sleep_until(alive.renew_at.min(alive.until).min(Instant::now() + asks)) => {}
                () = self.told() => {}
            }
            if Instant::now() >= alive.until {
                return End::Expired;
            }
        }
    }

    async fn round(&self, alive: &mut Alive) -> Result<(), StoreError> {
        let began = Instant::now();
        let due = began >= alive.renew_at;
        if due {
            if !self.store.renew(alive.id, self.life.as_secs_f64()).await? {
                return Err(StoreError::LeaseLost);
            }
            (alive.until, alive.renew_at) = (began + self.life, began + self.life / 3);
        }
        let woken = self.shared.look.swap(false, Ordering::Relaxed);
        if due || woken || self.store.free(1).await? > 0 {
            self.look(alive.id).await?;
        }
        if due { self.mend(alive).await } else { Ok(()) }
    }

    async fn told(&self) {
        if !self.stop.is_cancelled() {
            tokio::select! {
                () = self.shared.wake.notified() => {}
                () = self.stop.cancelled() => self.shared.look.store(true, Ordering::Relaxed),
            }
        } else {
            self.shared.wake.notified().await;
        }
        sleep(TOGETHER.min(self.life / 10)).await;
    }

    /// Compares what is held with the database, gives back what has ended, and takes or gives what is uneven.
    async fn look(&self, me: Uuid) -> Result<(), StoreError> {
        let ended = self.shared.agree(self.store.leases_of(me).await?);
        if !ended.is_empty() {
            self.store.release(me, &ended).await?;
            tracing::info!(accounts = ended.len(), "given back");
            self.shared.agree(self.store.leases_of(me).await?);
        }
        if self.stop.is_cancelled() {
            return self.give(me, usize::MAX).await;
        }
        let mut workers = self.store.workers().await?;
        if workers.expired {
            let freed = self.store.bury().await?;
            if freed > 0 {
                tracing::warn!(accounts = freed, "another worker has died; its accounts are free");
            }
            workers = self.store.workers().await?;
        }
        // What is about to go is counted as gone.
        let leaving = self.shared.leaving();
        workers.alive.iter_mut().filter(|(id, _)| *id == me).for_each(|(_, held)| *held = held.saturating_sub(leaving));
        let step = balance(me, &workers.alive, workers.free + leaving);
        if step.take > 0 && workers.free > 0 {
            let taken = self.store.claim(me, step.take).await?;
            self.shared.agree(self.store.leases_of(me).await?);
            tracing::info!(accounts = taken, "taken");
        }
        self.give(me, step.give).await
    }

    /// Gives accounts away; those without a task at once.
    async fn give(&self, me: Uuid, count: usize) -> Result<(), StoreError> {
        if count == 0 {
            return Ok(());
        }
        self.shared.give(count);
        let idle = self.shared.agree(self.store.leases_of(me).await?);
        if !idle.is_empty() {
            self.store.release(me, &idle).await?;
            self.shared.agree(self.store.leases_of(me).await?);
        }
        Ok(())
    }

    /// The worker that is there longest sees to it that every account has a lease.
    async fn mend(&self, alive: &mut Alive) -> Result<(), StoreError> {
        if alive.mended.is_some_and(|at| at.elapsed() < MENDS_EVERY) {
            return Ok(());
        }
        alive.mended = Some(Instant::now());
        let workers = self.store.workers().await?;
        if workers.alive.first().is_some_and(|(id, _)| *id == alive.id) {
            let accounts = self.store.mend_leases().await?;
            if accounts > 0 {
                tracing::warn!(accounts, "leases that did not agree with their accounts are mended");
            }
        }
        Ok(())
    }

    async fn leave(&self, id: Uuid) {
        match tokio::time::timeout(FAREWELL, self.store.leave(id)).await {
            Ok(Ok(())) => tracing::info!("the accounts are free for other workers"),
            Ok(Err(error)) => tracing::warn!(%error, "the leases cannot be given back; they expire"),
            Err(_) => tracing::warn!("the leases cannot be given back in time; they expire"),
        }
    }
}

/// How people find the process.
fn label() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}
