//! A consent that was asked for by a link.

use sea_orm::entity::prelude::*;

/// A link by which a person may connect an account once. The secrets of the attempt under way are sealed; of its
/// `state` and of the browser only digests are kept.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The account to be opened.
    pub account_id: Uuid,
    /// The address that the person signs in with, where it is not the account's.
    pub signs_in_as: Option<String>,
    /// When the link was made.
    pub created_at: DateTimeUtc,
    /// When it ends.
    pub expires_at: DateTimeUtc,
    /// When the account was connected by it.
    pub used_at: Option<DateTimeUtc>,
    /// SHA-256 of the attempt's `state` (RFC 6749 section 10.12); empty when its answer has come.
    #[sea_orm(unique)]
    pub state_mark: Option<Vec<u8>>,
    /// SHA-256 of what the browser of the attempt carries in a cookie.
    pub browser_mark: Option<Vec<u8>>,
    /// The attempt's PKCE verifier and nonce, sealed.
    pub secrets: Option<Vec<u8>>,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
