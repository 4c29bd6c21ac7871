//! An event that waits to be delivered.

use sea_orm::entity::prelude::*;

/// An event in the past tense, written in the transaction that made it true. Delivered at least once, in order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7); also the event's id, by which a receiver drops repetitions.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: Uuid,
    /// The account it is about.
    pub account_id: Option<Uuid>,
    /// The activity it is about.
    pub activity_id: Option<Uuid>,
    /// What happened, such as `activity.logged` or `reply.received`.
    pub kind: String,
    /// JSON of the event.
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    /// When it happened.
    #[sea_orm(indexed)]
    pub at: DateTimeUtc,
    /// Its place among all events that were committed before and after it; none until somebody reads them.
    pub seq: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
