//! Watched accounts, who connected them, their tokens and how far their mailboxes were read.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        account(manager).await?;
        account_workspace(manager).await?;
        account_user(manager).await?;
        oauth_grant(manager).await?;
        mailbox(manager).await?;
        attempt(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["account", "account_workspace", "account_user", "oauth_grant", "mailbox", "attempt"])
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn account(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "account";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(text("address"))
            .col(text("address_folded"))
            .col(text("kind"))
            .col(text("provider"))
            .col(text("host"))
            .col(integer("port"))
            .col(text("auth"))
            .col(text("security"))
            .col(text_null("imap_user"))
            .col(text_null("password_file"))
            .col(text("state"))
            .col(text_null("reason"))
            .col(boolean("declared"))
            .col(boolean("withdrawn"))
            .col(date_null("since"))
            .col(uuid_null("connected_by"))
            .col(timestamp_with_time_zone_null("connected_at"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("last_success"))
            .col(timestamp_with_time_zone_null("last_attempt"))
            .col(integer("failures"))
            .col(timestamp_with_time_zone_null("next_try"))
            .foreign_key(&mut forgets(table, "connected_by", "crm_user")),
        &[unique(table, &["address_folded"])],
    )
    .await
}

async fn account_workspace(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "account_workspace";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("account_id"))
            .col(uuid("workspace_id"))
            .col(timestamp_with_time_zone("created_at"))
            .primary_key(&mut primary_key(table, &["account_id", "workspace_id"]))
            .foreign_key(&mut goes_with(table, "account_id", "account"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[index(table, &["workspace_id"])],
    )
    .await
}

async fn account_user(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "account_user";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("account_id"))
            .col(uuid("user_id"))
            .col(timestamp_with_time_zone("connected_at"))
            .col(timestamp_with_time_zone_null("disconnected_at"))
            .primary_key(&mut primary_key(table, &["account_id", "user_id"]))
            .foreign_key(&mut goes_with(table, "account_id", "account"))
            .foreign_key(&mut goes_with(table, "user_id", "crm_user")),
        &[index(table, &["user_id"])],
    )
    .await
}

async fn oauth_grant(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "oauth_grant";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("account_id"))
            .col(big_integer("version"))
            .col(text("key_id"))
            .col(blob("refresh_token"))
            .col(blob_null("access_token"))
            .col(timestamp_with_time_zone_null("access_expires_at"))
            .col(text_null("scope"))
            .col(text_null("source"))
            .col(text_null("declared_mark"))
            .col(timestamp_with_time_zone("updated_at"))
            .foreign_key(&mut goes_with(table, "account_id", "account")),
        &[],
    )
    .await
}

async fn mailbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "mailbox";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(text("name"))
            .col(text("wire_name"))
            .col(text("role"))
            .col(big_integer("uid_validity"))
            .col(big_integer("first_uid"))
            .col(big_integer("cursor"))
            .col(big_integer_null("uid_next"))
            .col(big_integer_null("highest_modseq"))
            .col(timestamp_with_time_zone_null("last_poll"))
            .col(big_integer("seen").default(0))
            .col(big_integer("opened").default(0))
            .col(big_integer("opened_unlogged").default(0))
            .foreign_key(&mut goes_with(table, "account_id", "account")),
        &[unique(table, &["account_id", "wire_name"])],
    )
    .await
}

async fn attempt(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "attempt";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid"))
            .col(integer("count"))
            .col(text("reason"))
            .col(timestamp_with_time_zone("at"))
            .primary_key(&mut primary_key(table, &["mailbox_id", "uid_validity", "uid"]))
            .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox")),
        &[],
    )
    .await
}
