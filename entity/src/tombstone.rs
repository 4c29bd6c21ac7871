//! The address of a deleted contact.

use sea_orm::entity::prelude::*;

/// The address of a deleted contact: mail does not make that contact anew (E11); an import does.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstone")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// The address folded for comparison.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address_folded: String,
    /// When the contact was deleted.
    pub at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
