//! The last number that an event has got.

use sea_orm::entity::prelude::*;

/// One row. It is kept apart from the events, so that no number is given twice when old ones were removed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox_counter")]
pub struct Model {
    /// 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The largest `outbox.seq` there ever was.
    pub last: i64,
}

impl ActiveModelBehavior for ActiveModel {}
