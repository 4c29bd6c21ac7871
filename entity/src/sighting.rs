//! Where a logged mail was seen.

use sea_orm::entity::prelude::*;

/// A logged mail was seen in a mailbox. One activity may have many: it is still logged once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sighting")]
pub struct Model {
    /// The mailbox.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mailbox_id: Uuid,
    /// The epoch of the UID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid_validity: i64,
    /// The message's UID there.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid: i64,
    /// The activity. A forward with several originals attached shows several.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub activity_id: Uuid,
    /// The mailbox.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
