//! Logged mail that came back (J12).

use entity::{activity, thread_message};
use sea_orm::sea_query::Expr;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{Batch, Outcome, rows};
use crate::clock::Clock;
use crate::decide::bounce::Returned;
use crate::events::Event;
use crate::store::{StoreError, outbox};

/// Marks what the batch's reports say came back, after the batch's own activities are written.
pub(super) async fn write(db: &DatabaseTransaction, batch: &Batch, clock: &Clock) -> Result<(), StoreError> {
    for entry in &batch.entries {
        let Outcome::Bounce(returned) = &entry.outcome else { continue };
        if let Some(activity) = named(db, returned).await? {
            mark(db, batch, (returned.workspace, activity), clock).await?;
        }
    }
    Ok(())
}

/// The activity that the surest of the names leads to.
async fn named(db: &DatabaseTransaction, returned: &Returned) -> Result<Option<Uuid>, StoreError> {
    for key in &returned.names {
        let named = thread_message::Entity::find_by_id((returned.workspace, key.as_bytes().to_vec())).one(db).await?;
        if let Some(named) = named {
            return Ok(Some(named.activity_id));
        }
    }
    Ok(None)
}

/// The activity says so, once, if it is one of ours.
async fn mark(
    db: &DatabaseTransaction,
    batch: &Batch,
    (workspace, activity): (Uuid, Uuid),
    clock: &Clock,
) -> Result<(), StoreError> {
    let marked = activity::Entity::update_many()
        .col_expr(activity::Column::Bounced, Expr::value(true))
        .filter(activity::COLUMN.id.eq(activity))
        .filter(activity::COLUMN.direction.eq("outgoing"))
        .filter(activity::COLUMN.bounced.eq(false))
        .exec(db)
        .await?;
    if marked.rows_affected == 0 {
        return Ok(());
    }
    let event = Event::ActivityBounced { activity };
    rows::insert(db, vec![outbox::row(workspace, Some(batch.account), &event, clock)]).await
}
