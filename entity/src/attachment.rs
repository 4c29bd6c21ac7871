//! An attachment of a logged mail.

use sea_orm::entity::prelude::*;

/// An attachment, kept in the attachment store or dropped with the reason (H1, H2, H9).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attachment")]
pub struct Model {
    /// The activity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: Uuid,
    /// Order within the mail, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// File name as sent. Written by a stranger: never use it as a path.
    pub name: String,
    /// Media type as sent; not to be trusted.
    pub media_type: String,
    /// Decoded size in bytes.
    pub size: i64,
    /// SHA-256 of the decoded bytes in hexadecimal: the key in the attachment store.
    pub sha256: Option<String>,
    /// Content-ID without angle brackets: what `cid:` links in the HTML name.
    pub content_id: Option<String>,
    /// Whether it is part of the body (an image in the HTML) and no attachment to a reader.
    pub is_inline: bool,
    /// Whether the bytes are in the attachment store.
    pub stored: bool,
    /// Why they are not.
    pub reason: Option<String>,
    /// The activity.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
