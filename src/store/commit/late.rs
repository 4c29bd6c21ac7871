//! Attachments that come after their mail (H7): which activities wait for theirs, and what becomes of those.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{activity, attachment, late_attachment, ledger};
use sea_orm::sea_query::Expr;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::{Attachment, Batch, Entrant, Notice, activities, rows};
use crate::clock::Clock;
use crate::decide::decision::Flag;
use crate::decide::{Code, Finding, Trace};
use crate::events::Event;
use crate::store::leases::Fence;
use crate::store::notices::{self, About};
use crate::store::{Store, StoreError, outbox};

/// How long attachments are waited for, and when the first look at them is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until nobody looks any more.
    pub bound: TimeDelta,
    /// Between the mail and the first look; the waits grow with its age.
    pub first: TimeDelta,
}

impl Patience {
    /// When a message that waits since `since` is looked at again: after as long as it has waited, once more at the end.
    pub fn next_look(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let wait = (now - since).max(self.first);
        (now + wait).min(since + self.bound)
    }
}

/// What came in the place of a placeholder.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The attachments.
    pub attachments: Vec<Attachment>,
    /// What the sender is told about those that were left out.
    pub notice: Option<Notice>,
}

/// Notes which new activities wait for attachments.
pub(super) async fn wait(
    db: &DatabaseTransaction,
    batch: &Batch,
    fresh: &[(u32, Uuid, &Entrant)],
    patience: Patience,
    clock: &Clock,
) -> Result<(), StoreError> {
    let now = clock.now();
    let waiting = fresh.iter().filter(|(_, _, entrant)| is_pending(entrant));
    let waiting = waiting.map(|(uid, activity, _)| late_attachment::ActiveModel {
        activity_id: Set(*activity),
        mailbox_id: Set(batch.mailbox),
        uid_validity: Set(i64::from(batch.uid_validity)),
        uid: Set(i64::from(*uid)),
        since: Set(now),
        next_look: Set(patience.next_look(now, now)),
        until: Set(now + patience.bound),
    });
    rows::insert(db, waiting.collect()).await
}

/// Whether a mail's attachments are still to come.
pub(super) fn is_pending(entrant: &Entrant) -> bool {
    entrant.activity.flags.contains(&Flag::AttachmentPending)
}

/// Puts attachments on an activity that waits for them; any other stays as it is. Whether it waited.
pub(super) async fn complete(
    db: &DatabaseTransaction,
    activity: Uuid,
    arrived: Arrived,
    clock: &Clock,
) -> Result<bool, StoreError> {
    let waited = late_attachment::Entity::delete_by_id(activity).exec(db).await?;
    let Some(row) = activity::Entity::find_by_id(activity).one(db).await?.filter(|_| waited.rows_affected > 0) else {
        return Ok(false);
    };
    attachment::Entity::delete_many().filter(attachment::COLUMN.activity_id.eq(activity)).exec(db).await?;
    rows::insert(db, activities::attachment_rows(activity, &arrived.attachments)).await?;
    let mut flags: Vec<Flag> = serde_json::from_value(row.flags).unwrap_or_default();
    flags.retain(|flag| *flag != Flag::AttachmentPending);
    if arrived.attachments.iter().any(|one| one.reason.is_some()) && !flags.contains(&Flag::AttachmentDropped) {
        flags.push(Flag::AttachmentDropped);
    }
    activity::Entity::update_many()
        .col_expr(activity::Column::Flags, Expr::value(serde_json::json!(flags)))
        .filter(activity::COLUMN.id.eq(activity))
        .exec(db)
        .await?;
    let event = Event::ActivityCompleted { activity };
    rows::insert(db, vec![outbox::row(row.workspace_id, Some(row.account_id), &event, clock)]).await?;
    let about = About {
        message_id: row.message_id,
        activity: Some(activity),
        ..About::new(row.workspace_id, notices::Kind::AttachmentDropped)
    };
    let told = arrived.notice.map(|notice| notices::row(about, notice.recipient.address.as_str(), notice.body, clock));
    rows::insert(db, told.into_iter().collect()).await?;
    explain(db, activity, Finding::AttachmentsCame).await?;
    Ok(true)
}

/// Adds a step to the verdict that logged an activity.
async fn explain(db: &DatabaseTransaction, activity: Uuid, finding: Finding) -> Result<(), StoreError> {
    let verdict = ledger::Entity::find()
        .filter(ledger::COLUMN.activity_id.eq(activity))
        .filter(ledger::COLUMN.code.eq(Code::Logged.as_str()))
        .one(db)
        .await?;
    let Some(verdict) = verdict else { return Ok(()) };
    let mut trace: Trace = verdict.trace.and_then(|trace| serde_json::from_value(trace).ok()).unwrap_or_default();
    trace.found(finding);
    ledger::Entity::update_many()
        .col_expr(ledger::Column::Trace, Expr::value(serde_json::json!(trace)))
        .filter(ledger::COLUMN.mailbox_id.eq(verdict.mailbox_id))
        .filter(ledger::COLUMN.uid_validity.eq(verdict.uid_validity))
        .filter(ledger::COLUMN.uid_first.eq(verdict.uid_first))
        .exec(db)
        .await?;
    Ok(())
}

impl Store {
    /// Puts attachments on an activity that waits for them. Whether it waited.
    pub async fn attachments_came(
        &self,
        activity: Uuid,
        arrived: Arrived,
        fence: Fence,
        clock: &Clock,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin_fenced(fence).await?;
        let waited = complete(&transaction, activity, arrived, clock).await?;
        transaction.commit().await?;
        Ok(waited)
    }

    /// Looks no longer at messages whose attachments did not come in time: the flag stays, and the verdict says why.
    pub async fn give_up_attachments(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let over = late_attachment::Entity::find().filter(late_attachment::COLUMN.until.lte(now)).all(&self.db).await?;
        for row in &over {
            let transaction = self.begin().await?;
            let gone = late_attachment::Entity::delete_by_id(row.activity_id).exec(&*transaction).await?;
            if gone.rows_affected > 0 {
                explain(&transaction, row.activity_id, Finding::AttachmentsNeverCame).await?;
            }
            transaction.commit().await?;
        }
        Ok(over.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_with_the_age_and_end_with_a_look_at_the_bound() {
        let patience = Patience { bound: TimeDelta::minutes(60), first: TimeDelta::minutes(1) };
        let since = DateTime::from_timestamp(0, 0).unwrap();
        let minute = |minutes| since + TimeDelta::minutes(minutes);
        let mut looks = vec![patience.next_look(since, since)];
        while let Some(last) = looks.last().copied().filter(|last| *last < minute(60)) {
            looks.push(patience.next_look(since, last));
        }
        assert_eq!(looks, [1, 2, 4, 8, 16, 32, 60].map(minute));
    }
}
