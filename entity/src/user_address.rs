//! An alias of a CRM user.

use sea_orm::entity::prelude::*;

/// An alias of a CRM user. Several users may share one, which leaves the sender ambiguous (C6).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_address")]
pub struct Model {
    /// Whose alias it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// The alias folded for comparison.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub address_folded: String,
    /// The user's tenant, repeated so that a look-up needs no join.
    pub workspace_id: Uuid,
    /// The alias as written.
    pub address: String,
    /// The user.
    #[sea_orm(belongs_to, from = "user_id", to = "id", on_delete = "Cascade")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
