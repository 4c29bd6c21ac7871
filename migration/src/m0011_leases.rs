//! Which of several workers on one PostgreSQL reads which account. On SQLite, where one process reads all, the tables stay
//! empty.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::words::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Has a row in `lease` for every account, tells in it whether the account is to be read, and wakes the workers,
/// whichever program changed the account.
const FOLLOWS_ACCOUNT: &str = "\
CREATE FUNCTION mailtrail_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lease (account_id, epoch, wanted)
    VALUES (NEW.id, 0, NEW.kind IN ('bcc', 'forwarding', 'personal')
        AND NEW.state IN ('active', 'needs-reauth', 'needs-admin-consent', 'broken'))
    ON CONFLICT (account_id) DO UPDATE SET wanted = excluded.wanted WHERE lease.wanted <> excluded.wanted;
    PERFORM pg_notify('mailtrail', NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER mailtrail_account_made AFTER INSERT ON account
    FOR EACH ROW EXECUTE FUNCTION mailtrail_account_changed();
CREATE TRIGGER mailtrail_account_changed AFTER UPDATE ON account
    FOR EACH ROW WHEN (
        (OLD.kind, OLD.state, OLD.connected_at, OLD.host, OLD.port, OLD.auth, OLD.security, OLD.imap_user,
            OLD.password_file, OLD.since)
        IS DISTINCT FROM (NEW.kind, NEW.state, NEW.connected_at, NEW.host, NEW.port, NEW.auth, NEW.security,
            NEW.imap_user, NEW.password_file, NEW.since))
    EXECUTE FUNCTION mailtrail_account_changed();
INSERT INTO lease (account_id, epoch, wanted)
    SELECT id, 0, kind IN ('bcc', 'forwarding', 'personal')
        AND state IN ('active', 'needs-reauth', 'needs-admin-consent', 'broken') FROM account;";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        worker(manager).await?;
        lease(manager).await?;
        if manager.get_database_backend() == sea_orm::DatabaseBackend::Postgres {
            manager.get_connection().execute_unprepared(FOLLOWS_ACCOUNT).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == sea_orm::DatabaseBackend::Postgres {
            let triggers = "DROP TRIGGER mailtrail_account_made ON account; \
                DROP TRIGGER mailtrail_account_changed ON account; DROP FUNCTION mailtrail_account_changed()";
            manager.get_connection().execute_unprepared(triggers).await?;
        }
        drop_tables(manager, &["worker", "lease"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn worker(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    create(
        manager,
        Table::create()
            .table("worker")
            .col(pk_uuid("id"))
            .col(text("label"))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(big_integer("held").default(0)),
        &[],
    )
    .await
}

async fn lease(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "lease";
    create(
        manager,
        Table::create()
            .table(table)
            .col(pk_uuid("account_id"))
            .col(uuid_null("worker_id"))
            .col(big_integer("epoch"))
            .col(boolean("wanted"))
            .foreign_key(&mut goes_with(table, "account_id", "account"))
            .foreign_key(&mut forgets(table, "worker_id", "worker")),
        &[index(table, &["worker_id", "wanted"])],
    )
    .await
}
