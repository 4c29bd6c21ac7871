//! A message set aside.

use sea_orm::entity::prelude::*;

/// A message that could not be handled after bounded tries, set aside so that it blocks nothing.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
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
    /// Why, in kebab-case.
    pub code: String,
    /// Why, in words for people.
    pub reason: String,
    /// SHA-256 of the raw bytes in hexadecimal, where they could be had: the key in the attachment store.
    pub sha256: Option<String>,
    /// Size of the raw bytes.
    pub size: Option<i64>,
    /// When it was set aside.
    pub created_at: DateTimeUtc,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
    /// The mailbox.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
