//! A watched mailbox and how far it was read.

use sea_orm::entity::prelude::*;

/// A mailbox (RFC 3501 section 5.1) of an account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailbox")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The account.
    #[sea_orm(unique_key = "account_wire_name")]
    pub account_id: Uuid,
    /// Its name in Unicode, for people.
    pub name: String,
    /// Its name as the server spells it (modified UTF-7, RFC 3501 section 5.1.3).
    #[sea_orm(unique_key = "account_wire_name")]
    pub wire_name: String,
    /// What it is for, such as `inbox`, `sent`, `archive` or `all` (RFC 6154).
    pub role: String,
    /// The epoch in which `cursor` has a meaning (UIDVALIDITY).
    pub uid_validity: i64,
    /// The first UID we answer for: mail below it was there before we watched.
    pub first_uid: i64,
    /// The highest UID that, with all before it, has a verdict. Moves only in the transaction that records them.
    pub cursor: i64,
    /// UIDNEXT of the last look, where the server says it.
    pub uid_next: Option<i64>,
    /// HIGHESTMODSEQ of the last look (RFC 7162), where the server says it.
    pub highest_modseq: Option<i64>,
    /// When it was last looked at.
    pub last_poll: Option<DateTimeUtc>,
    /// Messages of a personal inbox whose header was judged.
    pub seen: i64,
    /// Of those, messages whose body was fetched.
    pub opened: i64,
    /// Bodies that were fetched without a verdict to log them: always 0.
    pub opened_unlogged: i64,
    /// The account.
    #[sea_orm(belongs_to, from = "account_id", to = "id", on_delete = "Cascade")]
    pub account: BelongsTo<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
