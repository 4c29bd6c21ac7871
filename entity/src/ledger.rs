//! The verdict on every message passed.

use sea_orm::entity::prelude::*;

/// The verdict on a message, or on a run of equal skips. Every UID the cursor passed is in exactly one row.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger")]
pub struct Model {
    /// The mailbox.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mailbox_id: Uuid,
    /// The epoch of the UIDs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid_validity: i64,
    /// First UID of the run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid_first: i64,
    /// Last UID of the run; equal to `uid_first` for a single message.
    pub uid_last: i64,
    /// The verdict in kebab-case, such as `logged` or `unknown-sender`.
    pub code: String,
    /// The activity, where it was logged; the first, where the message brought several originals.
    #[sea_orm(indexed)]
    pub activity_id: Option<Uuid>,
    /// Keyed hash of the message id, to find the verdict by it.
    #[sea_orm(indexed)]
    pub message_hash: Option<Vec<u8>>,
    /// JSON list of the steps that led to the verdict.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub trace: Option<Json>,
    /// When it was decided.
    pub at: DateTimeUtc,
    /// The mailbox.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "SetNull")]
    pub activity: BelongsTo<Option<super::activity::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
