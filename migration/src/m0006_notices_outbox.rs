//! What waits to be told: notices to users, events to other programs.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        notice(manager).await?;
        outbox(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["notice", "outbox"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn notice(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "notice";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("recipient"))
            .col(text("kind"))
            .col(text_null("message_id"))
            .col(uuid("activity_id"))
            .col(text("body"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("sent_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut goes_with(table, "activity_id", "activity")),
        &[unique(table, &["activity_id", "kind"])],
    )
    .await
}

async fn outbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "outbox";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(uuid_null("account_id"))
            .col(uuid_null("activity_id"))
            .col(text("kind"))
            .col(json_binary("payload"))
            .col(timestamp_with_time_zone("at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut forgets(table, "account_id", "account"))
            .foreign_key(&mut forgets(table, "activity_id", "activity")),
        &[index(table, &["at"])],
    )
    .await
}
