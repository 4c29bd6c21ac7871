//! What audits found, and the kind of an account's last trouble.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut trouble = text_null("trouble").take();
        manager.alter_table(Table::alter().table("account").add_column(&mut trouble).to_owned()).await?;
        let table = "audit";
        create(
            manager,
            Table::create()
                .table(table)
                .col(pk_uuid("mailbox_id"))
                .col(big_integer("uid_validity"))
                .col(timestamp_with_time_zone("at"))
                .col(big_integer("on_server"))
                .col(big_integer("judged"))
                .col(big_integer("waiting"))
                .col(big_integer("holes"))
                .col(big_integer("healed"))
                .col(json_binary("first_holes"))
                .foreign_key(&mut goes_with(table, "mailbox_id", "mailbox")),
            &[],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["audit"]).await?;
        manager.alter_table(Table::alter().table("account").drop_column("trouble").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
