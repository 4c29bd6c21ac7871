//! OAuth grants, changed only by whoever saw their last version.
//!
//! A provider that rotates refresh tokens has forgotten the old one by the time we know the new one: a grant that was
//! written must not be undone by a power cut.

use chrono::{DateTime, Utc};
use entity::{account, grant};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::{Store, StoreError};

/// The values of `oauth_grant.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its tokens are as good as we know.
    Fresh,
    /// A process is renewing it.
    Refreshing,
    /// The person must consent again.
    NeedsReauth,
    /// The administrator of the organisation must consent.
    NeedsAdminConsent,
    /// Our registration with the provider must be mended.
    OperatorFault,
    /// Given back by [`crate::oauth::tokens::Tokens::disconnect`].
    Revoked,
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Refreshing => "refreshing",
            Self::NeedsReauth => "needs-reauth",
            Self::NeedsAdminConsent => "needs-admin-consent",
            Self::OperatorFault => "operator-fault",
            Self::Revoked => "revoked",
        }
    }

    /// The state of that word; a word that nobody knows stops nothing.
    pub fn named(word: &str) -> Self {
        let all = [Self::Refreshing, Self::NeedsReauth, Self::NeedsAdminConsent, Self::OperatorFault, Self::Revoked];
        all.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Fresh)
    }
}

/// The grant of an account.
pub async fn find(db: &impl ConnectionTrait, account: Uuid) -> Result<Option<grant::Model>, StoreError> {
    Ok(grant::Entity::find_by_id(account).one(db).await?)
}

/// Puts a new consent in place of whatever there was; whoever is renewing the old one then loses the race.
pub async fn replace(store: &Store, grant: grant::Model) -> Result<(), StoreError> {
    let next_version = Expr::col((grant::Entity, grant::Column::Version)).add(1);
    let on_conflict = OnConflict::column(grant::Column::AccountId)
        .update_columns([
            grant::Column::KeyId,
            grant::Column::RefreshToken,
            grant::Column::AccessToken,
            grant::Column::AccessExpiresAt,
            grant::Column::Scope,
            grant::Column::Source,
            grant::Column::DeclaredMark,
            grant::Column::UpdatedAt,
            grant::Column::State,
            grant::Column::Reason,
            grant::Column::StateAt,
            grant::Column::ClaimedUntil,
            grant::Column::Subject,
        ])
        .value(grant::Column::Version, next_version)
        .to_owned();
    let tx = store.begin_durable().await?;
    grant::Entity::insert(grant.into_active_model()).on_conflict(on_conflict).exec_without_returning(&*tx).await?;
    tx.commit().await
}

/// Writes `next`, which was made from the version before its own, unless another has written in between: then nothing
/// changes and the answer is `false`.
pub async fn swap(store: &Store, next: &grant::Model) -> Result<bool, StoreError> {
    let mut columns = next.clone().into_active_model().reset_all();
    columns.account_id = Set(next.account_id);
    follow(store, next, columns).await
}

/// [`swap`] for where the grant stands alone: its tokens, which may be sealed anew meanwhile, stay as they are.
pub async fn step(store: &Store, next: &grant::Model) -> Result<bool, StoreError> {
    let columns = grant::ActiveModel {
        version: Set(next.version),
        state: Set(next.state.clone()),
        reason: Set(next.reason.clone()),
        state_at: Set(next.state_at),
        claimed_until: Set(next.claimed_until),
        ..Default::default()
    };
    follow(store, next, columns).await
}

/// [`swap`] for an access token that is worth nothing any more.
pub async fn without_access(store: &Store, grant: &grant::Model) -> Result<bool, StoreError> {
    let next = grant::Model { version: grant.version + 1, ..grant.clone() };
    let columns = grant::ActiveModel { version: Set(next.version), access_token: Set(None), ..Default::default() };
    follow(store, &next, columns).await
}

async fn follow(store: &Store, next: &grant::Model, columns: grant::ActiveModel) -> Result<bool, StoreError> {
    let tx = store.begin_durable().await?;
    let done = grant::Entity::update_many()
        .set(columns)
        .filter(grant::Column::AccountId.eq(next.account_id))
        .filter(grant::Column::Version.eq(next.version - 1))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected == 1)
}

/// Makes a grant that was refused worth a try again.
pub async fn revive(store: &Store, account: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let stopped = [State::NeedsReauth, State::NeedsAdminConsent, State::OperatorFault].map(State::as_str);
    let of_account = grant::Column::AccountId.eq(account).and(grant::Column::State.is_in(stopped));
    freshen(store, of_account, now).await
}

/// What a start may take for over: faults of the registration, which may have been mended, and on SQLite, where one service
/// runs at a time, the claims of the one before.
pub async fn begin_anew(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    let faults = grant::Column::State.eq(State::OperatorFault.as_str());
    let over = match store.backend {
        DatabaseBackend::Sqlite => faults.or(grant::Column::State.eq(State::Refreshing.as_str())),
        _ => faults,
    };
    freshen(store, over, now).await
}

async fn freshen(store: &Store, which: SimpleExpr, now: DateTime<Utc>) -> Result<(), StoreError> {
    let fresh = grant::ActiveModel {
        state: Set(State::Fresh.as_str().to_owned()),
        reason: Set(None),
        state_at: Set(Some(now)),
        claimed_until: Set(None),
        ..Default::default()
    };
    let tx = store.begin().await?;
    grant::Entity::update_many()
        .set(fresh)
        .col_expr(grant::Column::Version, Expr::col(grant::Column::Version).add(1))
        .filter(which)
        .exec(&*tx)
        .await?;
    tx.commit().await
}

/// The same tokens under another key: the version stays, so that whoever is renewing the grant right now does not lose what
/// the provider gave. Unless that is stored already: then nothing changes and the answer is `false`.
pub async fn reseal(store: &Store, grant: &grant::Model) -> Result<bool, StoreError> {
    let sealed = grant::ActiveModel {
        key_id: Set(grant.key_id.clone()),
        refresh_token: Set(grant.refresh_token.clone()),
        access_token: Set(grant.access_token.clone()),
        ..Default::default()
    };
    let tx = store.begin_durable().await?;
    let done = grant::Entity::update_many()
        .set(sealed)
        .filter(grant::Column::AccountId.eq(grant.account_id))
        .filter(grant::Column::Version.eq(grant.version))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected == 1)
}

/// The accounts that have a grant, by address.
pub async fn accounts(store: &Store) -> Result<Vec<account::Model>, StoreError> {
    let found = grant::Entity::find().find_also_related(account::Entity);
    let rows = found.order_by_asc(account::Column::AddressFolded).all(&store.db).await?;
    Ok(rows.into_iter().filter(|(grant, _)| has_tokens(grant)).filter_map(|(_, account)| account).collect())
}

/// Whether an account has a grant.
pub async fn exists(store: &Store, account: Uuid) -> Result<bool, StoreError> {
    Ok(find(&store.db, account).await?.is_some_and(|grant| has_tokens(&grant)))
}

/// One that was given back has none.
fn has_tokens(grant: &grant::Model) -> bool {
    !grant.refresh_token.is_empty()
}

/// Erases the grant of an account, also from what SQLite keeps of pages that were overwritten.
pub async fn remove(store: &Store, account: Uuid) -> Result<(), StoreError> {
    let tx = store.begin_durable().await?;
    grant::Entity::delete_by_id(account).exec(&*tx).await?;
    tx.commit().await?;
    store.forget().await
}
