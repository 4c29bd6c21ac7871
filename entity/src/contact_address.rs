//! A mail address of a contact.

use sea_orm::entity::prelude::*;

/// A mail address of a contact; in a workspace it belongs to one contact only (E6, L7).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_address")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// The address folded for comparison: lower-case, domain as A-labels (E7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub address_folded: String,
    /// The address as written.
    pub address: String,
    /// Whose address it is.
    #[sea_orm(indexed)]
    pub contact_id: Uuid,
    /// Order within the contact; 0 is the primary address.
    pub position: i32,
    /// The contact.
    #[sea_orm(belongs_to, from = "contact_id", to = "id", on_delete = "Cascade")]
    pub contact: BelongsTo<super::contact::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
