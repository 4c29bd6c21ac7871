//! One round: every account read up to now.

use entity::account;
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::attachments;
use super::signals::Signals;
use super::turn::Turn;
use super::watch::late;
use crate::events::relay;
use crate::store::StoreError;
use crate::store::commit::Committed;
use crate::trouble::Trouble;

/// What one round over all accounts came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Every account by address, with what was done or what went wrong.
    pub accounts: Vec<(String, Result<Committed, Trouble>)>,
    /// Whether a signal ended the round early.
    pub stopped: bool,
}

/// Reads every account up to now, or until SIGINT or SIGTERM; then what is under way may finish its commit, within a bound.
pub async fn once(worker: &Worker) -> Result<Report, Trouble> {
    let stop = CancellationToken::new();
    let mut signals = Signals::new()?;
    let work = async {
        let report = read_all(worker, &stop).await;
        worker.common.usage.flush(&worker.store, &worker.config.worker, worker.clock.now()).await?;
        report
    };
    let mut reading = std::pin::pin!(work);
    tokio::select! {
        report = &mut reading => return Ok(report?),
        () = signals.next() => stop.cancel(),
    }
    let stopped = Report { accounts: Vec::new(), stopped: true };
    tokio::select! {
        report = reading => Ok(Report { stopped: true, ..report? }),
        () = signals.next() => Ok(stopped),
        () = tokio::time::sleep(worker.config.worker.shutdown()) => Ok(stopped),
    }
}

/// One account's failure does not touch another.
async fn read_all(worker: &Worker, stop: &CancellationToken) -> Result<Report, StoreError> {
    let (inboxes, dedicated): (Vec<_>, Vec<_>) =
        worker.store.watched().await?.into_iter().partition(|account| account.kind == "personal");
    let mut accounts = round(worker, dedicated, stop).await;
    // What users put on the timeline by BCC makes contacts (A6, A7), which its copy in their sent mail does not.
    accounts.extend(round(worker, inboxes, stop).await);
    let second_looks = async {
        late::once(worker, &mut accounts).await?;
        attachments::once(worker, &mut accounts).await
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        looked = second_looks => looked?,
    }
    if let Err(trouble) = relay::once(worker, stop).await {
        tracing::warn!(%trouble, "events cannot be delivered");
    }
    // That notices wait is no failure of an account: `notice list` says why.
    if let Err(trouble) = crate::notices::send_due(worker, stop).await {
        tracing::warn!(%trouble, "notices cannot be sent");
    }
    Ok(Report { accounts, stopped: false })
}

/// Reads these accounts, as many at once as may be busy.
async fn round(
    worker: &Worker,
    accounts: Vec<account::Model>,
    stop: &CancellationToken,
) -> Vec<(String, Result<Committed, Trouble>)> {
    let mut tasks = Vec::with_capacity(accounts.len());
    for account in accounts {
        let (mut worker, stop) = (worker.clone(), stop.clone());
        let address = account.address.clone();
        let task = tokio::spawn(async move {
            worker.turn = Turn::of(&worker.common.room);
            let _place = worker.turn.take().await;
            worker.sync_persistently(&account, &stop).await
        });
        tasks.push((address, task));
    }
    let mut done = Vec::with_capacity(tasks.len());
    for (address, task) in tasks {
        let result = task.await.unwrap_or_else(|_| Err(Trouble::retry("The account's task ended in a panic.")));
        done.push((address, result));
    }
    done
}

impl Worker {
    /// A sync that reconnects as often as a message may be tried, so that one round also gets past a poison message; and
    /// as often again when it got on, so that it gets past several.
    async fn sync_persistently(
        &self,
        account: &account::Model,
        stop: &CancellationToken,
    ) -> Result<Committed, Trouble> {
        let mut done = Committed::default();
        let (mut tries, mut before) = (0, self.store.positions(account.id).await?);
        loop {
            match self.sync_noted(account, stop, &mut done).await {
                Ok(()) => return Ok(done),
                // What was committed before stays; the rest is left for another time.
                Err(_) if stop.is_cancelled() => return Ok(done),
                Err(trouble @ (Trouble::Reconnect { .. } | Trouble::Message { .. })) => {
                    let now = self.store.positions(account.id).await?;
                    tries = if now == before { tries + 1 } else { 1 };
                    before = now;
                    // Once in company, then alone.
                    if tries > self.config.limits.attempts.saturating_add(1) {
                        return Err(trouble);
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// A sync whose outcome is written on the account, for people and for the next try.
    async fn sync_noted(
        &self,
        account: &account::Model,
        stop: &CancellationToken,
        total: &mut Committed,
    ) -> Result<(), Trouble> {
        let mut done = Committed::default();
        let result = self.unless_stuck(account, self.sync(account, stop, &mut done)).await;
        *total += done;
        if result.is_ok() || !stop.is_cancelled() {
            self.note(account, &result.clone().map(|()| done)).await;
        }
        result
    }
}
