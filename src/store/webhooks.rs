//! Webhooks: what people say of them, and how far each of them is.

use entity::{outbox, webhook, webhook_lane};
use sea_orm::sea_query::{Expr, Func, JoinType, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Set,
};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::clock::Clock;
use crate::events::lanes::{Apart, Changes, Standing};
use crate::events::{Event, Kind};
use crate::store::{Store, StoreError, outbox as events};

/// The values of `webhook.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Events are sent to it.
    Enabled,
    /// They wait until somebody enables it.
    Disabled,
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// A webhook as an operator describes it.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its identifier, to which the secret is bound.
    pub id: Uuid,
    /// The tenant.
    pub workspace: Uuid,
    /// Where events are sent.
    pub url: String,
    /// The types of events it wants; all where empty.
    pub kinds: Vec<Kind>,
    /// The signing secret, sealed.
    pub secret: Vec<u8>,
}

/// Adds a webhook, which gets what happens from now on.
pub async fn add(store: &Store, new: NewWebhook, clock: &Clock) -> Result<webhook::Model, StoreError> {
    let cursor = store.number_events().await?;
    let words: Vec<&str> = new.kinds.iter().map(|kind| kind.as_str()).collect();
    let row = webhook::Model {
        id: new.id,
        workspace_id: new.workspace,
        url: new.url,
        events: (!words.is_empty()).then(|| serde_json::json!(words)),
        secret: new.secret,
        state: State::Enabled.as_str().to_owned(),
        reason: None,
        created_at: clock.now(),
        cursor,
        failures: 0,
        next_try: None,
        failing_since: None,
        last_success: None,
        claimed_by: None,
        claimed_until: None,
    };
    let tx = store.begin_durable().await?;
    let known = webhook::Entity::find()
        .filter(webhook::COLUMN.workspace_id.eq(row.workspace_id))
        .filter(webhook::COLUMN.url.eq(&row.url));
    if known.one(&*tx).await?.is_some() {
        return Err(StoreError::refused("there is a webhook with this URL already; `mailtrail webhook list` shows it"));
    }
    webhook::Entity::insert(webhook::ActiveModel::from(row.clone())).exec_without_returning(&*tx).await?;
    tx.commit().await?;
    Ok(row)
}

/// The webhooks of a workspace, oldest first, each with the number of events that it has not got.
pub async fn list(store: &Store, workspace: Uuid) -> Result<Vec<(webhook::Model, u64)>, StoreError> {
    let rows = webhook::Entity::find()
        .filter(webhook::COLUMN.workspace_id.eq(workspace))
        .order_by_asc(webhook::Column::Id)
        .all(&store.db)
        .await?;
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let waiting = waiting(store, &row).await?;
        listed.push((row, waiting));
    }
    Ok(listed)
}

/// The events behind where their lanes are, or behind where the others are.
pub(super) async fn waiting(store: &Store, row: &webhook::Model) -> Result<u64, StoreError> {
    let lane = Func::coalesce([Expr::col((outbox::Entity, outbox::Column::AccountId)), Expr::val(Uuid::nil())]);
    let its_lane = Condition::all()
        .add(Expr::col((webhook_lane::Entity, webhook_lane::Column::WebhookId)).eq(row.id))
        .add(Expr::col((webhook_lane::Entity, webhook_lane::Column::Lane)).eq(lane));
    let place =
        Func::coalesce([Expr::col((webhook_lane::Entity, webhook_lane::Column::Delivered)), Expr::val(row.cursor)]);
    let seq = || Expr::col((outbox::Entity, outbox::Column::Seq));
    let mut query = Query::select();
    query
        .expr(Expr::col((outbox::Entity, outbox::Column::Id)).count())
        .from(outbox::Entity)
        .join(JoinType::LeftJoin, webhook_lane::Entity, its_lane)
        .and_where(Expr::col((outbox::Entity, outbox::Column::WorkspaceId)).eq(row.workspace_id))
        .cond_where(Condition::any().add(seq().is_null()).add(seq().gt(place)));
    if let Some(kinds) = kinds(row).filter(|kinds| !kinds.is_empty()) {
        query.and_where(Expr::col((outbox::Entity, outbox::Column::Kind)).is_in(kinds));
    }
    let counted = store.db.query_one(&query).await?;
    let counted: i64 = counted.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(u64::try_from(counted).unwrap_or_default())
}

/// The types of events that a webhook wants, if not all.
pub fn kinds(row: &webhook::Model) -> Option<Vec<String>> {
    row.events.clone().and_then(|events| serde_json::from_value(events).ok())
}

/// The webhook of a workspace with that identifier or URL.
pub async fn named(store: &Store, workspace: Uuid, name: &str) -> Result<webhook::Model, StoreError> {
    let query = webhook::Entity::find().filter(webhook::COLUMN.workspace_id.eq(workspace));
    let query = match name.parse::<Uuid>() {
        Ok(id) => query.filter(webhook::COLUMN.id.eq(id)),
        Err(_) => query.filter(webhook::COLUMN.url.eq(name)),
    };
    let unknown = || StoreError::refused("there is no such webhook; `mailtrail webhook list` shows them");
    query.one(&store.db).await?.ok_or_else(unknown)
}

/// Delivers again, from where it stopped, as if nothing had failed.
pub async fn enable(store: &Store, id: Uuid) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    let row = webhook::ActiveModel {
        state: Set(State::Enabled.as_str().to_owned()),
        reason: Set(None),
        failures: Set(0),
        next_try: Set(None),
        failing_since: Set(None),
        ..Default::default()
    };
    webhook::Entity::update_many().set(row).filter(webhook::COLUMN.id.eq(id)).exec(&*tx).await?;
    let row =
        webhook_lane::ActiveModel { failures: Set(0), since: Set(None), next_try: Set(None), ..Default::default() };
    webhook_lane::Entity::update_many().set(row).filter(webhook_lane::COLUMN.webhook_id.eq(id)).exec(&*tx).await?;
    tx.commit().await
}

/// Delivers no longer; who is about to notices at the next look.
pub async fn disable(store: &Store, id: Uuid, reason: &str) -> Result<(), StoreError> {
    let row = webhook::ActiveModel {
        state: Set(State::Disabled.as_str().to_owned()),
        reason: Set(Some(reason.to_owned())),
        claimed_by: Set(None),
        claimed_until: Set(None),
        ..Default::default()
    };
    webhook::Entity::update_many().set(row).filter(webhook::COLUMN.id.eq(id)).exec(&store.db).await?;
    Ok(())
}

/// Forgets a webhook.
pub async fn remove(store: &Store, id: Uuid) -> Result<(), StoreError> {
    webhook::Entity::delete_by_id(id).exec(&store.db).await?;
    Ok(())
}

/// Every webhook, of all workspaces.
pub async fn all(store: &Store) -> Result<Vec<webhook::Model>, StoreError> {
    Ok(webhook::Entity::find().order_by_asc(webhook::Column::Id).all(&store.db).await?)
}

/// Puts another sealed secret in the place of `old`, unless it is another already. Whether it did.
pub async fn reseal(store: &Store, id: Uuid, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
    let tx = store.begin_durable().await?;
    let done = webhook::Entity::update_many()
        .set(webhook::ActiveModel { secret: Set(new), ..Default::default() })
        .filter(webhook::COLUMN.id.eq(id))
        .filter(webhook::COLUMN.secret.eq(old))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected > 0)
}

/// The webhooks that are at work.
pub async fn enabled(store: &Store) -> Result<Vec<webhook::Model>, StoreError> {
    let enabled = webhook::COLUMN.state.eq(State::Enabled.as_str());
    Ok(webhook::Entity::find().filter(enabled).order_by_asc(webhook::Column::Id).all(&store.db).await?)
}

async fn lanes(store: &Store, id: Uuid) -> Result<Vec<webhook_lane::Model>, StoreError> {
    Ok(webhook_lane::Entity::find().filter(webhook_lane::COLUMN.webhook_id.eq(id)).all(&store.db).await?)
}

/// Who delivers, and for how long without saying so again.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The process.
    pub by: Uuid,
    /// By the database's clock, which is the only one that all processes share.
    pub life: Duration,
}

impl Claim {
    fn until(self, store: &Store) -> SimpleExpr {
        let life = i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX);
        Expr::cust(database_now(store)).add(life)
    }
}

/// Milliseconds since 1970.
fn database_now(store: &Store) -> &'static str {
    match store.backend {
        DatabaseBackend::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
        _ => "CAST((julianday('now') - 2440587.5) * 86400000 AS integer)",
    }
}

/// A webhook that this process delivers to, and the lanes that go by themselves.
pub type Claimed = (webhook::Model, Vec<(Uuid, Apart)>);

/// Takes a webhook that is at work and nobody else's; how far it is is read only then.
pub async fn claim(store: &Store, id: Uuid, claim: Claim) -> Result<Option<Claimed>, StoreError> {
    let free = Condition::any()
        .add(webhook::Column::ClaimedBy.eq(claim.by))
        .add(webhook::Column::ClaimedUntil.is_null())
        .add(Expr::col(webhook::Column::ClaimedUntil).lt(Expr::cust(database_now(store))));
    let claimed = webhook::Entity::update_many()
        .col_expr(webhook::Column::ClaimedBy, Expr::value(claim.by))
        .col_expr(webhook::Column::ClaimedUntil, claim.until(store))
        .filter(webhook::COLUMN.id.eq(id))
        .filter(webhook::COLUMN.state.eq(State::Enabled.as_str()))
        .filter(free)
        .exec(&store.db)
        .await?;
    if claimed.rows_affected == 0 {
        return Ok(None);
    }
    let Some(row) = webhook::Entity::find_by_id(id).one(&store.db).await? else { return Ok(None) };
    let apart = lanes(store, id).await?.into_iter().map(|lane| {
        let failures = u32::try_from(lane.failures).unwrap_or(0);
        (lane.lane, Apart { delivered: lane.delivered, failures, since: lane.since, next_try: lane.next_try })
    });
    Ok(Some((row, apart.collect())))
}

/// No process is left that could hold a claim: on SQLite, whose only service has just begun.
pub async fn forget_claims(store: &Store) -> Result<(), StoreError> {
    if store.backend == DatabaseBackend::Sqlite {
        let row = webhook::ActiveModel { claimed_by: Set(None), claimed_until: Set(None), ..Default::default() };
        webhook::Entity::update_many().set(row).exec(&store.db).await?;
    }
    Ok(())
}

/// What becomes of the claim when changes are kept.
#[derive(Debug, Clone)]
pub enum Then {
    /// Delivery goes on.
    GoOn,
    /// Another process may take it.
    Release,
    /// It is disabled: host and reason.
    GiveUp(String, String),
}

/// Writes how far a webhook is, in one transaction with what follows, if it is still claimed by this process; whether it
/// was.
pub async fn keep(
    store: &Store,
    (id, claim): (Uuid, Claim),
    changes: Changes,
    (last_success, failing): (Option<DateTime<Utc>>, Option<String>),
    then: Then,
    clock: &Clock,
) -> Result<bool, StoreError> {
    let Standing { rounds, rest_until, since } = changes.standing;
    let mut row = webhook::ActiveModel {
        cursor: Set(changes.cursor),
        failures: Set(i32::try_from(rounds).unwrap_or(i32::MAX)),
        next_try: Set(rest_until),
        failing_since: Set(since),
        ..Default::default()
    };
    if last_success.is_some() {
        row.last_success = Set(last_success);
        row.reason = Set(None);
    }
    if failing.is_some() {
        row.reason = Set(failing);
    }
    if let Then::GiveUp(_, reason) = &then {
        row.state = Set(State::Disabled.as_str().to_owned());
        row.reason = Set(Some(reason.clone()));
    }
    let mut update = webhook::Entity::update_many().set(row);
    update = match then {
        Then::GoOn => update.col_expr(webhook::Column::ClaimedUntil, claim.until(store)),
        Then::Release | Then::GiveUp(..) => update
            .col_expr(webhook::Column::ClaimedBy, Expr::value(Option::<Uuid>::None))
            .col_expr(webhook::Column::ClaimedUntil, Expr::value(Option::<i64>::None)),
    };
    let tx = store.begin().await?;
    let mine = update
        .filter(webhook::COLUMN.id.eq(id))
        .filter(webhook::Column::ClaimedBy.eq(claim.by))
        .filter(webhook::COLUMN.state.eq(State::Enabled.as_str()))
        .exec(&*tx)
        .await?;
    if mine.rows_affected == 0 {
        return Ok(false);
    }
    keep_lanes(&tx, id, &changes).await?;
    if let Then::GiveUp(host, reason) = then
        && let Some(row) = webhook::Entity::find_by_id(id).one(&*tx).await?
    {
        let told = Event::WebhookDisabled { webhook: id, host, reason };
        let told = events::row(row.workspace_id, None, &told, clock);
        outbox::Entity::insert(told).exec_without_returning(&*tx).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn keep_lanes(tx: &crate::store::Tx, id: Uuid, changes: &Changes) -> Result<(), StoreError> {
    use webhook_lane::Column::{Delivered, Failures, Lane, NextTry, Since, WebhookId};
    for (lane, apart) in &changes.apart {
        let row = webhook_lane::ActiveModel {
            webhook_id: Set(id),
            lane: Set(*lane),
            delivered: Set(apart.delivered),
            failures: Set(i32::try_from(apart.failures).unwrap_or(i32::MAX)),
            since: Set(apart.since),
            next_try: Set(apart.next_try),
        };
        let known =
            OnConflict::columns([WebhookId, Lane]).update_columns([Delivered, Failures, Since, NextTry]).to_owned();
        webhook_lane::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await?;
    }
    for lanes in changes.joined.chunks(500) {
        webhook_lane::Entity::delete_many()
            .filter(webhook_lane::COLUMN.webhook_id.eq(id))
            .filter(webhook_lane::COLUMN.lane.is_in(lanes.iter().copied()))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "webhooks_tests.rs"]
mod tests;
