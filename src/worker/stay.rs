//! One account's task: one connection after another, each read again and again.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use entity::account;
use futures::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::account::until;
use super::backoff::backoff;
use super::pace::next_look;
use super::supervisor::{Parked, Shared};
use super::watch::Inbox;
use crate::source::{Session, Waited};
use crate::store::commit::Committed;
use crate::trouble::Trouble;

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
    pub(super) async fn watch(
        self,
        mut account: account::Model,
        shared: Shared,
        stop: CancellationToken,
        parked: Parked,
    ) {
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
