//! Failed tries at one message.

use sea_orm::entity::prelude::*;

/// How often one message failed, so that a poison message is set aside after bounded tries.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    /// The mailbox.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mailbox_id: Uuid,
    /// The epoch of the UID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid_validity: i64,
    /// The message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid: i64,
    /// Failed tries so far.
    pub count: i32,
    /// What went wrong last.
    pub reason: String,
    /// When it went wrong last.
    pub at: DateTimeUtc,
    /// The mailbox.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
