//! A company of the CRM.

use sea_orm::entity::prelude::*;

/// A company of the CRM.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "company")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(unique_key = "workspace_key")]
    pub workspace_id: Uuid,
    /// The CRM's own identifier of the company; unique in the workspace, imports update by it.
    #[sea_orm(unique_key = "workspace_key")]
    pub key: String,
    /// Display name.
    pub name: String,
    /// The tenant.
    #[sea_orm(belongs_to, from = "workspace_id", to = "id")]
    pub workspace: BelongsTo<super::workspace::Entity>,
    /// Its mail domains.
    #[sea_orm(has_many)]
    pub domains: HasMany<super::company_domain::Entity>,
    /// Its contacts.
    #[sea_orm(has_many, via = "contact_company")]
    pub contacts: HasMany<super::contact::Entity>,
    /// Its timeline.
    #[sea_orm(has_many, via = "activity_company")]
    pub activities: HasMany<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
