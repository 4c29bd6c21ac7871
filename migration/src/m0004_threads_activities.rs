//! The timeline: conversations, logged mail, what it is logged to and where it was seen.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        thread(manager).await?;
        activity(manager).await?;
        thread_message(manager).await?;
        activity_contact(manager).await?;
        activity_company(manager).await?;
        activity_deal(manager).await?;
        sighting(manager).await?;
        attachment(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(
            manager,
            &[
                "thread",
                "activity",
                "thread_message",
                "activity_contact",
                "activity_company",
                "activity_deal",
                "sighting",
                "attachment",
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn thread(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "thread";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("base_subject"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[],
    )
    .await
}

async fn thread_message(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "thread_message";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("workspace_id"))
            .col(blob("message_key"))
            .col(uuid("thread_id"))
            .col(uuid("activity_id"))
            .primary_key(&mut primary_key(table, &["workspace_id", "message_key"]))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut goes_with(table, "thread_id", "thread"))
            .foreign_key(&mut goes_with(table, "activity_id", "activity")),
        &[index(table, &["thread_id"]), index(table, &["activity_id"])],
    )
    .await
}

async fn activity(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "activity";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(blob("message_key"))
            .col(uuid("account_id"))
            .col(uuid("thread_id"))
            .col(text("direction"))
            .col(text("kind"))
            .col(text_null("message_id"))
            .col(text("subject"))
            .col(json_binary("sender"))
            .col(json_binary("recipients"))
            .col(timestamp_with_time_zone("sent_at"))
            .col(uuid_null("user_id"))
            .col(text_null("attribution"))
            .col(text("visibility"))
            .col(text_null("text"))
            .col(text_null("html"))
            .col(text_null("reply_text"))
            .col(json_binary("flags"))
            .col(boolean("bounced"))
            .col(text_null("note"))
            .col(text_null("forwarded_by"))
            .col(text_null("original_message_id"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut holds(table, "account_id", "account"))
            .foreign_key(&mut goes_with(table, "thread_id", "thread"))
            .foreign_key(&mut forgets(table, "user_id", "crm_user")),
        &[
            unique(table, &["workspace_id", "message_key"]),
            index(table, &["workspace_id", "sent_at"]),
            index(table, &["thread_id"]),
        ],
    )
    .await
}

async fn activity_contact(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "activity_contact";
    create_link(
        manager,
        activity_link(table, "contact_id", "contact").col(text("role")),
        &[index(table, &["contact_id"])],
    )
    .await
}

async fn activity_company(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "activity_company";
    create_link(manager, &mut activity_link(table, "company_id", "company"), &[index(table, &["company_id"])]).await
}

async fn activity_deal(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "activity_deal";
    create_link(manager, &mut activity_link(table, "deal_id", "deal"), &[index(table, &["deal_id"])]).await
}

/// A table that ties activities to rows of `parent`.
fn activity_link(table: &'static str, column: &'static str, parent: &'static str) -> TableCreateStatement {
    Table::create()
        .table(table)
        .col(uuid("activity_id"))
        .col(uuid(column))
        .primary_key(&mut primary_key(table, &["activity_id", column]))
        .foreign_key(&mut goes_with(table, "activity_id", "activity"))
        .foreign_key(&mut goes_with(table, column, parent))
        .to_owned()
}

async fn sighting(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "sighting";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid"))
            .col(uuid("activity_id"))
            .primary_key(&mut primary_key(table, &["mailbox_id", "uid_validity", "uid"]))
            .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox"))
            .foreign_key(&mut goes_with(table, "activity_id", "activity")),
        &[index(table, &["activity_id"])],
    )
    .await
}

async fn attachment(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "attachment";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("activity_id"))
            .col(integer("position"))
            .col(text("name"))
            .col(text("media_type"))
            .col(big_integer("size"))
            .col(text_null("sha256"))
            .col(text_null("content_id"))
            .col(boolean("is_inline"))
            .col(boolean("stored"))
            .col(text_null("reason"))
            .primary_key(&mut primary_key(table, &["activity_id", "position"]))
            .foreign_key(&mut goes_with(table, "activity_id", "activity")),
        &[],
    )
    .await
}
