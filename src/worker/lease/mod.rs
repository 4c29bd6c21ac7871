//! Which accounts this process reads: all of them, or on PostgreSQL those whose leases it holds.
//!
//! `holder` keeps the leases; `balance` says how many they should be. A lease ends in the database first or here first:
//! whoever writes brings the [`Fence`] it was given, and the transaction looks whether that still stands.

mod balance;
mod ear;
mod holder;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(super) use self::holder::Holder;
use crate::store::leases::{Fence, Held, Lease};

/// What is held. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Leases(Option<Arc<Shared>>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something for the supervisor: accounts came, or one that is held was changed.
    news: Notify,
    /// Something for the holder.
    wake: Notify,
    /// The holder is to look at everything.
    look: AtomicBool,
    /// An account that is held was changed.
    changed: AtomicBool,
    /// The database tells changes by itself.
    hears: AtomicBool,
}

#[derive(Default)]
struct State {
    worker: Option<Uuid>,
    held: HashMap<Uuid, Lease>,
    /// Those of them that are to be given back as soon as their tasks have ended.
    giving: HashSet<Uuid>,
    tasks: HashMap<Uuid, CancellationToken>,
    /// Grows when accounts come.
    version: u64,
}

impl Leases {
    /// Of a process that shares the accounts with nobody, or works without leases.
    pub fn alone() -> Self {
        Self(None)
    }

    /// None yet, of a process that shares the accounts.
    pub(super) fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    /// Under what this process may write about an account; `None` if another one reads it.
    pub fn holds(&self, account: Uuid) -> Option<Fence> {
        let Some(shared) = &self.0 else { return Some(Fence::Open) };
        shared.state().at_work(account).map(Fence::Lease)
    }

    /// How many accounts are held; `None` where there are no leases.
    pub fn count(&self) -> Option<usize> {
        self.0.as_ref().map(|shared| shared.state().held.len())
    }

    /// As whom this process holds leases. `None` where there are none, or while it cannot hold any.
    pub fn worker(&self) -> Option<Uuid> {
        self.0.as_ref().and_then(|shared| shared.state().worker)
    }

    /// Whether there are leases at all.
    pub fn is_shared(&self) -> bool {
        self.0.is_some()
    }

    /// A task begins to read an account, and ends with `stop`. `None` if the account is not held.
    pub(super) fn begin(&self, account: Uuid, stop: &CancellationToken) -> Option<Tenure> {
        let Some(shared) = &self.0 else { return Some(Tenure { fence: Fence::Open, of: None }) };
        let mut state = shared.state();
        let lease = state.at_work(account)?;
        state.tasks.insert(account, stop.clone());
        Some(Tenure { fence: Fence::Lease(lease), of: Some((Arc::clone(shared), account)) })
    }

    /// Notes that the database refused to write under this lease.
    pub(super) fn lost(&self, fence: Fence) {
        let (Some(shared), Fence::Lease(lease)) = (&self.0, fence) else { return };
        let mut state = shared.state();
        if state.held.get(&lease.account) == Some(&lease) {
            state.forget(lease.account);
        }
        drop(state);
        shared.look();
    }

    /// Something that only changes when accounts come.
    pub(super) fn version(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.state().version)
    }

    /// Whether an account that is held was changed since this was last asked.
    pub(super) fn changed(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.changed.swap(false, Ordering::Relaxed))
    }

    /// Whether the database tells changes by itself, so that it need not be asked all the time.
    pub(super) fn hears(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.hears.load(Ordering::Relaxed))
    }

    /// Waits until accounts come, or one that is held is changed.
    pub(super) async fn news(&self) {
        match &self.0 {
            Some(shared) => shared.news.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the holder look at everything.
    fn look(&self) {
        self.look.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// A new worker, or none for a while: what was held is held no more.
    fn become_worker(&self, worker: Option<Uuid>) {
        let mut state = self.state();
        state.worker = worker;
        for account in state.held.keys().copied().collect::<Vec<_>>() {
            state.forget(account);
        }
        drop(state);
        self.news.notify_one();
    }

    /// Takes over what the database says is held. Says what is ready to be given back.
    fn agree(&self, held: Vec<Held>) -> Vec<Uuid> {
        let mut state = self.state();
        let before = state.version;
        let there: HashMap<Uuid, Lease> = held.iter().map(|held| (held.lease.account, held.lease)).collect();
        let gone = state.held.values().filter(|lease| there.get(&lease.account) != Some(*lease));
        for account in gone.map(|lease| lease.account).collect::<Vec<_>>() {
            state.forget(account);
        }
        for Held { lease, wanted } in held {
            if state.held.insert(lease.account, lease).is_none() {
                state.version += 1;
            }
            if !wanted {
                state.give(lease.account);
            }
        }
        let ended = state.giving.iter().filter(|account| !state.tasks.contains_key(account));
        let ended = ended.copied().collect();
        if state.version != before {
            self.news.notify_one();
        }
        ended
    }

    /// Gives so many accounts away, as soon as their tasks have ended.
    fn give(&self, count: usize) {
        let mut state = self.state();
        let chosen: Vec<Uuid> =
            state.held.keys().filter(|account| !state.giving.contains(account)).take(count).copied().collect();
        chosen.into_iter().for_each(|account| state.give(account));
    }

    /// How many are on their way out.
    fn leaving(&self) -> usize {
        self.state().giving.len()
    }
}

impl State {
    /// The lease of an account that is held, and not about to be given away.
    fn at_work(&self, account: Uuid) -> Option<Lease> {
        self.held.get(&account).filter(|_| !self.giving.contains(&account)).copied()
    }

    fn give(&mut self, account: Uuid) {
        self.giving.insert(account);
        self.stop(account);
    }

    fn forget(&mut self, account: Uuid) {
        self.held.remove(&account);
        self.giving.remove(&account);
        self.stop(account);
    }

    fn stop(&self, account: Uuid) {
        if let Some(task) = self.tasks.get(&account) {
            task.cancel();
        }
    }
}

/// Held by an account's task as long as it runs: a lease is given back only after it.
pub(super) struct Tenure {
    fence: Fence,
    of: Option<(Arc<Shared>, Uuid)>,
}

impl Tenure {
    /// Under what the task writes.
    pub(super) fn fence(&self) -> Fence {
        self.fence
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        let Some((shared, account)) = &self.of else { return };
        let mut state = shared.state();
        state.tasks.remove(account);
        let given = state.giving.contains(account);
        drop(state);
        if given {
            shared.look();
        }
        // Its successor may begin.
        shared.news.notify_one();
    }
}

#[cfg(test)]
#[path = "simulation_tests.rs"]
mod simulation;
