//! One account's task: one connection after another, each read again and again.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::account;
use futures::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Worker;
use super::account::until;
use super::backoff::{Lived, Streak};
use super::deadline::unless_stuck;
use super::pace::{next_look, next_look_beside_news};
use super::supervisor::{Parked, Shared};
use super::told::Told;
use super::turn::Turn;
use super::watch::Inbox;
use crate::metrics;
use crate::source::{Session, Waited, asks_to_slow_down};
use crate::store::commit::Committed;
use crate::store::{StoreError, grants};
use crate::trouble::Trouble;

/// When an account whose budget was used up is read again: clocks of two machines differ a little.
const AFTER_MIDNIGHT: Duration = Duration::from_secs(4);

impl Worker {
    /// Writes the outcome of a sync on the account. A verdict is worth more than a note about it: a database that
    /// cannot take the note fails the next sync.
    pub(super) async fn note(&self, account: &account::Model, result: &Result<Committed, Trouble>) {
        match result {
            Ok(done) => self.note_success(account, done).await,
            Err(trouble) => self.note_failure(account, trouble, None, true).await,
        }
    }

    async fn note_success(&self, account: &account::Model, done: &Committed) {
        if *done != Committed::default() {
            let Committed { logged, duplicates, skipped, quarantined } = done;
            tracing::info!(account = %account.id, logged, duplicates, skipped, quarantined, "read");
        }
        self.noted(account, self.store.succeeded(account.id, &self.clock).await);
    }

    /// Notes a failure and when the next try is. It is news, or another of the same kind.
    async fn note_failure(&self, account: &account::Model, trouble: &Trouble, wait: Option<Duration>, is_news: bool) {
        metrics::failed(trouble);
        if asks_to_slow_down(trouble) {
            metrics::throttled(&account.provider);
        }
        let next_try = wait.and_then(|wait| self.clock.now().checked_add_signed(TimeDelta::from_std(wait).ok()?));
        let wait = wait.map(|wait| wait.as_secs());
        if is_news {
            tracing::warn!(account = %account.id, kind = trouble.kind(), %trouble, wait, "sync failed");
        } else {
            tracing::debug!(account = %account.id, kind = trouble.kind(), %trouble, wait, "sync failed again");
        }
        self.noted(account, self.store.failed(account.id, trouble, next_try, &self.clock).await);
    }

    fn noted(&self, account: &account::Model, noted: Result<(), StoreError>) {
        if let Err(error) = noted {
            tracing::warn!(account = %account.id, %error, "the account's state could not be written");
        }
    }

    /// Reads one account until cancelled. Whatever ends a session is written on the account, and it is tried again: also
    /// what a person must mend, slowly, since nobody tells us of a password or a permission that was mended (J15).
    pub(super) async fn watch(
        mut self,
        mut account: account::Model,
        shared: Shared,
        stop: CancellationToken,
        parked: Parked,
    ) {
        let _here = shared.running.enter(account.id);
        self.turn = Turn::of(&self.common.room);
        let (mut streak, mut told, mut believed) = (Streak::default(), Told::default(), true);
        loop {
            parked.store(false, Ordering::Relaxed);
            self.renew();
            let (mut read, began) = (None, self.clock.now());
            let session = AssertUnwindSafe(self.stay_connected(&mut account, &shared, &mut read, &stop));
            let ended = session.catch_unwind().await;
            if stop.is_cancelled() {
                return;
            }
            let trouble =
                ended.unwrap_or_else(|_| Trouble::retry("The account's task ended in a panic; this is a defect."));
            if trouble == Trouble::LeaseLost {
                tracing::info!(account = %account.id, "another worker has taken the account over");
                self.leases.lost(self.fence);
                return;
            }
            // A refusal of the old consent says nothing about one that was given meanwhile, and must not park that.
            if believed && trouble.needs_a_person() && self.consented_since(account.id, began).await {
                believed = false;
                continue;
            }
            believed = true;
            let patience = self.config.worker.patience();
            let lived = Lived { after_reading: read.map(|at: Instant| at.elapsed()) };
            if lived.survived(patience.steady) {
                told.forget();
            }
            let wait = self.clock.jittered(streak.ended(lived, &trouble, &patience));
            let rest = self.common.usage.rest(account.id, self.clock.now());
            let wait = rest.map_or(wait, |rest| rest + self.clock.jittered(AFTER_MIDNIGHT));
            shared.quiet().remove(&account.id);
            parked.store(trouble.needs_a_person(), Ordering::Relaxed);
            let is_news = told.is_news(trouble.kind(), self.clock.now());
            self.note_failure(&account, &trouble, Some(wait), is_news).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                // A greater budget need not wait until midnight.
                () = self.common.settled(), if rest.is_some() => {}
            }
        }
    }

    async fn consented_since(&self, account: Uuid, began: DateTime<Utc>) -> bool {
        let grant = grants::find(&self.store.db, account).await.ok().flatten();
        grant.is_some_and(|grant| grant.updated_at >= began && grant.state == grants::State::Fresh.as_str())
    }

    /// Reads an account over one connection, again whenever the server has news or the poll is due, until something
    /// goes wrong or `stop`, which lets a commit under way finish. Busy, but not waiting, it takes its place among
    /// `worker.concurrent_accounts`. Says in `read` since when everything is read.
    async fn stay_connected(
        &mut self,
        account: &mut account::Model,
        shared: &Shared,
        read: &mut Option<Instant>,
        stop: &CancellationToken,
    ) -> Trouble {
        let meter = self.common.usage.meter(account.id);
        let turn = self.turn.clone();
        let connecting =
            unless_stuck(&meter, &turn, self.config.worker.poll_deadline(), Box::pin(self.connect_to_read(account)));
        let mut session = match until(stop, connecting).await {
            Ok(session) => session,
            Err(trouble) => return trouble,
        };
        let (mut inbox, mut last_mail, mut noted, mut slowed) = (None, None, false, false);
        loop {
            let Ok(busy) = until(stop, async { Ok(turn.take().await) }).await else {
                return Trouble::ended("the program was told to stop");
            };
            if self.renew() {
                // Other mailboxes may be watched now, and at another cost.
                inbox = None;
                let (worker, now) = (&self.config.worker, self.clock.now());
                if let Err(error) = self.common.usage.begin(&self.store, account, worker, now).await {
                    return error.into();
                }
            }
            let mut done = Committed::default();
            let limit = self.config.worker.poll_deadline();
            // On the heap, and only while it lasts: thousands of accounts mostly wait.
            let reading = Box::pin(self.read_account(&mut session, account, &mut inbox, stop, &mut done));
            if let Err(trouble) = unless_stuck(&meter, &turn, limit, reading).await {
                return trouble;
            }
            drop(busy);
            if session.throttled() && !std::mem::replace(&mut slowed, true) {
                metrics::throttled(&account.provider);
            }
            if done != Committed::default() {
                last_mail = Some(self.clock.now());
            }
            if noted && done == Committed::default() {
                shared.quiet().insert(account.id);
            } else {
                self.note_success(account, &done).await;
                noted = true;
            }
            account.last_success = Some(self.clock.now());
            read.get_or_insert_with(Instant::now);
            let resting = Box::pin(self.rest(&mut session, &mut inbox, account, shared, last_mail));
            let limit = limit + self.config.worker.longest_rest();
            if let Err(trouble) = until(stop, unless_stuck(&meter, &turn, limit, resting)).await {
                return trouble;
            }
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
        let silence = || last_mail.and_then(|last| (self.clock.now() - last).to_std().ok());
        if let Some(inbox) = inbox.as_mut().filter(|_| session.capabilities().idle()) {
            while inbox.poll(session, self.clock.jittered(next_look_beside_news(&pace, silence()))).await? {
                shared.quiet().insert(account.id);
                account.last_success = Some(self.clock.now());
                if self.is_outdated() {
                    return session.leave_idle().await;
                }
            }
            return Ok(());
        }
        let look = if session.capabilities().idle() { next_look_beside_news } else { next_look };
        let wait = look(&pace, silence());
        let waited = session.wait(self.clock.jittered(wait)).await?;
        if waited == Waited::Quiet && session.capabilities().idle() {
            session.noop().await?;
        }
        Ok(())
    }
}
