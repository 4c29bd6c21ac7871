//! A conversation.

use sea_orm::entity::prelude::*;

/// A conversation: activities tied by message ids, under one subject (D4, D9).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thread")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: Uuid,
    /// The subject without reply and forward prefixes (RFC 5256 section 2.1 and localised ones).
    pub base_subject: String,
    /// When its first message was logged.
    pub created_at: DateTimeUtc,
    /// Its messages.
    #[sea_orm(has_many)]
    pub activities: HasMany<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
