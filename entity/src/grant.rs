//! An OAuth consent and its tokens.

use sea_orm::entity::prelude::*;

/// An OAuth consent. The table is `oauth_grant`, because `grant` is a reserved word in SQL.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oauth_grant")]
pub struct Model {
    /// The account that the consent opens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// Counts every change, so that two refreshes at once cannot overwrite each other.
    pub version: i64,
    /// Which key sealed the tokens.
    pub key_id: String,
    /// Refresh token, sealed (XChaCha20-Poly1305 bound to the account).
    pub refresh_token: Vec<u8>,
    /// Access token, sealed alike.
    pub access_token: Option<Vec<u8>>,
    /// When the access token ends.
    pub access_expires_at: Option<DateTimeUtc>,
    /// What the provider granted, as it said it.
    pub scope: Option<String>,
    /// Where the refresh token came from: `consent`, or a fingerprint of the file or setting that held it.
    pub source: Option<String>,
    /// Fingerprint of the declared token that was taken last; a consent leaves it, so that it is not taken again.
    pub declared_mark: Option<String>,
    /// When its tokens were obtained.
    pub updated_at: DateTimeUtc,
    /// `fresh`, `refreshing`, `needs-reauth` (the person must consent again), `needs-admin-consent` (the administrator
    /// of the organisation must), `operator-fault` (our registration must be mended) or `revoked`.
    pub state: String,
    /// Why it is not `fresh`, in words for people.
    pub reason: Option<String>,
    /// When it came to be in that state.
    pub state_at: Option<DateTimeUtc>,
    /// While it is `refreshing`: until when the process that does it has it for itself.
    pub claimed_until: Option<DateTimeUtc>,
    /// Who consented, as the provider names people for good (`sub`, or `tid` and `oid`).
    pub subject: Option<String>,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
