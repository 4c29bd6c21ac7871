//! Who connected an account.

use sea_orm::entity::prelude::*;

/// A user connected an account; first and last step of the attribution ladder (C2).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_user")]
pub struct Model {
    /// The account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// The user.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub user_id: Uuid,
    /// Start of the present connection; renewing a refused consent keeps it (C7).
    pub connected_at: DateTimeUtc,
    /// End of the connection; null while it lasts.
    pub disconnected_at: Option<DateTimeUtc>,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
    /// The user.
    #[sea_orm(belongs_to, from = "user_id", to = "id", on_delete = "Cascade")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
