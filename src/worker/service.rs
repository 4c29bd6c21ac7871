//! The service: every account read again and again.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::account;
use futures::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Worker;
use super::account::until;
use super::backoff::backoff;
use super::pace::next_look;
use super::signals::Signals;
use super::watch::{Inbox, late};
use crate::source::{Session, Waited};
use crate::store::commit::Committed;
use crate::trouble::Trouble;

/// How often it is asked whether accounts came, went or were mended.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(2);

/// How often all accounts are read, for what does not show at a glance: other settings.
const ALL_ACCOUNTS_EVERY: Duration = Duration::from_secs(20);

impl Worker {
    /// Writes the outcome of a sync on the account. A verdict is worth more than a note about it: a database that
    /// cannot take the note fails the next sync.
    pub(super) async fn note(&self, account: &account::Model, result: &Result<Committed, Trouble>) {
        let noted = match result {
            Ok(done) => {
                if *done != Committed::default() {
                    let Committed { logged, duplicates, skipped, quarantined } = done;
                    tracing::info!(account = %account.id, logged, duplicates, skipped, quarantined, "read");
                }
                self.store.succeeded(account.id, &self.clock).await
            }
            Err(trouble) => {
                tracing::warn!(account = %account.id, kind = trouble.kind(), %trouble, "sync failed");
                self.store.failed(account.id, trouble, &self.clock).await
            }
        };
        if let Err(error) = noted {
            tracing::warn!(account = %account.id, %error, "the account's state could not be written");
        }
    }

    /// Reads one account until cancelled. Whatever ends a session is written on the account, and it is tried again: also
    /// what a person must mend, slowly, since nobody tells us of a password or a permission that was mended (J15).
    async fn watch(self, mut account: account::Model, shared: Shared, stop: CancellationToken, parked: Parked) {
        let mut failures = 0;
        loop {
            parked.store(false, Ordering::Relaxed);
            let session = AssertUnwindSafe(self.stay_connected(&mut account, &shared, &mut failures, &stop));
            let ended = session.catch_unwind().await;
            if stop.is_cancelled() {
                return;
            }
            let trouble =
                ended.unwrap_or_else(|_| Trouble::retry("The account's task ended in a panic; this is a defect."));
            failures = failures.saturating_add(1);
            shared.quiet().remove(&account.id);
            parked.store(trouble.needs_a_person(), Ordering::Relaxed);
            self.note(&account, &Err(trouble.clone())).await;
            let wait = backoff(failures, &trouble, self.config.worker.backoff_max());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.clock.jittered(wait)) => {}
            }
        }
    }

    /// Reads an account over one connection, again whenever the server has news or the poll is due, until something
    /// goes wrong or `stop`, which lets a commit under way finish. Busy, but not waiting, it takes its place among `worker.concurrent_accounts`.
    async fn stay_connected(
        &self,
        account: &mut account::Model,
        shared: &Shared,
        failures: &mut u32,
        stop: &CancellationToken,
    ) -> Trouble {
        let mut busy = match until(stop, admitted(&shared.room)).await {
            Ok(busy) => busy,
            Err(trouble) => return trouble,
        };
        let mut session = match until(stop, self.connect_to_read(account)).await {
            Ok(session) => session,
            Err(trouble) => return trouble,
        };
        let (mut inbox, mut last_mail, mut noted) = (None, None, false);
        loop {
            let mut done = Committed::default();
            if let Err(trouble) = self.read_account(&mut session, account, &mut inbox, stop, &mut done).await {
                return trouble;
            }
            if done != Committed::default() {
                last_mail = Some(self.clock.now());
            }
            if noted && done == Committed::default() {
                shared.quiet().insert(account.id);
            } else {
                self.note(account, &Ok(done)).await;
                noted = true;
            }
            account.last_success = Some(self.clock.now());
            *failures = 0;
            drop(busy);
            if let Err(trouble) = until(stop, self.rest(&mut session, &mut inbox, account, shared, last_mail)).await {
                return trouble;
            }
            busy = match until(stop, admitted(&shared.room)).await {
                Ok(busy) => busy,
                Err(trouble) => return trouble,
            };
        }
    }
}

impl Worker {
    /// Waits for news or until the poll is due. A server that falls silent in IDLE still tells its news when it is asked.
    /// One that tells none is asked the more often the shorter ago the last mail is.
    /// As long as there is none in a personal inbox, one poll follows the other without anything else being done.
    async fn rest(
        &self,
        session: &mut Session,
        inbox: &mut Option<Inbox>,
        account: &mut account::Model,
        shared: &Shared,
        last_mail: Option<DateTime<Utc>>,
    ) -> Result<(), Trouble> {
        let pace = self.config.worker.pace();
        if let Some(inbox) = inbox.as_mut().filter(|_| session.capabilities().idle()) {
            while inbox.poll(session, self.clock.jittered(pace.usual)).await? {
                shared.quiet().insert(account.id);
                account.last_success = Some(self.clock.now());
            }
            return Ok(());
        }
        let silence = last_mail.and_then(|last| (self.clock.now() - last).to_std().ok());
        let wait = if session.capabilities().idle() { pace.usual } else { next_look(&pace, silence) };
        let waited = session.wait(self.clock.jittered(wait)).await?;
        if waited == Waited::Quiet && session.capabilities().idle() {
            session.noop().await?;
        }
        Ok(())
    }
}

/// A place among `worker.concurrent_accounts`.
async fn admitted(room: &Semaphore) -> Result<SemaphorePermit<'_>, Trouble> {
    room.acquire().await.map_err(Trouble::retry)
}

/// What the accounts' tasks share.
#[derive(Clone)]
struct Shared {
    /// Places for those that are busy.
    room: Arc<Semaphore>,
    /// Those that were read without news: all of them are noted with one statement.
    quiet: Arc<Mutex<HashSet<Uuid>>>,
}

impl Shared {
    fn quiet(&self) -> std::sync::MutexGuard<'_, HashSet<Uuid>> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an account's task waits for a person.
type Parked = Arc<AtomicBool>;

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
        !mended && !disconnected && !self.task.is_finished() && same_settings(account, &self.account)
    }
}

/// Watches every account until SIGINT or SIGTERM; then what is under way may finish its commit, within a bound.
pub async fn run(worker: &Worker) -> Result<(), Trouble> {
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    let mut watched: HashMap<Uuid, Watched> = HashMap::new();
    let room = Arc::new(Semaphore::new(worker.config.worker.concurrent_accounts.max(1)));
    let shared = Shared { room, quiet: Arc::default() };
    let (mut glance, mut read) = (None, None::<Instant>);
    let mut signals = Signals::new()?;
    tracker.spawn(late::watch(worker.clone(), stop.clone()));
    tracker.spawn(tidy(worker.clone()));
    tracker.spawn(crate::http::serve(worker.clone(), stop.clone()));
    tracing::info!("watching");
    loop {
        let quiet = std::mem::take(&mut *shared.quiet());
        if let Err(error) = worker.store.succeeded_quietly(quiet, &worker.clock).await {
            tracing::warn!(%error, "that accounts were read could not be written");
        }
        let now = worker.store.accounts_at_a_glance().await.ok();
        let ended = watched.values().any(|running| running.task.is_finished());
        let read_lately = read.is_some_and(|at| at.elapsed() < ALL_ACCOUNTS_EVERY);
        if ended || !read_lately || now.is_none() || now != glance {
            match worker.store.watched().await {
                Ok(accounts) => {
                    reconcile(worker, accounts, &mut watched, &shared, &stop, &tracker);
                    (glance, read) = (now, Some(Instant::now()));
                }
                Err(error) => tracing::warn!(%error, "the list of accounts cannot be read"),
            }
        }
        tokio::select! {
            () = signals.next() => break,
            () = tokio::time::sleep(ACCOUNTS_EVERY) => {}
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    stop.cancel();
    tracker.close();
    let bound = worker.config.worker.shutdown();
    tokio::select! {
        () = tracker.wait() => {}
        () = signals.next() => tracing::warn!("stopped at once; unfinished batches are read again"),
        () = tokio::time::sleep(bound) => tracing::warn!("stopped after {} s; unfinished batches are read again", bound.as_secs()),
    }
    Ok(())
}

/// How old the file of an unfinished write is before it counts as left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what killed services left in the folder of attachments.
async fn tidy(worker: Worker) {
    let now = std::time::SystemTime::from(worker.clock.now());
    match worker.blobs.sweep(now - LEFT_BEHIND).await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "unfinished attachments of killed services are removed"),
        Err(trouble) => tracing::warn!(%trouble, "the folder of attachments cannot be tidied"),
    }
}

/// Starts what was added, changed, mended or has ended, stops what was removed, paused or changed.
fn reconcile(
    worker: &Worker,
    accounts: Vec<account::Model>,
    watched: &mut HashMap<Uuid, Watched>,
    shared: &Shared,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) {
    let wanted: HashMap<Uuid, account::Model> = accounts.into_iter().map(|account| (account.id, account)).collect();
    watched.retain(|id, running| match wanted.get(id) {
        Some(account) if running.fits(account) => {
            running.account.clone_from(account);
            true
        }
        _ => {
            running.stop.cancel();
            false
        }
    });
    for (id, account) in wanted {
        watched.entry(id).or_insert_with(|| {
            let (stop, parked) = (stop.child_token(), Parked::default());
            let watch = worker.clone().watch(account.clone(), shared.clone(), stop.clone(), Arc::clone(&parked));
            Watched { account, stop, parked, task: tracker.spawn(watch) }
        });
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
