//! Which thread and which activity a message id belongs to.

use sea_orm::entity::prelude::*;

/// A message id, hashed, belongs to a thread; a message known by several ids has several rows.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thread_message")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// Keyed hash of the message id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_key: Vec<u8>,
    /// The thread.
    #[sea_orm(indexed)]
    pub thread_id: Uuid,
    /// The activity of the message.
    #[sea_orm(indexed)]
    pub activity_id: Uuid,
    /// The thread.
    #[sea_orm(belongs_to, from = "thread_id", to = "id", on_delete = "Cascade")]
    pub thread: BelongsTo<super::thread::Entity>,
    /// The activity of the message.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
