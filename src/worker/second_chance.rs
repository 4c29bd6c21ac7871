//! Messages that were set aside without their bytes, tried again by the service: what a bad connection did looks like what a
//! bad message does, until the connection is good again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::quarantine;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Worker;
use super::account::until;
use super::running::Running;
use crate::trouble::Trouble;

/// Between two looks at what was set aside, at most.
const LOOKS_EVERY: Duration = Duration::from_secs(20);

/// The first wait in usual polls; each further one is twice as long.
const FIRST_WAIT: u32 = 4;

const LONGEST_WAIT: TimeDelta = TimeDelta::hours(6);

/// Tries again, one after the other over a connection of its own, whatever can be had from accounts that are read here,
/// until `stop`.
pub(super) async fn watch(mut worker: Worker, running: Running, stop: CancellationToken) {
    let mut tried: HashMap<Uuid, (u32, DateTime<Utc>)> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOKS_EVERY.min(worker.config.worker.pace().usual)) => {}
        }
        worker.renew();
        match until(&stop, look(&worker, &running, &mut tried)).await {
            Err(_) if stop.is_cancelled() => return,
            Err(trouble) => tracing::warn!(%trouble, "what was set aside cannot be read"),
            Ok(()) => {}
        }
    }
}

/// Tries what is due once.
async fn look(
    worker: &Worker,
    running: &Running,
    tried: &mut HashMap<Uuid, (u32, DateTime<Utc>)>,
) -> Result<(), Trouble> {
    let first = TimeDelta::from_std(worker.config.worker.pace().usual * FIRST_WAIT).unwrap_or(LONGEST_WAIT);
    let (mut after, mut there) = (None, HashSet::new());
    loop {
        let rows = worker.store.quarantined_without_bytes(after).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        // Of several processes each sees to the accounts that it reads.
        for row in rows.into_iter().filter(|row| running.contains(row.account_id)) {
            there.insert(row.id);
            let now = worker.clock.now();
            let (tries, next) = tried.get(&row.id).copied().unwrap_or((0, row.created_at + first));
            if now >= next {
                let wait = (first * 2_i32.pow(tries.min(12))).min(LONGEST_WAIT);
                tried.insert(row.id, (tries.saturating_add(1), now + wait));
                worker.try_again(&row).await;
            }
        }
    }
    tried.retain(|id, _| there.contains(id));
    Ok(())
}

impl Worker {
    /// Judges a message that was set aside, unless another process reads the account by now.
    async fn try_again(&self, row: &quarantine::Model) {
        let Some(fence) = self.leases.holds(row.account_id) else { return };
        match self.under(fence).retry(row).await {
            Ok(code) => {
                tracing::info!(account = %row.account_id, uid = row.uid, code = code.as_str(), "had after all");
            }
            Err(trouble) => {
                tracing::debug!(account = %row.account_id, uid = row.uid, kind = trouble.kind(), %trouble, "still set aside");
            }
        }
    }
}
