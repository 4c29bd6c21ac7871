//! Logged mail whose attachments are still to come (H7).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{activity, late_attachment, mailbox};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::decide::decision::Direction;
use crate::decide::facts::Facts;
use crate::store::{Store, StoreError, padded};

impl Store {
    /// Marks which of the known messages wait for their attachments.
    pub async fn mark_late(&self, facts: &mut Facts) -> Result<(), StoreError> {
        for workspace in facts.workspaces.iter_mut().filter(|workspace| !workspace.known.is_empty()) {
            let known = padded(workspace.known.values().copied());
            let rows = late_attachment::Entity::find().filter(late_attachment::COLUMN.activity_id.is_in(known));
            workspace.late.extend(rows.all(&self.db).await?.into_iter().map(|row| row.activity_id));
        }
        Ok(())
    }

    /// The accounts that have messages to look at again.
    pub async fn accounts_with_late(&self, now: DateTime<Utc>) -> Result<HashSet<Uuid>, StoreError> {
        let rows = late_attachment::Entity::find()
            .filter(late_attachment::COLUMN.next_look.lte(now))
            .find_also_related(mailbox::Entity)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().filter_map(|(_, mailbox)| Some(mailbox?.account_id)).collect())
    }

    /// The messages of an account to look at again, with their mailboxes.
    pub async fn late(
        &self,
        account: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<(mailbox::Model, late_attachment::Model)>, StoreError> {
        let rows = late_attachment::Entity::find()
            .filter(late_attachment::COLUMN.next_look.lte(now))
            .order_by_asc(late_attachment::Column::MailboxId)
            .order_by_asc(late_attachment::Column::Uid)
            .find_also_related(mailbox::Entity)
            .all(&self.db)
            .await?;
        let of_account = rows.into_iter().filter_map(|(row, mailbox)| Some((mailbox?, row)));
        Ok(of_account.filter(|(mailbox, _)| mailbox.account_id == account).collect())
    }

    /// Whether one of us wrote a logged mail.
    pub async fn is_outgoing(&self, activity: Uuid) -> Result<bool, StoreError> {
        let row = activity::Entity::find_by_id(activity).one(&self.db).await?;
        Ok(row.is_some_and(|row| row.direction == Direction::Outgoing.as_str()))
    }

    /// Notes when a message is looked at again.
    pub async fn look_later(&self, activity: Uuid, next: DateTime<Utc>) -> Result<(), StoreError> {
        late_attachment::Entity::update_many()
            .col_expr(late_attachment::Column::NextLook, Expr::value(next))
            .filter(late_attachment::COLUMN.activity_id.eq(activity))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}
