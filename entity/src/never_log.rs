//! An entry of a never-log list.

use sea_orm::entity::prelude::*;

/// An address or domain whose mail is not logged (F1). The effective list is the workspace's and the user's (F2).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "never_log")]
pub struct Model {
    /// Time-ordered identifier (UUID version 7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    #[sea_orm(unique_key = "entry")]
    pub workspace_id: Uuid,
    /// `workspace` for everyone's list, else the hyphenated id of the user whose list it is on (F2).
    #[sea_orm(unique_key = "entry")]
    pub scope: String,
    /// A folded address, `domain.com` for exactly that domain, or `*.domain.com` for its sub-domains only (F6, F12).
    #[sea_orm(unique_key = "entry")]
    pub entry: String,
    /// When it was added.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
