//! A forward that a person has to settle.

use sea_orm::entity::prelude::*;

/// A forward that could not be processed, with its bytes, until somebody says whose it is or drops it (B24).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "review")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(indexed)]
    pub workspace_id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// The mailbox.
    #[sea_orm(unique_key = "message")]
    pub mailbox_id: Uuid,
    /// The epoch of the UID.
    #[sea_orm(unique_key = "message")]
    pub uid_validity: i64,
    /// The message.
    #[sea_orm(unique_key = "message")]
    pub uid: i64,
    /// Why it was not logged, in kebab-case.
    pub code: String,
    /// Why, in words for people.
    pub reason: String,
    /// Address of the user who forwarded it.
    pub forwarder: String,
    /// The user.
    pub user_id: Option<Uuid>,
    /// Why that user (C2).
    pub attribution: String,
    /// Message-ID of the forward.
    pub message_id: Option<String>,
    /// SHA-256 of the raw bytes in hexadecimal: the key in the attachment store.
    pub sha256: String,
    /// Size of the raw bytes.
    pub size: i64,
    /// When the server got it.
    pub received_at: DateTimeUtc,
    /// When it was put here.
    pub created_at: DateTimeUtc,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
    /// The mailbox.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
