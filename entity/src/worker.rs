//! A process that reads accounts.

use sea_orm::entity::prelude::*;

/// One of the processes that share the accounts of a PostgreSQL database. All times are the database's own.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "worker")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7). A process that could not renew its row in time begins a new one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Host and process id, for people.
    pub label: String,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it is given up, and its leases with it, unless it renews this before.
    pub expires_at: DateTimeUtc,
    /// How many leases it held when it last counted them.
    pub held: i64,
}

impl ActiveModelBehavior for ActiveModel {}
