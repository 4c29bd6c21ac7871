//! A CRM tenant.

use sea_orm::entity::prelude::*;

/// A CRM tenant: the border that no contact, activity or never-log entry crosses.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What operators call it; `default` exists from the start.
    #[sea_orm(unique)]
    pub name: String,
    /// JSON list of the organisation's own domains, folded. Addresses in them are colleagues, never contacts (F9).
    #[sea_orm(column_type = "JsonBinary")]
    pub own_domains: Json,
    /// What new activities get: `everyone`, `team` or `owner` (G5).
    pub visibility: String,
    /// Whether the configuration file declares it; such a row is reconciled at every start.
    pub declared: bool,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Its CRM users.
    #[sea_orm(has_many)]
    pub users: HasMany<super::user::Entity>,
    /// Its contacts.
    #[sea_orm(has_many)]
    pub contacts: HasMany<super::contact::Entity>,
    /// Its companies.
    #[sea_orm(has_many)]
    pub companies: HasMany<super::company::Entity>,
    /// Its deals.
    #[sea_orm(has_many)]
    pub deals: HasMany<super::deal::Entity>,
    /// Its timeline.
    #[sea_orm(has_many)]
    pub activities: HasMany<super::activity::Entity>,
    /// The accounts that log into it; a BCC account may serve several workspaces (A18).
    #[sea_orm(has_many, via = "account_workspace")]
    pub accounts: HasMany<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
