//! Tenants and their users.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        workspace(manager).await?;
        crm_user(manager).await?;
        user_address(manager).await?;
        setting(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["workspace", "crm_user", "user_address", "setting"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn workspace(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "workspace";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(text("name"))
            .col(json_binary("own_domains"))
            .col(text("visibility"))
            .col(boolean("declared"))
            .col(timestamp_with_time_zone("created_at")),
        &[unique(table, &["name"])],
    )
    .await
}

async fn crm_user(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "crm_user";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("login"))
            .col(text("login_folded"))
            .col(text("name"))
            .col(text("seat"))
            .col(boolean("active"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[unique(table, &["workspace_id", "login_folded"]), index(table, &["login_folded"])],
    )
    .await
}

async fn user_address(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "user_address";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("user_id"))
            .col(text("address_folded"))
            .col(uuid("workspace_id"))
            .col(text("address"))
            .primary_key(&mut primary_key(table, &["user_id", "address_folded"]))
            .foreign_key(&mut goes_with(table, "user_id", "crm_user"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[index(table, &["address_folded"])],
    )
    .await
}

async fn setting(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    create(manager, table.table("setting").col(text("name").primary_key()).col(blob("value")), &[]).await
}
