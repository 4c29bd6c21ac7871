//! Who is told of events: webhooks, how far each of them is, and the numbers by which events are read in order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Partial indexes: an event that nobody reads yet is in none of the later two, so that a commit pays for the first alone.
const INDEXES: [(&str, &str); 3] = [
    ("ix_outbox_unnumbered", "CREATE INDEX ix_outbox_unnumbered ON outbox (id) WHERE seq IS NULL"),
    (
        "uq_outbox_workspace_id_seq",
        "CREATE UNIQUE INDEX uq_outbox_workspace_id_seq ON outbox (workspace_id, seq) WHERE seq IS NOT NULL",
    ),
    (
        "ix_outbox_account_id_seq",
        "CREATE INDEX ix_outbox_account_id_seq ON outbox (account_id, seq) WHERE seq IS NOT NULL",
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("outbox").add_column(big_integer_null("seq")).to_owned()).await?;
        let db = manager.get_connection();
        for (_, index) in INDEXES {
            db.execute_unprepared(index).await?;
        }
        counter(manager).await?;
        webhook(manager).await?;
        webhook_lane(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["outbox_counter", "webhook", "webhook_lane"]).await?;
        for (index, _) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.alter_table(Table::alter().table("outbox").drop_column("seq").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn counter(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "outbox_counter";
    let mut counter = Table::create();
    counter.table(table).col(integer("id").primary_key()).col(big_integer("last"));
    create(manager, &mut counter, &[]).await?;
    manager.get_connection().execute_unprepared("INSERT INTO outbox_counter (id, last) VALUES (1, 0)").await?;
    Ok(())
}

async fn webhook(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "webhook";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("url"))
            .col(json_binary_null("events"))
            .col(binary("secret"))
            .col(text("state"))
            .col(text_null("reason"))
            .col(timestamp_with_time_zone("created_at"))
            .col(big_integer("cursor"))
            .col(integer("failures"))
            .col(timestamp_with_time_zone_null("next_try"))
            .col(timestamp_with_time_zone_null("failing_since"))
            .col(timestamp_with_time_zone_null("last_success"))
            .col(uuid_null("claimed_by"))
            .col(big_integer_null("claimed_until"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[unique(table, &["workspace_id", "url"])],
    )
    .await
}

async fn webhook_lane(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "webhook_lane";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("webhook_id"))
            .col(uuid("lane"))
            .col(big_integer("delivered"))
            .col(integer("failures"))
            .col(timestamp_with_time_zone_null("since"))
            .col(timestamp_with_time_zone_null("next_try"))
            .primary_key(&mut primary_key(table, &["webhook_id", "lane"]))
            .foreign_key(&mut goes_with(table, "webhook_id", "webhook")),
        &[],
    )
    .await
}
