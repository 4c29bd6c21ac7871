//! Logged mail whose attachments are still to come.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "late_attachment";
        create(
            manager,
            Table::create()
                .table(table)
                .col(pk_uuid("activity_id"))
                .col(uuid("mailbox_id"))
                .col(big_integer("uid_validity"))
                .col(big_integer("uid"))
                .col(timestamp_with_time_zone("since"))
                .col(timestamp_with_time_zone("next_look"))
                .col(timestamp_with_time_zone("until"))
                .foreign_key(&mut goes_with(table, "activity_id", "activity"))
                .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox")),
            &[index(table, &["mailbox_id"]), index(table, &["next_look"])],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["late_attachment"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
