//! The compare-and-set that makes a batch the next one.

use entity::mailbox;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr};

use super::Batch;
use crate::clock::Clock;
use crate::store::StoreError;

/// Moves the cursor from where the batch begins to where it ends, or fails because somebody else moved it.
pub(super) async fn advance(db: &DatabaseTransaction, batch: &Batch, clock: &Clock) -> Result<(), StoreError> {
    let moved = mailbox::Entity::update_many()
        .col_expr(mailbox::Column::Cursor, Expr::value(i64::from(batch.to)))
        .col_expr(mailbox::Column::LastPoll, Expr::value(clock.now()))
        .filter(mailbox::COLUMN.id.eq(batch.mailbox))
        .filter(mailbox::COLUMN.uid_validity.eq(i64::from(batch.uid_validity)))
        .filter(mailbox::COLUMN.cursor.eq(i64::from(batch.from)))
        .exec(db)
        .await?;
    if moved.rows_affected == 1 { Ok(()) } else { Err(StoreError::CursorMoved) }
}
