//! Pausing, resuming and removing an account.

use entity::{account, account_user, account_workspace};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{State, changed, named};
use crate::clock::Clock;
use crate::mail::address::Address;
use crate::store::{Store, StoreError, grants};

/// Stops watching until [`resume`].
pub async fn pause(
    store: &Store,
    address: &Address,
    reason: &str,
    clock: &Clock,
) -> Result<account::Model, StoreError> {
    let account = named(store, address).await?;
    let row = account::ActiveModel {
        id: Set(account.id),
        state: Set(State::Paused.as_str().to_owned()),
        reason: Set(Some(reason.to_owned())),
        withdrawn: Set(false),
        ..Default::default()
    };
    change(store, row, State::Paused, Some(reason), clock).await
}

/// Watches again, at once, whatever stopped it.
pub async fn resume(store: &Store, address: &Address, clock: &Clock) -> Result<account::Model, StoreError> {
    let account = named(store, address).await?;
    let row = account::ActiveModel {
        id: Set(account.id),
        state: Set(State::Active.as_str().to_owned()),
        reason: Set(None),
        connected_at: Set(Some(clock.now())),
        withdrawn: Set(false),
        failures: Set(0),
        next_try: Set(None),
        trouble: Set(None),
        ..Default::default()
    };
    change(store, row, State::Active, None, clock).await
}

/// Notes that the consent of an account was taken back.
pub async fn disconnected(store: &Store, account: Uuid, reason: &str, clock: &Clock) -> Result<(), StoreError> {
    let row = account::ActiveModel {
        id: Set(account),
        state: Set(State::NeedsReauth.as_str().to_owned()),
        reason: Set(Some(reason.to_owned())),
        ..Default::default()
    };
    change(store, row, State::NeedsReauth, Some(reason), clock).await?;
    Ok(())
}

/// Writes `row`, which puts an account into the state `to`, and tells of it.
async fn change(
    store: &Store,
    row: account::ActiveModel,
    to: State,
    reason: Option<&str>,
    clock: &Clock,
) -> Result<account::Model, StoreError> {
    let tx = store.begin().await?;
    let before = changed::locked(&tx, *row.id.as_ref()).await?;
    let account = row.update(&*tx).await?;
    if let Some(before) = before {
        changed::tell(&tx, (account.id, &before.state), to, reason, clock).await?;
    }
    tx.commit().await?;
    Ok(account)
}

/// Ends every connection and forgets the tokens. What was logged stays, and so do the verdicts: an address that is
/// added again goes on where it ended.
pub async fn remove(store: &Store, address: &Address, clock: &Clock) -> Result<account::Model, StoreError> {
    let account = named(store, address).await?;
    grants::remove(store, account.id).await?;
    let tx = store.begin().await?;
    let ended = account_user::ActiveModel { disconnected_at: Set(Some(clock.now())), ..Default::default() };
    account_user::Entity::update_many()
        .set(ended)
        .filter(account_user::Column::AccountId.eq(account.id))
        .filter(account_user::Column::DisconnectedAt.is_null())
        .exec(&*tx)
        .await?;
    let before = changed::locked(&tx, account.id).await?.map_or(account.state, |before| before.state);
    changed::tell(&tx, (account.id, &before), State::Removed, None, clock).await?;
    account_workspace::Entity::delete_many()
        .filter(account_workspace::Column::AccountId.eq(account.id))
        .exec(&*tx)
        .await?;
    let row = account::ActiveModel {
        id: Set(account.id),
        state: Set(State::Removed.as_str().to_owned()),
        reason: Set(None),
        declared: Set(false),
        withdrawn: Set(false),
        ..Default::default()
    };
    let account = row.update(&*tx).await?;
    tx.commit().await?;
    Ok(account)
}

/// Pauses the accounts that the configuration declared once and does not declare any more; how many. One that an
/// operator had paused keeps that reason, and stays paused when it is declared again.
pub async fn pause_undeclared(store: &Store, declared: &[Address], clock: &Clock) -> Result<u64, StoreError> {
    let undeclared = Condition::all()
        .add(account::Column::Declared.eq(true))
        .add(account::Column::AddressFolded.is_not_in(declared.iter().map(Address::folded)));
    let watched = undeclared.clone().add(account::Column::State.ne(State::Paused.as_str()));
    let tx = store.begin().await?;
    let before = account::Entity::find().filter(watched.clone()).lock_exclusive().all(&*tx).await?;
    let reason = "the configuration no longer declares it";
    let row = account::ActiveModel {
        state: Set(State::Paused.as_str().to_owned()),
        reason: Set(Some(reason.to_owned())),
        withdrawn: Set(true),
        declared: Set(false),
        ..Default::default()
    };
    let paused = account::Entity::update_many().filter(watched).set(row).exec(&*tx).await?;
    for account in &before {
        changed::tell(&tx, (account.id, &account.state), State::Paused, Some(reason), clock).await?;
    }
    let row = account::ActiveModel { declared: Set(false), ..Default::default() };
    account::Entity::update_many().filter(undeclared).set(row).exec(&*tx).await?;
    tx.commit().await?;
    Ok(paused.rows_affected)
}
