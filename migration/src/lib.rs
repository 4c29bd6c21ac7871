//! mailtrail's schema, one file per topic. Run it through `mailtrail migrate`, or from a CRM with [`Migrator`].
//!
//! The meaning of every table and column is documented in the `entity` crate.

use sea_orm_migration::prelude::*;

mod m0001_workspaces_users;
mod m0002_accounts_mailboxes;
mod m0003_crm_records;
mod m0004_threads_activities;
mod m0005_ledger;
mod m0006_notices_outbox;
mod m0007_late_attachments;
mod m0008_reviews;
mod m0009_consents;
mod m0010_several_originals;
mod m0011_leases;
mod m0012_webhooks;
mod m0013_usage;
mod m0014_notices_on_their_way;
mod m0015_audits;
mod words;

pub use sea_orm_migration::MigratorTrait;

/// Brings a database to the present schema. Not to be run by two processes at once.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_workspaces_users::Migration),
            Box::new(m0002_accounts_mailboxes::Migration),
            Box::new(m0003_crm_records::Migration),
            Box::new(m0004_threads_activities::Migration),
            Box::new(m0005_ledger::Migration),
            Box::new(m0006_notices_outbox::Migration),
            Box::new(m0007_late_attachments::Migration),
            Box::new(m0008_reviews::Migration),
            Box::new(m0009_consents::Migration),
            Box::new(m0010_several_originals::Migration),
            Box::new(m0011_leases::Migration),
            Box::new(m0012_webhooks::Migration),
            Box::new(m0013_usage::Migration),
            Box::new(m0014_notices_on_their_way::Migration),
            Box::new(m0015_audits::Migration),
        ]
    }
}
