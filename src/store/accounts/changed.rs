//! That an account works again, or no longer, is told to every workspace it serves, in the transaction that says so.

use entity::{account, account_workspace};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::State;
use crate::clock::Clock;
use crate::events::Event;
use crate::store::commit::rows;
use crate::store::{StoreError, outbox as events};

/// The account as it is, and stays until the transaction ends.
pub(in crate::store) async fn locked(
    db: &DatabaseTransaction,
    account: Uuid,
) -> Result<Option<account::Model>, StoreError> {
    Ok(account::Entity::find_by_id(account).lock_exclusive().one(db).await?)
}

/// Tells that the state was `from` and is `to`, unless it is the same.
pub(in crate::store) async fn tell(
    db: &DatabaseTransaction,
    (account, from): (Uuid, &str),
    to: State,
    reason: Option<&str>,
    clock: &Clock,
) -> Result<(), StoreError> {
    if from == to.as_str() {
        return Ok(());
    }
    let event = Event::AccountStateChanged {
        from: from.to_owned(),
        to: to.as_str().to_owned(),
        reason: reason.map(str::to_owned),
    };
    tell_all(db, account, &[event], clock).await
}

/// Writes events of an account, one for each workspace that it serves.
pub(in crate::store) async fn tell_all(
    db: &DatabaseTransaction,
    account: Uuid,
    told: &[Event],
    clock: &Clock,
) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    let workspaces: Vec<Uuid> = account_workspace::Entity::find()
        .select_only()
        .column(account_workspace::Column::WorkspaceId)
        .filter(account_workspace::Column::AccountId.eq(account))
        .order_by_asc(account_workspace::Column::WorkspaceId)
        .into_tuple()
        .all(db)
        .await?;
    let mut rows = Vec::new();
    for event in told {
        rows.extend(workspaces.iter().map(|one| events::row(*one, Some(account), event, clock)));
    }
    rows::insert(db, rows).await
}

#[cfg(test)]
#[path = "changed_tests.rs"]
mod tests;
