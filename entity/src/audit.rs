//! What the last audit of a mailbox found.

use sea_orm::entity::prelude::*;

/// The server's UIDs held against the ledger, at one moment.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    /// The mailbox.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mailbox_id: Uuid,
    /// Its UIDVALIDITY on the server.
    pub uid_validity: i64,
    /// When it was audited.
    pub at: DateTimeUtc,
    /// Messages on the server from the account's start on.
    pub on_server: i64,
    /// Of those, how many have a verdict.
    pub judged: i64,
    /// Of those, how many the cursor has not reached.
    pub waiting: i64,
    /// Those that were passed without a verdict: there must be none.
    pub holes: i64,
    /// Of those, how many have been judged since.
    pub healed: i64,
    /// JSON list of the first of their UIDs.
    #[sea_orm(column_type = "JsonBinary")]
    pub first_holes: Json,
    /// The mailbox.
    #[sea_orm(belongs_to, from = "mailbox_id", to = "id", on_delete = "Cascade")]
    pub mailbox: BelongsTo<super::mailbox::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
