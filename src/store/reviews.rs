//! The review queue: forwards that a person has to settle (B24).

use entity::{account, mailbox, review};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::store::{Store, StoreError};

impl Store {
    /// The forwards of a workspace that wait for a person, oldest first.
    pub async fn reviews(&self, workspace: Uuid) -> Result<Vec<review::Model>, StoreError> {
        let found = review::Entity::find()
            .filter(review::COLUMN.workspace_id.eq(workspace))
            .order_by_asc(review::Column::CreatedAt)
            .order_by_asc(review::Column::Id)
            .all(&self.db)
            .await?;
        Ok(found)
    }

    /// The account and mailbox of one of them.
    pub async fn place_of_review(&self, row: &review::Model) -> Result<(account::Model, mailbox::Model), StoreError> {
        let account = account::Entity::find_by_id(row.account_id).one(&self.db).await?;
        let mailbox = mailbox::Entity::find_by_id(row.mailbox_id).one(&self.db).await?;
        account.zip(mailbox).ok_or_else(|| StoreError::refused("the account of this message is gone"))
    }

    /// Takes one off the queue; its verdict stays.
    pub async fn drop_review(&self, id: Uuid) -> Result<(), StoreError> {
        review::Entity::delete_by_id(id).exec(&self.db).await?;
        Ok(())
    }
}
