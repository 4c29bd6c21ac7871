//! Verdicts to rows.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::intake::Shared;
use super::judge_stage::{Judged, casualty};
use crate::store::StoreError;
use crate::store::commit::{Batch, Committed, Entry};
use crate::trouble::Trouble;

/// How far a run came.
pub(super) struct Progress {
    pub(super) cursor: u32,
    pub(super) done: Committed,
    /// The last message of a batch that the database will not take: one of them is to blame.
    pub(super) refused: Option<u32>,
    pub(super) trouble: Option<Trouble>,
}

/// Commits what arrives, in order, and says in `committed` how many batches it is done with. A database that fails ends
/// the run; what was not committed is fetched again.
pub(super) async fn run(
    shared: Arc<Shared>,
    cursor: u32,
    mut judged: mpsc::Receiver<Judged>,
    committed: watch::Sender<u64>,
) -> Progress {
    let mut progress = Progress { cursor, done: Committed::default(), refused: None, trouble: None };
    while let Some(batch) = judged.recv().await {
        let number = batch.number;
        tracing::debug!(messages = batch.entries.len(), "commit");
        // After a refusal the rest passes by, so that the session stays whole; it is fetched again.
        if progress.refused.is_none()
            && let Err(trouble) = progress.take(&shared, batch).await
        {
            progress.trouble = Some(trouble);
            break;
        }
        committed.send_replace(number);
    }
    progress
}

impl Progress {
    /// Commits a batch. What the database will not take it will not take the next time either (L16): a message that was
    /// fetched alone is set aside, others are fetched alone next.
    async fn take(&mut self, shared: &Shared, judged: Judged) -> Result<(), Trouble> {
        let Judged { entries, kept, .. } = judged;
        let Some(to) = entries.last().map(|entry| entry.uid) else { return Ok(()) };
        match (write(shared, self.cursor, to, entries).await, kept) {
            (Ok(done), _) => self.passed(to, done),
            (Err(StoreError::Data(reason) | StoreError::Constraint(reason)), Some(bytes)) => {
                let deposit = shared.worker.blobs.deposit();
                let reason = format!("The database refuses the message: {reason}");
                let entry = casualty(to, reason, bytes, &deposit).await?;
                deposit.settle().await?;
                let done = write(shared, self.cursor, to, vec![entry]).await?;
                self.passed(to, done);
            }
            (Err(StoreError::Data(_) | StoreError::Constraint(_)), None) => self.refused = Some(to),
            (Err(error), _) => return Err(error.into()),
        }
        Ok(())
    }

    fn passed(&mut self, uid: u32, done: Committed) {
        self.cursor = uid;
        self.done += done;
    }
}

async fn write(shared: &Shared, from: u32, to: u32, entries: Vec<Entry>) -> Result<Committed, StoreError> {
    let Shared { account, mailbox, uid_validity, .. } = *shared;
    let batch = Batch { account, mailbox, uid_validity, from, to, entries, replaces: false };
    let written = shared.worker.store.commit(batch, shared.commit, &shared.worker.clock).await;
    shared.meter.stepped();
    written
}
