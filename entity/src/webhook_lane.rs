//! A lane of a webhook that is not where the others are.

use sea_orm::entity::prelude::*;

/// The events of one account that an endpoint would not take, or that are many: they go on by themselves.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_lane")]
pub struct Model {
    /// The endpoint.
    #[sea_orm(primary_key, auto_increment = false)]
    pub webhook_id: Uuid,
    /// The account; nil for events of none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub lane: Uuid,
    /// `outbox.seq` up to which this lane is served.
    pub delivered: i64,
    /// Attempts that failed, one after the other.
    pub failures: i32,
    /// Since when they do.
    pub since: Option<DateTimeUtc>,
    /// When the next is due.
    pub next_try: Option<DateTimeUtc>,
    /// The endpoint.
    #[sea_orm(belongs_to, from = "webhook_id", to = "id", on_delete = "Cascade")]
    pub webhook: BelongsTo<super::webhook::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
