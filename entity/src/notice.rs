//! A message to a user.

use sea_orm::entity::prelude::*;

/// Something a user is to be told about one mail, such as a dropped attachment (H2), or a forward that was not logged (B24);
/// once per kind. Or about an account that waits for a new consent (J15); once whenever one begins to.
///
/// A mail cannot be taken back: whoever sends it claims it first (`attempts` is the number of the claim), notes that it is
/// handed over, and hands it over. One that was handed over is never sent again, whatever became of the answer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: Uuid,
    /// Address of the user who is told.
    pub recipient: String,
    /// What it is about, in kebab-case.
    #[sea_orm(unique_key = "activity_kind")]
    pub kind: String,
    /// Message-ID of the mail it is about.
    pub message_id: Option<String>,
    /// The activity it is about; null where the mail is not logged.
    #[sea_orm(unique_key = "activity_kind")]
    pub activity_id: Option<Uuid>,
    /// The text, plain.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    /// When it was queued.
    #[sea_orm(indexed)]
    pub created_at: DateTimeUtc,
    /// When it was sent; null while it waits.
    pub sent_at: Option<DateTimeUtc>,
    /// How often it was claimed to be sent.
    pub attempts: i32,
    /// Until when nobody else may claim it; null while nobody has it.
    pub claimed_until: Option<DateTimeUtc>,
    /// When it is tried again; null: at once.
    pub next_try: Option<DateTimeUtc>,
    /// When the mail server was about to get its text. Without `sent_at` its answer is unknown.
    #[sea_orm(indexed)]
    pub handed_at: Option<DateTimeUtc>,
    /// When it was given up.
    pub failed_at: Option<DateTimeUtc>,
    /// Why it was given up, or waits.
    pub reason: Option<String>,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<Option<super::activity::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
