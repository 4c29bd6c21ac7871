//! A watched login at a mail provider.

use sea_orm::entity::prelude::*;

/// One login at a mail provider that mailtrail watches: one poller, however many users connected it (J7).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The mail address as written.
    pub address: String,
    /// `address` folded; unique, so one address is never both personal and team (I19).
    #[sea_orm(unique)]
    pub address_folded: String,
    /// `bcc`, `forwarding`, `personal` or `team`.
    pub kind: String,
    /// `google`, `microsoft` or `imap`.
    pub provider: String,
    /// IMAP server name.
    pub host: String,
    /// IMAP port; 993 is TLS from the first byte.
    pub port: i32,
    /// `oauth` (XOAUTH2) or `password`.
    pub auth: String,
    /// How the wire is protected: `tls`, or `plaintext` to this machine only.
    pub security: String,
    /// IMAP login where it is not the address.
    pub imap_user: Option<String>,
    /// File that holds the password; passwords are never kept here.
    pub password_file: Option<String>,
    /// `active`, `paused` (by an operator), `needs-reauth` (a person must consent again), `needs-admin-consent` (the
    /// administrator of the person's organisation must), `broken` (an operator must mend the configuration) or `removed`
    /// (kept because its activities and verdicts refer to it).
    pub state: String,
    /// Why it is not `active`, in words for people.
    pub reason: Option<String>,
    /// The kind of its last trouble, such as `retry` or `needs-reauth`; null since a sync ended well.
    pub trouble: Option<String>,
    /// Whether the configuration file declares it; such a row is reconciled at every start.
    pub declared: bool,
    /// Whether it is paused because the configuration ceased to declare it; declared again, it is watched again.
    pub withdrawn: bool,
    /// Log mail received from this day (UTC) on, instead of the kind's default start (J13).
    pub since: Option<Date>,
    /// Who first connected it.
    pub connected_by: Option<Uuid>,
    /// When it was connected; a personal inbox is logged from here on (J13).
    pub connected_at: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When a sync last ended well.
    pub last_success: Option<DateTimeUtc>,
    /// When a sync last began.
    pub last_attempt: Option<DateTimeUtc>,
    /// Failed syncs since the last good one.
    pub failures: i32,
    /// Not to be tried before this time.
    pub next_try: Option<DateTimeUtc>,
    /// JSON `{"code", "link"}` by which a provider has a forwarding to this mailbox confirmed (I13).
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub verification: Option<Json>,
    /// The user of `connected_by`.
    #[sea_orm(belongs_to, relation_enum = "Connector", from = "connected_by", to = "id")]
    pub connector: BelongsTo<Option<super::user::Entity>>,
    /// The users who connected it.
    #[sea_orm(has_many, via = "account_user")]
    pub users: HasMany<super::user::Entity>,
    /// The tenants it logs into.
    #[sea_orm(has_many, via = "account_workspace")]
    pub workspaces: HasMany<super::workspace::Entity>,
    /// Its watched mailboxes.
    #[sea_orm(has_many)]
    pub mailboxes: HasMany<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
