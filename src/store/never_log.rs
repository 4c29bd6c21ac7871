//! Never-log lists: whose mail is not logged (F1–F13).

use std::fmt;

use entity::never_log;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::clock::Clock;
use crate::mail::{address::Address, domain};

/// An address, `domain.com` for exactly that domain, or `*.domain.com` for its sub-domains only (F6, F12).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry(String);

/// Whose list an entry is on (F2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everyone's in the workspace.
    Workspace,
    /// One user's.
    User(Uuid),
}

impl Entry {
    /// Also takes `@domain.com` and `*@domain.com`, which other products write for a domain.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let domain_text = text.strip_prefix("*@").or_else(|| text.strip_prefix('@')).unwrap_or(text);
        if let Some(parent) = domain_text.strip_prefix("*.") {
            return of_domain(parent).map(|parent| Self(format!("*.{parent}")));
        }
        if domain_text.contains('@') {
            return Address::parse(domain_text).map(|address| Self(address.folded().to_owned()));
        }
        of_domain(domain_text).map(Self)
    }

    /// The entry in the form in which it is kept and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word without a dot is more likely half an address than a domain.
fn of_domain(text: &str) -> Option<String> {
    domain::fold(text).filter(|folded| folded.contains('.'))
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scope {
    /// As the column `scope` has it.
    pub fn to_column(self) -> String {
        match self {
            Self::Workspace => "workspace".to_owned(),
            Self::User(id) => id.hyphenated().to_string(),
        }
    }
}

/// Puts an entry on a list; whether it was new there.
pub async fn add(
    store: &Store,
    workspace: Uuid,
    scope: Scope,
    entry: &Entry,
    clock: &Clock,
) -> Result<bool, StoreError> {
    let row = never_log::ActiveModel {
        id: Set(clock.id()),
        workspace_id: Set(workspace),
        scope: Set(scope.to_column()),
        entry: Set(entry.0.clone()),
        created_at: Set(clock.now()),
    };
    let unique = [never_log::Column::WorkspaceId, never_log::Column::Scope, never_log::Column::Entry];
    let added = never_log::Entity::insert(row)
        .on_conflict(OnConflict::columns(unique).do_nothing().to_owned())
        .exec_without_returning(&store.db)
        .await?;
    Ok(added > 0)
}

/// Takes an entry off a list; whether it was there. Only later mail is concerned (F13).
pub async fn remove(store: &Store, workspace: Uuid, scope: Scope, entry: &Entry) -> Result<bool, StoreError> {
    let gone = never_log::Entity::delete_many()
        .filter(never_log::Column::WorkspaceId.eq(workspace))
        .filter(never_log::Column::Scope.eq(scope.to_column()))
        .filter(never_log::Column::Entry.eq(&entry.0))
        .exec(&store.db)
        .await?;
    Ok(gone.rows_affected > 0)
}

/// Every entry of the workspace, all scopes, in order of entry.
pub async fn list(store: &Store, workspace: Uuid) -> Result<Vec<never_log::Model>, StoreError> {
    let find = never_log::Entity::find().filter(never_log::Column::WorkspaceId.eq(workspace));
    Ok(find.order_by_asc(never_log::Column::Entry).order_by_asc(never_log::Column::Scope).all(&store.db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_each_engine;
    use crate::store::workspaces;

    #[test]
    fn every_way_to_write_an_entry_is_kept_in_one_form() {
        for (written, kept) in [
            ("Anna@Customer.example", "anna@customer.example"),
            ("Customer.example", "customer.example"),
            ("@customer.example", "customer.example"),
            ("*@customer.example", "customer.example"),
            ("*.Customer.example", "*.customer.example"),
            ("*@*.customer.example", "*.customer.example"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(Entry::parse(written).map(|e| e.0).as_deref(), Some(kept), "{written}");
        }
        for wrong in ["", "*", "anna", "a b.example", "@", "*.", "anna@", "**.customer.example"] {
            assert_eq!(Entry::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_lists_of_the_workspace_and_of_a_user_are_apart() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let workspace = workspaces::ensure_default(store, &clock).await.unwrap().id;
            let entry = Entry::parse("customer.example").unwrap();
            let user = Scope::User(clock.id());
            assert!(add(store, workspace, Scope::Workspace, &entry, &clock).await.unwrap());
            assert!(!add(store, workspace, Scope::Workspace, &entry, &clock).await.unwrap());
            assert!(add(store, workspace, user, &entry, &clock).await.unwrap());
            assert!(remove(store, workspace, Scope::Workspace, &entry).await.unwrap());
            assert!(!remove(store, workspace, Scope::Workspace, &entry).await.unwrap());
            let left = list(store, workspace).await.unwrap();
            assert_eq!(left.iter().map(|e| e.scope.clone()).collect::<Vec<_>>(), [user.to_column()]);
        })
        .await;
    }
}
