//! Audits that nobody asked for: slowly, one account after the other, over a connection of their own.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::account;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Worker;
use super::account::until;
use super::running::Running;
use crate::store::StoreError;

/// Between two audits at least, and at most: however few accounts there are, a new one need not wait for long.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// How long an account whose audit failed is left alone: its own task says what is wrong with it.
const AFTER_FAILURE: TimeDelta = TimeDelta::hours(1);

/// Candidates that are read at once: some may be another process's.
const CANDIDATES: u64 = 64;

/// Audits every account that this process watches once in `audit.every_hours`, until `stop`.
pub(super) async fn watch(mut worker: Worker, running: Running, stop: CancellationToken) {
    let mut failed: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
    loop {
        worker.renew();
        let Some(every) = worker.config.audit.every() else {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSES.1) => continue,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause(every, running.count())) => {}
        }
        let now = worker.clock.now();
        failed.retain(|_, at| now - *at < AFTER_FAILURE);
        let account = match next(&worker, &running, &failed, now - every).await {
            Ok(Some(account)) => account,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "which account is to be audited cannot be read");
                continue;
            }
        };
        let Some(fence) = worker.leases.holds(account.id) else { continue };
        let audited = until(&stop, worker.under(fence).audit_and_heal(&account)).await;
        if let Err(trouble) = audited
            && !stop.is_cancelled()
        {
            tracing::warn!(account = %account.id, kind = trouble.kind(), %trouble, "the account cannot be audited now");
            failed.insert(account.id, now);
        }
    }
}

/// Half of what is left for each, so that there is room for those that fail.
fn pause(every: TimeDelta, accounts: usize) -> Duration {
    let share = every.to_std().unwrap_or_default() / u32::try_from(accounts).unwrap_or(u32::MAX).max(1) / 2;
    share.clamp(PAUSES.0, PAUSES.1)
}

/// The account whose audit is the longest ago, of those that run here and are well.
async fn next(
    worker: &Worker,
    running: &Running,
    failed: &HashMap<Uuid, DateTime<Utc>>,
    before: DateTime<Utc>,
) -> Result<Option<account::Model>, StoreError> {
    let mut after = None;
    loop {
        let due = worker.store.audits_due(before, after, CANDIDATES).await?;
        let Some(last) = due.last().copied() else { return Ok(None) };
        let ours = due.into_iter().find(|id| running.contains(*id) && !failed.contains_key(id));
        match ours {
            Some(id) => return worker.store.account(id).await,
            None => after = Some(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audits_are_spread_over_the_day_and_never_follow_at_once() {
        let day = TimeDelta::hours(24);
        assert_eq!(pause(day, 0), PAUSES.1);
        assert_eq!(pause(day, 10), PAUSES.1);
        assert_eq!(pause(day, 20_000), Duration::from_micros(2_160_000));
        assert_eq!(pause(TimeDelta::hours(1), 20_000), PAUSES.0);
    }
}
