//! A logged mail.

use sea_orm::entity::prelude::*;

/// A mail on the timeline. In a workspace a message is logged once, however many mailboxes saw it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activity")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(unique_key = "workspace_message")]
    pub workspace_id: Uuid,
    /// Keyed hash that names the message; unique in the workspace.
    #[sea_orm(unique_key = "workspace_message")]
    pub message_key: Vec<u8>,
    /// The account that logged it first.
    pub account_id: Uuid,
    /// The conversation.
    #[sea_orm(indexed)]
    pub thread_id: Uuid,
    /// `outgoing` (from one of us) or `incoming`.
    pub direction: String,
    /// How it came: `bcc`, `forwarded`, `reply`, `sent` or `team`.
    pub kind: String,
    /// Message-ID without angle brackets; of a forward, the outer one where the original's is unknown.
    pub message_id: Option<String>,
    /// The subject, decoded, as sent.
    pub subject: String,
    /// JSON `{"name", "address"}` of From; of a forward, the original's (B21).
    #[sea_orm(column_type = "JsonBinary")]
    pub sender: Json,
    /// JSON `{"to": [], "cc": []}`, each a list of `{"name", "address"}`. Never the Bcc (A9).
    #[sea_orm(column_type = "JsonBinary")]
    pub recipients: Json,
    /// The Date of the mail, else the time of arrival with the flag `date-fallback` (A19, B21).
    pub sent_at: DateTimeUtc,
    /// The user the activity counts for (C1).
    pub user_id: Option<Uuid>,
    /// Why that user: `connected`, `login`, `alias`, `longest-connected`, `team` or `owner` (C2).
    pub attribution: Option<String>,
    /// Who may read it: `everyone`, `team` or `owner`. Enforcing it is the CRM's part (G5).
    pub visibility: String,
    /// The plain text as sent, at most 2 MiB (H5).
    #[sea_orm(column_type = "Text", nullable)]
    pub text: Option<String>,
    /// The HTML as sent, at most 2 MiB (H5). Written by a stranger: sanitise it before display, and fetch no remote
    /// images, which would tell the sender that it was read.
    #[sea_orm(column_type = "Text", nullable)]
    pub html: Option<String>,
    /// What the sender wrote anew, without quotes and signature; plain text. Null where that is all of `text`.
    #[sea_orm(column_type = "Text", nullable)]
    pub reply_text: Option<String>,
    /// JSON list of `auto-reply`, `date-fallback`, `auth-warn`, `attachment-dropped`, `attachment-pending`,
    /// `body-truncated`, `new-participant`.
    #[sea_orm(column_type = "JsonBinary")]
    pub flags: Json,
    /// Whether a delivery report said that it did not arrive (D20).
    pub bounced: bool,
    /// What a user wrote above a forwarded mail (B21).
    #[sea_orm(column_type = "Text", nullable)]
    pub note: Option<String>,
    /// Address of the user who forwarded it (B18).
    pub forwarded_by: Option<String>,
    /// Message-ID of the original where it differs from `message_id`.
    pub original_message_id: Option<String>,
    /// When it was logged.
    pub created_at: DateTimeUtc,
    /// The tenant.
    #[sea_orm(belongs_to, from = "workspace_id", to = "id")]
    pub workspace: BelongsTo<super::workspace::Entity>,
    /// The account that logged it first.
    #[sea_orm(belongs_to, from = "account_id", to = "id")]
    pub account: BelongsTo<super::account::Entity>,
    /// The conversation.
    #[sea_orm(belongs_to, from = "thread_id", to = "id")]
    pub thread: BelongsTo<super::thread::Entity>,
    /// The user the activity counts for.
    #[sea_orm(belongs_to, from = "user_id", to = "id", on_delete = "SetNull")]
    pub user: BelongsTo<Option<super::user::Entity>>,
    /// The contacts it is logged to.
    #[sea_orm(has_many, via = "activity_contact")]
    pub contacts: HasMany<super::contact::Entity>,
    /// The companies it is logged to.
    #[sea_orm(has_many, via = "activity_company")]
    pub companies: HasMany<super::company::Entity>,
    /// The deals it is logged to.
    #[sea_orm(has_many, via = "activity_deal")]
    pub deals: HasMany<super::deal::Entity>,
    /// Its attachments, kept or dropped.
    #[sea_orm(has_many)]
    pub attachments: HasMany<super::attachment::Entity>,
    /// Where it was seen.
    #[sea_orm(has_many)]
    pub sightings: HasMany<super::sighting::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
