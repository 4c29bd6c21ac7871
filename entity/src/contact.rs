//! A contact of the CRM.

use sea_orm::entity::prelude::*;

/// A person outside the organisation. Found by any of its addresses (E6).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(unique_key = "workspace_key")]
    pub workspace_id: Uuid,
    /// The CRM's own identifier of the contact; null while only mailtrail knows it. Imports update by it.
    #[sea_orm(unique_key = "workspace_key")]
    pub key: Option<String>,
    /// Display name; null where only an address is known (E10).
    pub name: Option<String>,
    /// First part of a display name that splits (E10).
    pub first_name: Option<String>,
    /// Last part of a display name that splits (E10).
    pub last_name: Option<String>,
    /// The user it belongs to (E10).
    pub owner_id: Option<Uuid>,
    /// How it came to be: `import`, or the kind of mail that made it, such as `bcc` or `forward` (E10).
    pub source: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// The tenant.
    #[sea_orm(belongs_to, from = "workspace_id", to = "id")]
    pub workspace: BelongsTo<super::workspace::Entity>,
    /// The user it belongs to.
    #[sea_orm(belongs_to, from = "owner_id", to = "id", on_delete = "SetNull")]
    pub owner: BelongsTo<Option<super::user::Entity>>,
    /// Its addresses.
    #[sea_orm(has_many)]
    pub addresses: HasMany<super::contact_address::Entity>,
    /// Its companies.
    #[sea_orm(has_many, via = "contact_company")]
    pub companies: HasMany<super::company::Entity>,
    /// Its deals.
    #[sea_orm(has_many, via = "deal_contact")]
    pub deals: HasMany<super::deal::Entity>,
    /// Its timeline.
    #[sea_orm(has_many, via = "activity_contact")]
    pub activities: HasMany<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
