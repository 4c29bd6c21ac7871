//! Which contacts a deal is with.

use sea_orm::entity::prelude::*;

/// A deal is with a contact.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deal_contact")]
pub struct Model {
    /// The contact.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact_id: Uuid,
    /// The deal.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub deal_id: Uuid,
    /// The contact.
    #[sea_orm(belongs_to, from = "contact_id", to = "id", on_delete = "Cascade")]
    pub contact: BelongsTo<super::contact::Entity>,
    /// The deal.
    #[sea_orm(belongs_to, from = "deal_id", to = "id", on_delete = "Cascade")]
    pub deal: BelongsTo<super::deal::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
