//! Which accounts have a task: each of those that this process is to read, one.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::account;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Worker;
use super::running::Running;
use crate::store::StoreError;
use crate::store::watching::Glance;

/// How often all accounts are read, for what does not show at a glance: other settings.
const ALL_ACCOUNTS_EVERY: Duration = Duration::from_secs(20);

/// The same where the database tells of every change by itself.
const ALL_ACCOUNTS_SELDOM: Duration = Duration::from_secs(120);

/// What is told at the same time is looked at once.
const TOGETHER: Duration = Duration::from_millis(200);

/// Starts and stops the accounts' tasks as the database says.
pub(super) struct Supervisor {
    worker: Worker,
    watched: HashMap<Uuid, Watched>,
    shared: Shared,
    stop: CancellationToken,
    tracker: TaskTracker,
    glance: Option<Vec<Glance>>,
    /// The leases as they were when the accounts were last read.
    held: u64,
    /// When all accounts were last read.
    read: Option<Instant>,
}

impl Supervisor {
    /// Its tasks end with `stop`, and are seen off by `tracker`.
    pub(super) fn new(worker: Worker, stop: CancellationToken, tracker: TaskTracker) -> Self {
        let shared = Shared::default();
        Self { worker, watched: HashMap::new(), shared, stop, tracker, glance: None, held: 0, read: None }
    }

    /// Whether all accounts have been read once.
    pub(super) fn has_looked(&self) -> bool {
        self.read.is_some()
    }

    /// The accounts whose tasks run here.
    pub(super) fn running(&self) -> Running {
        self.shared.running.clone()
    }

    /// Looks whether accounts came, went, were changed or mended, and whether their tasks still run.
    pub(super) async fn look(&mut self) {
        let store = &self.worker.store;
        let quiet = std::mem::take(&mut *self.shared.quiet());
        if let Err(error) = store.succeeded_quietly(quiet, &self.worker.clock).await {
            tracing::warn!(%error, "that accounts were read could not be written");
        }
        let leases = &self.worker.leases;
        crate::metrics::leases_held(leases.count().unwrap_or_default());
        let held = leases.version();
        let ended = self.watched.values().any(|running| running.task.is_finished());
        let every = if leases.hears() { ALL_ACCOUNTS_SELDOM } else { ALL_ACCOUNTS_EVERY };
        let read_lately = self.read.is_some_and(|at| at.elapsed() < every);
        let told = leases.changed();
        let settled = !ended && !told && read_lately && held == self.held;
        if settled && leases.hears() {
            return;
        }
        let now = self.glance().await.ok();
        if settled && now.is_some() && now == self.glance {
            return;
        }
        match self.accounts().await {
            Ok(accounts) => {
                self.reconcile(accounts);
                (self.glance, self.held, self.read) = (now, held, Some(Instant::now()));
            }
            Err(error) => {
                tracing::warn!(%error, "the list of accounts cannot be read");
                self.read = None;
            }
        }
    }

    /// Waits until there is something to look at before it is time to look anyway.
    pub(super) async fn news(&self) {
        self.worker.leases.news().await;
        tokio::time::sleep(TOGETHER).await;
    }

    async fn glance(&self) -> Result<Vec<Glance>, StoreError> {
        let Worker { store, leases, .. } = &self.worker;
        match leases.worker() {
            Some(worker) => store.held_at_a_glance(worker).await,
            None if leases.is_shared() => Ok(Vec::new()),
            None => store.accounts_at_a_glance().await,
        }
    }

    /// The accounts that are to be read by this process.
    async fn accounts(&self) -> Result<Vec<account::Model>, StoreError> {
        let Worker { store, leases, .. } = &self.worker;
        match leases.worker() {
            Some(worker) => store.accounts_of(worker).await,
            None if leases.is_shared() => Ok(Vec::new()),
            None => store.watched().await,
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
            let Entry::Vacant(place) = self.watched.entry(id) else { continue };
            let (stop, parked) = (self.stop.child_token(), Parked::default());
            // Another worker may have it by now.
            let Some(tenure) = self.worker.leases.begin(id, &stop) else { continue };
            let (worker, shared) = (self.worker.under(tenure.fence()), self.shared.clone());
            let watch = worker.watch(account.clone(), shared, stop.clone(), Arc::clone(&parked));
            let watch = async move {
                watch.await;
                drop(tenure);
            };
            place.insert(Watched { account, stop, parked, task: self.tracker.spawn(watch) });
        }
    }
}

/// What the accounts' tasks share.
#[derive(Clone, Default)]
pub(super) struct Shared {
    /// Those that have a task here.
    pub(super) running: Running,
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
        trouble: None,
        state: String::new(),
        ..account.clone()
    };
    settings(a) == settings(b)
}
