//! Which deals an activity is logged to.

use sea_orm::entity::prelude::*;

/// An activity is logged to a deal (E3). Computed once, when the mail is logged (E11).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activity_deal")]
pub struct Model {
    /// The activity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: Uuid,
    /// The deal.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub deal_id: Uuid,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
    /// The deal.
    #[sea_orm(belongs_to, from = "deal_id", to = "id", on_delete = "Cascade")]
    pub deal: BelongsTo<super::deal::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
