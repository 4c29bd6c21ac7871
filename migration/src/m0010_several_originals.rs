//! One message may show several activities: a forward with several originals attached.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "sighting";
const NEXT: &str = "sighting_next";
const COLUMNS: &str = "mailbox_id, uid_validity, uid, activity_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        keyed_by(manager, &["mailbox_id", "uid_validity", "uid", "activity_id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let further = "DELETE FROM sighting WHERE EXISTS (SELECT 1 FROM sighting AS one WHERE one.mailbox_id = \
             sighting.mailbox_id AND one.uid_validity = sighting.uid_validity AND one.uid = sighting.uid \
             AND one.activity_id < sighting.activity_id)";
        manager.get_connection().execute_unprepared(further).await?;
        keyed_by(manager, &["mailbox_id", "uid_validity", "uid"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Another primary key. SQLite changes none: the table is made anew.
async fn keyed_by(manager: &SchemaManager<'_>, key: &[&'static str]) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() == sea_orm::DatabaseBackend::Postgres {
        db.execute_unprepared("ALTER TABLE sighting DROP CONSTRAINT pk_sighting").await?;
        let columns = key.join(", ");
        db.execute_unprepared(&format!("ALTER TABLE sighting ADD CONSTRAINT pk_sighting PRIMARY KEY ({columns})"))
            .await?;
        return Ok(());
    }
    create_link(
        manager,
        Table::create()
            .table(NEXT)
            .col(uuid("mailbox_id"))
            .col(big_integer("uid_validity"))
            .col(big_integer("uid"))
            .col(uuid("activity_id"))
            .primary_key(&mut primary_key(NEXT, key))
            .foreign_key(&mut goes_with(NEXT, "mailbox_id", "mailbox"))
            .foreign_key(&mut goes_with(NEXT, "activity_id", "activity")),
        &[],
    )
    .await?;
    db.execute_unprepared(&format!("INSERT INTO {NEXT} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE}")).await?;
    manager.drop_table(Table::drop().table(TABLE).to_owned()).await?;
    db.execute_unprepared(&format!("ALTER TABLE {NEXT} RENAME TO {TABLE}")).await?;
    manager.create_index(index(TABLE, &["activity_id"])).await
}
