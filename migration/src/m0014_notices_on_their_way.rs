//! Notices are sent: who has one in hand, how often it was tried, and what came of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "notice";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column with a statement.
        for column in columns() {
            manager.alter_table(Table::alter().table(TABLE).add_column(column).to_owned()).await?;
        }
        manager.create_index(index(TABLE, &["created_at"])).await?;
        manager.create_index(index(TABLE, &["recipient", "handed_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_notice_recipient_handed_at", "ix_notice_created_at"] {
            manager.drop_index(Index::drop().name(name).table(TABLE).to_owned()).await?;
        }
        for column in ["attempts", "claimed_until", "next_try", "handed_at", "failed_at", "reason"] {
            manager.alter_table(Table::alter().table(TABLE).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn columns() -> [ColumnDef; 6] {
    [
        integer("attempts").default(0).take(),
        timestamp_with_time_zone_null("claimed_until"),
        timestamp_with_time_zone_null("next_try"),
        timestamp_with_time_zone_null("handed_at"),
        timestamp_with_time_zone_null("failed_at"),
        text_null("reason"),
    ]
}
