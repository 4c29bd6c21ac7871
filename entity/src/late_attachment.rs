//! Logged mail whose attachments are still to come.

use sea_orm::entity::prelude::*;

/// A scanner delivered a placeholder first: the message is looked at again until its attachments are there (H7).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "late_attachment")]
pub struct Model {
    /// The activity, which has the flag `attachment-pending`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: Uuid,
    /// The mailbox it was logged from.
    #[sea_orm(indexed)]
    pub mailbox_id: Uuid,
    /// The epoch of the UID.
    pub uid_validity: i64,
    /// The message's UID there.
    pub uid: i64,
    /// When it was logged.
    pub since: DateTimeUtc,
    /// When it is looked at again.
    #[sea_orm(indexed)]
    pub next_look: DateTimeUtc,
    /// When nobody looks any more.
    pub until: DateTimeUtc,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
    /// The mailbox it was logged from.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
