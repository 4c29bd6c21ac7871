//! What an account costs its server.

use sea_orm::entity::prelude::*;

/// What one account cost its mail server in one day, over all connections and processes. Providers lock out who asks for
/// too much, so an account rests before that. Rows of days gone by are removed after a month.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage")]
pub struct Model {
    /// The account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// The day, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    /// Bytes that came from the server.
    pub bytes: i64,
    /// Commands that were sent.
    pub commands: i64,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
