//! Messages that may turn out to belong to a conversation.

use sea_orm::entity::prelude::*;

/// A message of a personal inbox that was not logged waits for another that it refers to, or for its own copy (D21).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_reference")]
pub struct Model {
    /// The mailbox it is in.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mailbox_id: Uuid,
    /// The epoch of the UID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid_validity: i64,
    /// Its UID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid: i64,
    /// Keyed hash of the workspace and the message that it waits for.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub hash: Vec<u8>,
    /// Whether that is the message itself, as logged from another mailbox.
    pub own: bool,
    /// Whether what it waits for has come, so that it is to be judged again.
    #[sea_orm(indexed)]
    pub due: bool,
    /// When it has waited long enough.
    #[sea_orm(indexed)]
    pub expires_at: DateTimeUtc,
    /// The mailbox it is in.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
