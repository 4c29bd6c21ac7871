//! Finding accounts.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{account, account_user, account_workspace, grant, mailbox, user, workspace};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::State;
use crate::mail::address::Address;
use crate::source::choice::LEFT;
use crate::store::{Store, StoreError};

/// An account with what a list of accounts shows beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The account.
    pub account: account::Model,
    /// Logins of the users whose connection lasts, the longest first.
    pub users: Vec<String>,
    /// Why none of them gets mail logged from an inbox, if none does (D2, G1).
    pub refused: Option<&'static str>,
    /// Names of the workspaces it serves.
    pub workspaces: Vec<String>,
    /// Its mailboxes.
    pub mailboxes: Vec<mailbox::Model>,
    /// Whether it needs a consent and never had one.
    pub unconnected: bool,
    /// Messages that were passed without a verdict and have none yet, by the last audits.
    pub holes: i64,
    /// When the mailbox was audited whose last audit is the longest ago, if all were.
    pub audited_at: Option<DateTime<Utc>>,
}

/// Every account that was not removed, by address.
pub async fn list(store: &Store) -> Result<Vec<Listed>, StoreError> {
    let accounts = account::Entity::find()
        .filter(account::Column::State.ne(State::Removed.as_str()))
        .order_by_asc(account::Column::AddressFolded)
        .all(&store.db)
        .await?;
    let mut users = users(store).await?;
    let mut workspaces = workspaces(store).await?;
    let mut mailboxes: HashMap<Uuid, Vec<mailbox::Model>> = HashMap::new();
    for mailbox in mailbox::Entity::find().order_by_asc(mailbox::Column::Name).all(&store.db).await? {
        mailboxes.entry(mailbox.account_id).or_default().push(mailbox);
    }
    let consents = consents(store).await?;
    let audits = store.last_audits().await?;
    let listed = |account: account::Model| {
        let users = users.remove(&account.id).unwrap_or_default();
        let mailboxes = mailboxes.remove(&account.id).unwrap_or_default();
        let read = || mailboxes.iter().filter(|mailbox| mailbox.role != LEFT);
        let audited = || read().map(|mailbox| audits.get(&mailbox.id));
        Listed {
            unconnected: account.auth == "oauth" && !consents.contains(&account.id),
            holes: audited().flatten().map(|audit| audit.holes - audit.healed).sum(),
            audited_at: audited().map(|audit| audit.map(|audit| audit.at)).min().flatten(),
            refused: if account.kind == "personal" { refused(&users) } else { None },
            users: users.into_iter().map(|user| user.login).collect(),
            workspaces: workspaces.remove(&account.id).unwrap_or_default(),
            mailboxes,
            account,
        }
    };
    Ok(accounts.into_iter().map(listed).collect())
}

/// The account of that address, if there is one that was not removed.
pub async fn find(store: &Store, address: &Address) -> Result<Option<account::Model>, StoreError> {
    let find = account::Entity::find().filter(account::Column::State.ne(State::Removed.as_str()));
    Ok(find.filter(account::Column::AddressFolded.eq(address.folded())).one(&store.db).await?)
}

/// The account of that address, which must be there.
pub async fn named(store: &Store, address: &Address) -> Result<account::Model, StoreError> {
    find(store, address).await?.ok_or_else(|| {
        StoreError::Refused(format!("there is no account {address}; `mailtrail account list` shows those there are"))
    })
}

/// Why nothing is logged from an inbox of these users, in the order in which mail of it is judged.
fn refused(users: &[user::Model]) -> Option<&'static str> {
    let active = || users.iter().filter(|user| user.active);
    if users.is_empty() || active().any(|user| user.seat != "view-only") {
        None
    } else if active().next().is_none() {
        Some("Nothing is logged: its user is inactive.")
    } else {
        Some("Nothing is logged: its user has a view-only seat.")
    }
}

async fn users(store: &Store) -> Result<HashMap<Uuid, Vec<user::Model>>, StoreError> {
    let rows = account_user::Entity::find()
        .filter(account_user::Column::DisconnectedAt.is_null())
        .find_also_related(user::Entity)
        .order_by_asc(account_user::Column::ConnectedAt)
        .order_by_asc(account_user::Column::UserId)
        .all(&store.db)
        .await?;
    Ok(grouped(rows.into_iter().filter_map(|(link, user)| Some((link.account_id, user?)))))
}

/// Accounts that have, or had, a consent.
async fn consents(store: &Store) -> Result<HashSet<Uuid>, StoreError> {
    let ids = grant::Entity::find().select_only().column(grant::Column::AccountId).into_tuple().all(&store.db).await?;
    Ok(ids.into_iter().collect())
}

async fn workspaces(store: &Store) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let rows = account_workspace::Entity::find()
        .find_also_related(workspace::Entity)
        .order_by_asc(workspace::Column::Name)
        .all(&store.db)
        .await?;
    Ok(grouped(rows.into_iter().filter_map(|(link, workspace)| Some((link.account_id, workspace?.name)))))
}

fn grouped<T>(pairs: impl Iterator<Item = (Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (id, one) in pairs {
        groups.entry(id).or_default().push(one);
    }
    groups
}
