//! The verdict on every message passed, and the messages set aside.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ledger(manager).await?;
        quarantine(manager).await?;
        pending_reference(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["ledger", "quarantine", "pending_reference"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn ledger(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "ledger";
    create(
        manager,
        Table::create()
            .table(table)
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid_first"))
            .col(big_integer("uid_last"))
            .col(text("code"))
            .col(uuid_null("activity_id"))
            .col(blob_null("message_hash"))
            .col(json_binary_null("trace"))
            .col(timestamp_with_time_zone("at"))
            .primary_key(&mut primary_key(table, &["mailbox_id", "uid_validity", "uid_first"]))
            .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox"))
            .foreign_key(&mut forgets(table, "activity_id", "activity")),
        &[index(table, &["message_hash"]), index(table, &["activity_id"])],
    )
    .await
}

async fn quarantine(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "quarantine";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid"))
            .col(text("code"))
            .col(text("reason"))
            .col(text_null("sha256"))
            .col(big_integer_null("size"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "account_id", "account"))
            .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox")),
        &[unique(table, &["mailbox_id", "uid_validity", "uid"])],
    )
    .await
}

async fn pending_reference(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "pending_reference";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid"))
            .col(blob("hash"))
            .col(boolean("own"))
            .col(boolean("due"))
            .col(timestamp_with_time_zone("expires_at"))
            .primary_key(&mut primary_key(table, &["mailbox_id", "uid_validity", "uid", "hash"]))
            .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox")),
        &[index(table, &["hash"]), index(table, &["due"]), index(table, &["expires_at"])],
    )
    .await
}
