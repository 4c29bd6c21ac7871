//! Forwards that a person has to settle, and what a provider asks of a mailbox.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        review(manager).await?;
        manager
            .alter_table(Table::alter().table("account").add_column(json_binary_null("verification")).to_owned())
            .await?;
        notice_of_no_activity(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["review"]).await?;
        manager.alter_table(Table::alter().table("account").drop_column("verification").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn review(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "review";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(uuid("account_id"))
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid"))
            .col(text("code"))
            .col(text("reason"))
            .col(text("forwarder"))
            .col(uuid_null("user_id"))
            .col(text("attribution"))
            .col(text_null("message_id"))
            .col(text("sha256"))
            .col(big_integer("size"))
            .col(timestamp_with_time_zone("received_at"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut goes_with(table, "account_id", "account"))
            .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox"))
            .foreign_key(&mut forgets(table, "user_id", "crm_user")),
        &[unique(table, &["mailbox_id", "uid_validity", "uid"]), index(table, &["workspace_id"])],
    )
    .await
}

/// A notice may be about mail that is not logged. SQLite changes no column: the table is made anew.
async fn notice_of_no_activity(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() == sea_orm::DatabaseBackend::Postgres {
        db.execute_unprepared("ALTER TABLE notice ALTER COLUMN activity_id DROP NOT NULL").await?;
        return Ok(());
    }
    let (table, next) = ("notice", "notice_next");
    let columns = "id, workspace_id, recipient, kind, message_id, activity_id, body, created_at, sent_at";
    create(
        manager,
        Table::create()
            .table(next)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("recipient"))
            .col(text("kind"))
            .col(text_null("message_id"))
            .col(uuid_null("activity_id"))
            .col(text("body"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("sent_at"))
            .foreign_key(&mut goes_with(next, "workspace_id", "workspace"))
            .foreign_key(&mut goes_with(next, "activity_id", "activity")),
        &[],
    )
    .await?;
    db.execute_unprepared(&format!("INSERT INTO {next} ({columns}) SELECT {columns} FROM {table}")).await?;
    manager.drop_table(Table::drop().table(table).to_owned()).await?;
    db.execute_unprepared(&format!("ALTER TABLE {next} RENAME TO {table}")).await?;
    manager.create_index(unique(table, &["activity_id", "kind"])).await
}
