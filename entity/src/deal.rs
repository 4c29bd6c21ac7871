//! A deal of the CRM.

use sea_orm::entity::prelude::*;

/// A deal of the CRM. Mail is logged to the five newest open deals of each contact (E1, E3).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deal")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(unique_key = "workspace_key")]
    pub workspace_id: Uuid,
    /// The CRM's own identifier of the deal; unique in the workspace, imports update by it.
    #[sea_orm(unique_key = "workspace_key")]
    pub key: String,
    /// Display name.
    pub name: String,
    /// `open`, `won` or `lost`; only open deals take mail (E3).
    pub stage: String,
    /// When the deal was made in the CRM; the newest come first (E3).
    pub created_at: DateTimeUtc,
    /// The tenant.
    #[sea_orm(belongs_to, from = "workspace_id", to = "id")]
    pub workspace: BelongsTo<super::workspace::Entity>,
    /// Its contacts.
    #[sea_orm(has_many, via = "deal_contact")]
    pub contacts: HasMany<super::contact::Entity>,
    /// Its timeline.
    #[sea_orm(has_many, via = "activity_deal")]
    pub activities: HasMany<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
