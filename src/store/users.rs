//! CRM users, as the CRM told them by `import users`.

use std::collections::HashMap;

use entity::{user, user_address};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::mail::address::Address;

/// A user and the aliases.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The user.
    pub user: user::Model,
    /// The aliases as written, in order.
    pub aliases: Vec<String>,
}

/// What a user may do (A11b).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// May connect an inbox and log mail.
    Core,
    /// May read only.
    ViewOnly,
}

impl Seat {
    /// The word that the database and imports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::ViewOnly => "view-only",
        }
    }

    /// The seat of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Core, Self::ViewOnly].into_iter().find(|seat| seat.as_str().eq_ignore_ascii_case(word))
    }
}

/// The workspace's users with their aliases, by login.
pub async fn list(store: &Store, workspace_id: Uuid) -> Result<Vec<Listed>, StoreError> {
    let users = user::Entity::find()
        .filter(user::Column::WorkspaceId.eq(workspace_id))
        .order_by_asc(user::Column::LoginFolded)
        .all(&store.db)
        .await?;
    let rows = user_address::Entity::find()
        .filter(user_address::Column::WorkspaceId.eq(workspace_id))
        .order_by_asc(user_address::Column::AddressFolded)
        .all(&store.db)
        .await?;
    let mut aliases: HashMap<Uuid, Vec<String>> = HashMap::new();
    for row in rows {
        aliases.entry(row.user_id).or_default().push(row.address);
    }
    Ok(users.into_iter().map(|user| Listed { aliases: aliases.remove(&user.id).unwrap_or_default(), user }).collect())
}

/// The user of that login, if there is one.
pub async fn find(store: &Store, workspace_id: Uuid, login: &Address) -> Result<Option<user::Model>, StoreError> {
    let find = user::Entity::find().filter(user::Column::WorkspaceId.eq(workspace_id));
    Ok(find.filter(user::Column::LoginFolded.eq(login.folded())).one(&store.db).await?)
}
