//! Where a grant stands, and consents that were asked for and not given yet.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const GRANT: &str = "oauth_grant";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for mut column in [
            text("state").default("fresh").take(),
            text_null("reason").take(),
            timestamp_with_time_zone_null("state_at").take(),
            timestamp_with_time_zone_null("claimed_until").take(),
            text_null("subject").take(),
        ] {
            manager.alter_table(Table::alter().table(GRANT).add_column(&mut column).to_owned()).await?;
        }
        consent(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["consent"]).await?;
        for column in ["state", "reason", "state_at", "claimed_until", "subject"] {
            manager.alter_table(Table::alter().table(GRANT).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn consent(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "consent";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(text_null("signs_in_as"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("used_at"))
            .col(binary_null("state_mark"))
            .col(binary_null("browser_mark"))
            .col(binary_null("secrets"))
            .foreign_key(&mut goes_with(table, "account_id", "account")),
        &[unique(table, &["state_mark"]), index(table, &["account_id"])],
    )
    .await
}
