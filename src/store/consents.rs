//! Links by which people connect accounts.

use chrono::{DateTime, TimeDelta, Utc};
use entity::consent;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use super::{Store, StoreError};

/// How long a link that has ended is remembered, so that whoever follows it is told so.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Keeps a new link. Those of the account that were not used yet end with it.
pub async fn create(store: &Store, link: consent::Model) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    let forgotten = link.created_at - REMEMBERED;
    consent::Entity::delete_many().filter(consent::Column::ExpiresAt.lt(forgotten)).exec(&*tx).await?;
    let ended = consent::ActiveModel { expires_at: Set(link.created_at), state_mark: Set(None), ..Default::default() };
    consent::Entity::update_many()
        .set(ended)
        .filter(consent::Column::AccountId.eq(link.account_id))
        .filter(consent::Column::UsedAt.is_null())
        .filter(consent::Column::ExpiresAt.gt(link.created_at))
        .exec(&*tx)
        .await?;
    link.into_active_model().insert(&*tx).await?;
    tx.commit().await
}

/// The link of that identifier.
pub async fn find(store: &Store, id: Uuid) -> Result<Option<consent::Model>, StoreError> {
    Ok(consent::Entity::find_by_id(id).one(&store.db).await?)
}

/// What is kept of an attempt.
pub struct Attempt {
    /// SHA-256 of its state.
    pub state_mark: Vec<u8>,
    /// SHA-256 of what its browser carries.
    pub browser_mark: Vec<u8>,
    /// What redeems the answer, sealed.
    pub secrets: Vec<u8>,
}

/// Begins an attempt in place of an earlier one. `false` if the link has been used or has ended.
pub async fn attempt(store: &Store, id: Uuid, attempt: Attempt, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let row = consent::ActiveModel {
        state_mark: Set(Some(attempt.state_mark)),
        browser_mark: Set(Some(attempt.browser_mark)),
        secrets: Set(Some(attempt.secrets)),
        ..Default::default()
    };
    let tx = store.begin().await?;
    let done = consent::Entity::update_many()
        .set(row)
        .filter(consent::Column::Id.eq(id))
        .filter(consent::Column::UsedAt.is_null())
        .filter(consent::Column::ExpiresAt.gt(now))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected == 1)
}

/// Takes the attempt with that state: an answer is good for once.
pub async fn take(store: &Store, state_mark: &[u8]) -> Result<Option<consent::Model>, StoreError> {
    let tx = store.begin().await?;
    let found = consent::Entity::find().filter(consent::Column::StateMark.eq(state_mark)).one(&*tx).await?;
    let Some(found) = found else { return Ok(None) };
    let done = consent::Entity::update_many()
        .set(no_attempt())
        .filter(consent::Column::Id.eq(found.id))
        .filter(consent::Column::StateMark.eq(state_mark))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok((done.rows_affected == 1).then_some(found))
}

/// Ends every attempt under way; the links stay.
pub async fn forget_attempts(store: &Store) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    consent::Entity::update_many().set(no_attempt()).filter(consent::Column::Secrets.is_not_null()).exec(&*tx).await?;
    tx.commit().await
}

/// The account was connected by the link.
pub async fn used(store: &Store, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = consent::ActiveModel { id: Set(id), used_at: Set(Some(now)), ..Default::default() };
    let tx = store.begin().await?;
    row.update(&*tx).await?;
    tx.commit().await
}

fn no_attempt() -> consent::ActiveModel {
    consent::ActiveModel { state_mark: Set(None), browser_mark: Set(None), secrets: Set(None), ..Default::default() }
}
