//! What an account costs its server in a day.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "usage";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_link(
            manager,
            Table::create()
                .table(TABLE)
                .col(uuid("account_id"))
                .col(date("day"))
                .col(big_integer("bytes"))
                .col(big_integer("commands"))
                .primary_key(&mut primary_key(TABLE, &["account_id", "day"]))
                .foreign_key(&mut goes_with(TABLE, "account_id", "account")),
            &[index(TABLE, &["day"])],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &[TABLE]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
