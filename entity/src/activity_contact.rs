//! Which contacts an activity is logged to.

use sea_orm::entity::prelude::*;

/// An activity is logged to a contact (E1). Computed once, when the mail is logged (E11).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activity_contact")]
pub struct Model {
    /// The activity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: Uuid,
    /// The contact.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub contact_id: Uuid,
    /// The contact's part in the mail: `from`, `to` or `cc`.
    pub role: String,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
    /// The contact.
    #[sea_orm(belongs_to, from = "contact_id", to = "id", on_delete = "Cascade")]
    pub contact: BelongsTo<super::contact::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
