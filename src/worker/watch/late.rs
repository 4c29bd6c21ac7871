//! Late matches (D21): mail that was seen before its conversation was known is judged again when that is.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::account;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::look::Why;
use super::part::Part;
use crate::source::{Listed, Session};
use crate::store::StoreError;
use crate::store::commit::Committed;
use crate::store::pending::Due;
use crate::trouble::Trouble;
use crate::worker::Worker;
use crate::worker::account::until;
use crate::worker::backoff::backoff;
use crate::worker::intake::Intake;

/// Rounds over an account: what one round logs may be what other mail waits for.
const ROUNDS: usize = 100;

/// Messages judged again at once.
const BATCH: usize = 100;

/// How often the service looks for mail to judge again: soon after its conversation has become known.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Looks between two removals of what has waited long enough.
const LOOKS_BETWEEN_EXPIRIES: u32 = 600;

/// After a round over all accounts: judges again until nothing waits for what is known. What comes of it is added to the
/// accounts of the round; one whose round failed is left for the next.
pub(in crate::worker) async fn once(
    worker: &Worker,
    accounts: &mut [(String, Result<Committed, Trouble>)],
) -> Result<(), StoreError> {
    worker.store.expire_waiting(worker.clock.now()).await?;
    for _ in 0..ROUNDS {
        let mut judged = false;
        for account in due_accounts(worker, false).await? {
            let Some((_, result)) = accounts.iter_mut().find(|(address, _)| *address == account.address) else {
                continue;
            };
            let Ok(done) = result else { continue };
            match worker.judge_late(&account).await {
                Ok(more) => {
                    *done += more;
                    judged = true;
                }
                Err(trouble) => *result = Err(trouble),
            }
        }
        if !judged {
            break;
        }
    }
    Ok(())
}

/// Beside the accounts' own tasks: judges again whatever has become due, one account after the other, over a connection of
/// its own, because the account's first may be waiting for news.
pub(in crate::worker) async fn watch(mut worker: Worker, stop: CancellationToken) {
    let mut failed: HashMap<Uuid, (u32, DateTime<Utc>)> = HashMap::new();
    for look in 0_u32.. {
        worker.renew();
        if look.is_multiple_of(LOOKS_BETWEEN_EXPIRIES)
            && let Err(error) = expire(&worker).await
        {
            tracing::warn!(%error, "what has waited long enough cannot be removed");
        }
        let due = due_accounts(&worker, true).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is to be judged again cannot be read");
            Vec::new()
        });
        for account in due {
            if failed.get(&account.id).is_some_and(|(_, next)| worker.clock.now() < *next) {
                continue;
            }
            match until(&stop, worker.unless_stuck(&account, worker.look_again(&account))).await {
                Ok(Committed { logged, duplicates, skipped, quarantined }) => {
                    failed.remove(&account.id);
                    tracing::info!(account = %account.id, logged, duplicates, skipped, quarantined, "judged again");
                }
                Err(trouble) => {
                    let failures = failed.get(&account.id).map_or(1, |(failures, _)| failures.saturating_add(1));
                    let wait = backoff(failures, &trouble, worker.config.worker.backoff_max());
                    let next = worker.clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
                    failed.insert(account.id, (failures, next));
                    tracing::warn!(account = %account.id, kind = trouble.kind(), %trouble, "mail cannot be judged again yet");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
    }
}

async fn expire(worker: &Worker) -> Result<(), StoreError> {
    worker.store.expire_waiting(worker.clock.now()).await?;
    worker.store.give_up_attachments(worker.clock.now()).await?;
    Ok(())
}

/// Watched accounts with mail to judge again, or, `with_attachments`, with attachments to look for.
async fn due_accounts(worker: &Worker, with_attachments: bool) -> Result<Vec<account::Model>, StoreError> {
    let mut due = worker.store.accounts_due().await?;
    if with_attachments {
        due.extend(worker.store.accounts_with_late(worker.clock.now()).await?);
    }
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let mut accounts = worker.store.watched().await?;
    accounts.retain(|account| due.contains(&account.id));
    Ok(accounts)
}

impl Worker {
    /// Judges what is to be judged again, and looks for attachments.
    async fn look_again(&self, account: &account::Model) -> Result<Committed, Trouble> {
        let done = self.judge_late(account).await?;
        self.look_for_attachments(account).await?;
        Ok(done)
    }

    /// Judges the mail of an account again whose conversation has become known, until there is none.
    pub(in crate::worker) async fn judge_late(&self, account: &account::Model) -> Result<Committed, Trouble> {
        let mut done = Committed::default();
        let mut due = self.store.due(account.id).await?;
        if due.is_empty() {
            return Ok(done);
        }
        let mut session = self.connect(account).await?;
        for _ in 0..ROUNDS {
            for due in due {
                done += self.judge_due(&mut session, account, due).await?;
            }
            due = self.store.due(account.id).await?;
            if due.is_empty() {
                break;
            }
        }
        session.logout().await;
        Ok(done)
    }

    async fn judge_due(&self, session: &mut Session, account: &account::Model, due: Due) -> Result<Committed, Trouble> {
        let mut done = Committed::default();
        let selected = session.examine(&due.mailbox.wire_name).await?;
        if i64::from(selected.uid_validity) != due.uid_validity {
            // Under which UIDs they are now the mailbox's own scan finds out.
            self.store.stop_waiting(due.mailbox.id, due.uid_validity, &due.uids).await?;
            return Ok(done);
        }
        let mut intake = Intake::new(self, account, &due.mailbox, &CancellationToken::new()).await?;
        for uids in due.uids.chunks(BATCH) {
            let judged = match self.judge_again(session, &mut intake, uids).await {
                Err(trouble) => Err(intake.weigh(session, trouble).await),
                judged => judged,
            };
            match judged {
                Ok(more) => done += more,
                Err(Trouble::Message { uid, reason }) => {
                    tracing::warn!(account = %account.id, uid, reason, "a message cannot be judged again; its verdict stays");
                    self.store.stop_waiting(due.mailbox.id, due.uid_validity, &[uid]).await?;
                    break;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(done)
    }

    async fn judge_again(
        &self,
        session: &mut Session,
        intake: &mut Intake,
        uids: &[u32],
    ) -> Result<Committed, Trouble> {
        let listed = present(session, uids).await?;
        let gone: Vec<u32> = uids.iter().copied().filter(|uid| listed.iter().all(|item| item.uid != *uid)).collect();
        self.store.stop_waiting(intake.shared.mailbox, i64::from(intake.shared.uid_validity), &gone).await?;
        let mut looked = intake.headers(session, &listed, Part::Whole).await?;
        let mut done = Committed::default();
        while !looked.is_empty() {
            let facts = intake.shared.judge.facts_on(&looked).await?;
            let (decided, rest) = intake.decide(looked, &facts, Why::Again);
            looked = rest;
            done += intake.conclude(session, decided, Why::Again).await?;
        }
        Ok(done)
    }
}

/// Those of `uids` that are still there, with their sizes.
pub(in crate::worker) async fn present(session: &mut Session, uids: &[u32]) -> Result<Vec<Listed>, Trouble> {
    let mut listed = Vec::new();
    for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            listed.extend(session.list(*first, Some(*last)).await?);
        }
    }
    Ok(listed)
}
