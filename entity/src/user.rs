//! A CRM user.

use sea_orm::entity::prelude::*;

/// A user of the CRM. The table is `crm_user`, because `user` is a reserved word in SQL.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "crm_user")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant the user belongs to.
    pub workspace_id: Uuid,
    /// The account (login) address as written; second step of the attribution ladder (C2).
    pub login: String,
    /// `login` folded for comparison; unique in the workspace.
    #[sea_orm(indexed)]
    pub login_folded: String,
    /// Display name.
    pub name: String,
    /// `core` or `view-only`; a view-only seat may not log (A11b).
    pub seat: String,
    /// Mail of an inactive user is not logged or attributed (C7, D2).
    pub active: bool,
    /// When mailtrail first knew the user.
    pub created_at: DateTimeUtc,
    /// The tenant.
    #[sea_orm(belongs_to, from = "workspace_id", to = "id")]
    pub workspace: BelongsTo<super::workspace::Entity>,
    /// Aliases; third step of the attribution ladder (C2).
    #[sea_orm(has_many)]
    pub aliases: HasMany<super::user_address::Entity>,
    /// The accounts the user connected.
    #[sea_orm(has_many, via = "account_user")]
    pub accounts: HasMany<super::account::Entity>,
    /// The activities attributed to the user.
    #[sea_orm(has_many)]
    pub activities: HasMany<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
