//! What the CRM knows: companies, contacts, deals, and what must not be logged.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        company(manager).await?;
        company_domain(manager).await?;
        contact(manager).await?;
        contact_address(manager).await?;
        contact_company(manager).await?;
        deal(manager).await?;
        deal_contact(manager).await?;
        tombstone(manager).await?;
        never_log(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(
            manager,
            &[
                "company",
                "company_domain",
                "contact",
                "contact_address",
                "contact_company",
                "deal",
                "deal_contact",
                "tombstone",
                "never_log",
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn company(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "company";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("key"))
            .col(text("name"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[unique(table, &["workspace_id", "key"])],
    )
    .await
}

async fn company_domain(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "company_domain";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("workspace_id"))
            .col(text("domain"))
            .col(uuid("company_id"))
            .primary_key(&mut primary_key(table, &["workspace_id", "domain"]))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut goes_with(table, "company_id", "company")),
        &[index(table, &["company_id"])],
    )
    .await
}

async fn contact(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "contact";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text_null("key"))
            .col(text_null("name"))
            .col(text_null("first_name"))
            .col(text_null("last_name"))
            .col(uuid_null("owner_id"))
            .col(text("source"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut forgets(table, "owner_id", "crm_user")),
        &[unique(table, &["workspace_id", "key"])],
    )
    .await
}

async fn contact_address(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "contact_address";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("workspace_id"))
            .col(text("address_folded"))
            .col(text("address"))
            .col(uuid("contact_id"))
            .col(integer("position"))
            .primary_key(&mut primary_key(table, &["workspace_id", "address_folded"]))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace"))
            .foreign_key(&mut goes_with(table, "contact_id", "contact")),
        &[index(table, &["contact_id"])],
    )
    .await
}

async fn contact_company(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "contact_company";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("contact_id"))
            .col(uuid("company_id"))
            .col(boolean("is_primary"))
            .primary_key(&mut primary_key(table, &["contact_id", "company_id"]))
            .foreign_key(&mut goes_with(table, "contact_id", "contact"))
            .foreign_key(&mut goes_with(table, "company_id", "company")),
        &[index(table, &["company_id"]), one_primary_company()],
    )
    .await
}

/// A contact has at most one primary company, the one that mail is logged to (E2).
fn one_primary_company() -> IndexCreateStatement {
    unique("contact_company", &["contact_id"]).and_where(Expr::col("is_primary")).to_owned()
}

async fn deal(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "deal";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("key"))
            .col(text("name"))
            .col(text("stage"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[unique(table, &["workspace_id", "key"])],
    )
    .await
}

async fn deal_contact(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "deal_contact";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("contact_id"))
            .col(uuid("deal_id"))
            .primary_key(&mut primary_key(table, &["contact_id", "deal_id"]))
            .foreign_key(&mut goes_with(table, "contact_id", "contact"))
            .foreign_key(&mut goes_with(table, "deal_id", "deal")),
        &[index(table, &["deal_id"])],
    )
    .await
}

async fn tombstone(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "tombstone";
    create_link(
        manager,
        Table::create()
            .table(table)
            .col(uuid("workspace_id"))
            .col(text("address_folded"))
            .col(timestamp_with_time_zone("at"))
            .primary_key(&mut primary_key(table, &["workspace_id", "address_folded"]))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[],
    )
    .await
}

async fn never_log(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "never_log";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(text("scope"))
            .col(text("entry"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut goes_with(table, "workspace_id", "workspace")),
        &[unique(table, &["workspace_id", "scope", "entry"])],
    )
    .await
}
