//! A URL that is told of a workspace's events.

use sea_orm::entity::prelude::*;

/// An endpoint, and how far it is. Of each lane (the events of one account) it has got everything up to `cursor`, but for
/// the lanes that have a `webhook_lane` of their own.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(unique_key = "url")]
    pub workspace_id: Uuid,
    /// Where events are sent. Its path may be a secret of the receiver's: it is printed by `webhook list` only.
    #[sea_orm(unique_key = "url")]
    pub url: String,
    /// JSON list of the kinds of events it wants; all where empty.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub events: Option<Json>,
    /// The signing secret, sealed; empty where the key that sealed it is lost.
    pub secret: Vec<u8>,
    /// `enabled` or `disabled`.
    pub state: String,
    /// Why it is disabled, or what came of the last delivery that failed.
    pub reason: Option<String>,
    /// When it was added.
    pub created_at: DateTimeUtc,
    /// `outbox.seq` up to which it is served.
    pub cursor: i64,
    /// Rounds in which every lane failed, one after the other.
    pub failures: i32,
    /// Until when it is left alone.
    pub next_try: Option<DateTimeUtc>,
    /// Since when nothing was delivered, though it was tried.
    pub failing_since: Option<DateTimeUtc>,
    /// When an event was last delivered.
    pub last_success: Option<DateTimeUtc>,
    /// The process that delivers.
    pub claimed_by: Option<Uuid>,
    /// Until when it has to say so again: milliseconds since 1970 by the database's clock.
    pub claimed_until: Option<i64>,
    /// The tenant.
    #[sea_orm(belongs_to, from = "workspace_id", to = "id", on_delete = "Cascade")]
    pub workspace: BelongsTo<super::workspace::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
