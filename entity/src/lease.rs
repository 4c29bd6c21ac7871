//! Who reads an account.

use sea_orm::entity::prelude::*;

/// Which worker reads an account, on PostgreSQL. The row is as old as the account, so that the epoch never falls.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lease")]
pub struct Model {
    /// The account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// Who reads it; empty while nobody does.
    #[sea_orm(indexed)]
    pub worker_id: Option<Uuid>,
    /// How often it was taken: who writes must have taken it last.
    pub epoch: i64,
    /// Whether the account is to be read: neither paused nor removed. A trigger on `account` keeps it.
    pub wanted: bool,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
    /// The worker.
    #[sea_orm(belongs_to, from = "worker_id", to = "id", on_delete = "SetNull")]
    pub worker: BelongsTo<Option<super::worker::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
