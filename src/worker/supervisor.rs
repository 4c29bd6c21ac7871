//! Which accounts have a task: each of those in the database that are to be read, one.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::account;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Worker;
use crate::store::watching::Glance;

/// How often all accounts are read, for what does not show at a glance: other settings.
const ALL_ACCOUNTS_EVERY: Duration = Duration::from_secs(20);

/// Starts and stops the accounts' tasks as the database says.
pub(super) struct Supervisor {
    worker: Worker,
    watched: HashMap<Uuid, Watched>,
    shared: Shared,
    stop: CancellationToken,
    tracker: TaskTracker,
    glance: Option<Vec<Glance>>,
    /// When all accounts were last read.
    read: Option<Instant>,
}

impl Supervisor {
    /// Its tasks end with `stop`, and are seen off by `tracker`.
    pub(super) fn new(worker: Worker, stop: CancellationToken, tracker: TaskTracker) -> Self {
        let room = Arc::new(Semaphore::new(worker.config.worker.concurrent_accounts.max(1)));
        let shared = Shared { room, quiet: Arc::default() };
        Self { worker, watched: HashMap::new(), shared, stop, tracker, glance: None, read: None }
    }

    /// Looks whether accounts came, went, were changed or mended, and whether their tasks still run.
    pub(super) async fn look(&mut self) {
        let store = &self.worker.store;
        let quiet = std::mem::take(&mut *self.shared.quiet());
        if let Err(error) = store.succeeded_quietly(quiet, &self.worker.clock).await {
            tracing::warn!(%error, "that accounts were read could not be written");
        }
        let now = store.accounts_at_a_glance().await.ok();
        let ended = self.watched.values().any(|running| running.task.is_finished());
        let read_lately = self.read.is_some_and(|at| at.elapsed() < ALL_ACCOUNTS_EVERY);
        if !ended && read_lately && now.is_some() && now == self.glance {
            return;
        }
        match store.watched().await {
            Ok(accounts) => {
                self.reconcile(accounts);
                (self.glance, self.read) = (now, Some(Instant::now()));
            }
            Err(error) => tracing::warn!(%error, "the list of accounts cannot be read"),
        }
    }

    /// Starts what was added, changed, mended or has ended, stops what was removed, paused or changed. A task that is told
    /// to stop ends before the account gets another.
    fn reconcile(&mut self, accounts: Vec<account::Model>) {
        let wanted: HashMap<Uuid, account::Model> = accounts.into_iter().map(|account| (account.id, account)).collect();
        self.watched.retain(|id, running| match wanted.get(id) {
            Some(account) if running.fits(account) => {
                running.account.clone_from(account);
                true
            }
            _ => {
                running.stop.cancel();
                !running.task.is_finished()
            }
        });
        for (id, account) in wanted {
            self.watched.entry(id).or_insert_with(|| {
                let (stop, parked) = (self.stop.child_token(), Parked::default());
                let (worker, shared) = (self.worker.clone(), self.shared.clone());
                let watch = worker.watch(account.clone(), shared, stop.clone(), Arc::clone(&parked));
                Watched { account, stop, parked, task: self.tracker.spawn(watch) }
            });
        }
    }
}

/// What the accounts' tasks share.
#[derive(Clone)]
pub(super) struct Shared {
    /// Places for those that are busy.
    pub(super) room: Arc<Semaphore>,
    /// Those that were read without news: all of them are noted with one statement.
    quiet: Arc<Mutex<HashSet<Uuid>>>,
}

impl Shared {
    pub(super) fn quiet(&self) -> std::sync::MutexGuard<'_, HashSet<Uuid>> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an account's task waits for a person.
pub(super) type Parked = Arc<AtomicBool>;

/// An account that is being watched.
struct Watched {
    /// The row as it was last seen.
    account: account::Model,
    stop: CancellationToken,
    parked: Parked,
    task: JoinHandle<()>,
}

impl Watched {
    /// Whether the task may go on as it is.
    fn fits(&self, account: &account::Model) -> bool {
        let waits = self.parked.load(Ordering::Relaxed);
        let mended = waits && account.state == "active";
        // Somebody took the consent back: a session that still lives must not outlive it.
        let disconnected = !waits && self.account.state != account.state && account.state == "needs-reauth";
        !mended
            && !disconnected
            && !self.stop.is_cancelled()
            && !self.task.is_finished()
            && same_settings(account, &self.account)
    }
}

/// Whether an account is to be watched the same way: what a sync notes on it does not count.
fn same_settings(a: &account::Model, b: &account::Model) -> bool {
    let settings = |account: &account::Model| account::Model {
        last_success: None,
        connected_at: None,
        last_attempt: None,
        next_try: None,
        reason: None,
        failures: 0,
        state: String::new(),
        ..account.clone()
    };
    settings(a) == settings(b)
}
