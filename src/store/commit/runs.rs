//! Runs of equal verdicts: one ledger row for many messages, cut up when one of them gets a verdict of its own.

use entity::ledger;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter, Set};

use super::{Batch, Outcome};
use crate::store::StoreError;

/// Takes the verdicts on a batch's messages out of the ledger; the rest of a run stays. What was logged stays logged.
pub(super) async fn take_out(db: &DatabaseTransaction, batch: &Batch) -> Result<(), StoreError> {
    for entry in &batch.entries {
        let uid = i64::from(entry.uid);
        let found = ledger::Entity::find()
            .filter(ledger::COLUMN.mailbox_id.eq(batch.mailbox))
            .filter(ledger::COLUMN.uid_validity.eq(i64::from(batch.uid_validity)))
            .filter(ledger::COLUMN.uid_first.lte(uid))
            .filter(ledger::COLUMN.uid_last.gte(uid))
            .one(db)
            .await?;
        let Some(run) = found else { continue };
        if run.activity_id.is_some() && matches!(entry.outcome, Outcome::Skip(_)) {
            // Somebody put it on the timeline since this look at it began.
            return Err(StoreError::CursorMoved);
        }
        run.clone().delete(db).await?;
        for (first, last) in [(run.uid_first, uid - 1), (uid + 1, run.uid_last)] {
            if first <= last {
                let mut part = run.clone().into_active_model().reset_all();
                part.uid_first = Set(first);
                part.uid_last = Set(last);
                part.insert(db).await?;
            }
        }
    }
    Ok(())
}

/// Which equal verdicts share a row.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// None: each message has a row, and is found by its hash.
    #[default]
    None,
    /// Those of neighbours.
    Neighbours,
    /// Those of messages one after the other, where nothing between them can have a verdict of its own.
    Unbroken,
}

/// Whether the verdict `next` goes on the run `row`: the same words about the message after it.
pub(super) fn continues(row: &ledger::ActiveModel, next: &ledger::ActiveModel, runs: Runs) -> bool {
    let plain = |row: &ledger::ActiveModel| row.activity_id.as_ref().is_none() && row.message_hash.as_ref().is_none();
    let fits = match runs {
        Runs::None => false,
        Runs::Neighbours => row.uid_last.as_ref() + 1 == *next.uid_first.as_ref(),
        Runs::Unbroken => true,
    };
    fits && plain(row) && plain(next) && row.code == next.code && row.trace == next.trace
}
