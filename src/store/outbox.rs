//! Events: written with what made them true, numbered once they are committed, read by their numbers.
//!
//! # Why events get their numbers after the commit
//!
//! A reader keeps how far it has read, and asks for what comes behind. With the identifiers (UUID version 7), or with a
//! serial column, that would lose events: both are given out *before* the commit. Of two transactions that run at once the
//! one with the lower number may commit last; a reader that has seen the higher number in between never looks below it
//! again. So a committed event is numbered in a step of its own, [`Store::number_events`], one at a time: under an advisory
//! lock on PostgreSQL, under the write lock on SQLite. The lock is held until the numbers are committed, and the next
//! numbers are higher: who sees `seq` n sees every event below n. Within a step events are numbered in the order of their
//! identifiers, and an account is written to by one process at a time, whose identifiers ascend: so an account's events
//! have the order in which they happened.
//!
//! Nobody is kept waiting by it: events are numbered when somebody reads them, and where nobody does they have no numbers.

use chrono::{DateTime, Utc};
use entity::{outbox, outbox_counter, webhook, webhook_lane};
use sea_orm::sea_query::{Expr, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use uuid::Uuid;

use crate::clock::Clock;
use crate::events::Event;
use crate::store::webhooks::State;
use crate::store::{Store, StoreError};

/// Rows read at a time for a list.
const PAGE: u64 = 2_000;

/// Events numbered in one transaction: it is short, so that no mail waits for it.
const NUMBERED: u64 = 1_000;

/// Old events removed in one transaction.
pub const REMOVED: u64 = 500;

/// Names the advisory lock under which events are numbered ("numbered" as a number).
const NUMBERING_LOCK: i64 = i64::from_be_bytes(*b"numbered");

/// The row of an event.
pub(in crate::store) fn row(
    workspace: Uuid,
    account: Option<Uuid>,
    event: &Event,
    clock: &Clock,
) -> outbox::ActiveModel {
    outbox::ActiveModel {
        id: Set(clock.id()),
        workspace_id: Set(workspace),
        account_id: Set(account),
        activity_id: Set(event.activity()),
        kind: Set(event.kind().as_str().to_owned()),
        payload: Set(event.payload()),
        at: Set(clock.now()),
        seq: Set(None),
    }
}

/// Events by their numbers.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// Those behind this number.
    pub after: i64,
    /// Up to this one.
    pub to: i64,
    /// Of these types; of all where empty.
    pub kinds: Vec<String>,
    /// Of one account, or with the nil identifier of none.
    pub lane: Option<Uuid>,
    /// At most so many.
    pub limit: u64,
}

impl Store {
    /// Events of a workspace after `after`, oldest first, at most a page.
    pub async fn events(&self, workspace: Uuid, after: Option<Uuid>) -> Result<Vec<outbox::Model>, StoreError> {
        let mut query = outbox::Entity::find().filter(outbox::COLUMN.workspace_id.eq(workspace));
        if let Some(after) = after {
            query = query.filter(outbox::COLUMN.id.gt(after));
        }
        Ok(query.order_by_asc(outbox::Column::Id).limit(PAGE).all(&self.db).await?)
    }

    /// Events of a workspace in the order of their numbers.
    pub async fn numbered_events(&self, workspace: Uuid, window: &Window) -> Result<Vec<outbox::Model>, StoreError> {
        let mut query = outbox::Entity::find()
            .filter(outbox::COLUMN.workspace_id.eq(workspace))
            .filter(outbox::Column::Seq.gt(window.after))
            .filter(outbox::Column::Seq.lte(window.to));
        if !window.kinds.is_empty() {
            query = query.filter(outbox::COLUMN.kind.is_in(&window.kinds));
        }
        query = match window.lane {
            Some(lane) if lane.is_nil() => query.filter(outbox::Column::AccountId.is_null()),
            Some(lane) => query.filter(outbox::Column::AccountId.eq(lane)),
            None => query,
        };
        Ok(query.order_by_asc(outbox::Column::Seq).limit(window.limit).all(&self.db).await?)
    }

    /// The number of an event of a workspace, once it has one.
    pub async fn number_of(&self, workspace: Uuid, event: Uuid) -> Result<Option<i64>, StoreError> {
        let found = outbox::Entity::find_by_id(event).one(&self.db).await?;
        Ok(found.filter(|event| event.workspace_id == workspace).and_then(|event| event.seq))
    }

    /// Gives every committed event its number; the last number there is.
    pub async fn number_events(&self) -> Result<i64, StoreError> {
        loop {
            let waiting = outbox::Entity::find()
                .select_only()
                .column(outbox::Column::Id)
                .filter(outbox::Column::Seq.is_null())
                .limit(1)
                .into_tuple::<Uuid>()
                .one(&self.db)
                .await?;
            if waiting.is_none() {
                return last(&self.db).await;
            }
            let tx = self.begin().await?;
            let last = number_some(&tx).await?;
            tx.commit().await?;
            if let Some(last) = last {
                return Ok(last);
            }
        }
    }

    /// Removes events from before `before`, a few at a time, that no webhook at work waits for. How many.
    pub async fn remove_events(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let is_behind = Expr::col((webhook_lane::Entity, webhook_lane::Column::Delivered))
            .lt(Expr::col((outbox::Entity, outbox::Column::Seq)));
        let behind = Query::select()
            .expr(Expr::val(1))
            .from(webhook_lane::Entity)
            .and_where(
                Expr::col((webhook_lane::Entity, webhook_lane::Column::WebhookId))
                    .equals((webhook::Entity, webhook::Column::Id)),
            )
            .and_where(is_behind)
            .to_owned();
        let seq = || Expr::col((outbox::Entity, outbox::Column::Seq));
        let not_had = Condition::any()
            .add(seq().is_null())
            .add(seq().gt(Expr::col((webhook::Entity, webhook::Column::Cursor))))
            .add(Expr::exists(behind));
        let waiting = Query::select()
            .expr(Expr::val(1))
            .from(webhook::Entity)
            .and_where(webhook::Column::State.eq(State::Enabled.as_str()))
            .and_where(
                Expr::col((webhook::Entity, webhook::Column::WorkspaceId))
                    .equals((outbox::Entity, outbox::Column::WorkspaceId)),
            )
            .cond_where(not_had)
            .to_owned();
        let old: Vec<Uuid> = outbox::Entity::find()
            .select_only()
            .column(outbox::Column::Id)
            .filter(outbox::COLUMN.at.lt(before))
            .filter(SimpleExpr::not(Expr::exists(waiting)))
            .order_by_asc(outbox::Column::At)
            .limit(REMOVED)
            .into_tuple()
            .all(&self.db)
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let tx = self.begin().await?;
        let gone = outbox::Entity::delete_many().filter(outbox::COLUMN.id.is_in(old)).exec(&*tx).await?;
        tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

async fn last(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    Ok(outbox_counter::Entity::find_by_id(1).one(db).await?.map_or(0, |counter| counter.last))
}

/// Numbers some events; the last number, if those were all. What is committed afterwards comes behind them.
async fn number_some(db: &DatabaseTransaction) -> Result<Option<i64>, StoreError> {
    if db.get_database_backend() == DatabaseBackend::Postgres {
        db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({NUMBERING_LOCK})")).await?;
    }
    let before = last(db).await?;
    let some = format!(
        "UPDATE outbox SET seq = {before} + numbered.place FROM (SELECT id, row_number() OVER (ORDER BY id) AS place \
         FROM (SELECT id FROM outbox WHERE seq IS NULL ORDER BY id LIMIT {NUMBERED}) AS unnumbered) AS numbered \
         WHERE outbox.id = numbered.id"
    );
    let numbered = db.execute_unprepared(&some).await?.rows_affected();
    let now = before.saturating_add_unsigned(numbered);
    let counter = outbox_counter::ActiveModel { last: Set(now), ..Default::default() };
    outbox_counter::Entity::update_many().set(counter).exec(db).await?;
    Ok((numbered < NUMBERED).then_some(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_each_engine;
    use crate::store::workspaces;

    async fn put(db: &impl ConnectionTrait, workspace: Uuid, account: Option<Uuid>, clock: &Clock) -> Uuid {
        let event = row(workspace, account, &Event::ContactCreated { contact: Uuid::nil() }, clock);
        let id = *event.id.as_ref();
        outbox::Entity::insert(event).exec_without_returning(db).await.unwrap();
        id
    }

    async fn read(store: &Store, workspace: Uuid, after: i64, to: i64) -> Vec<(Uuid, i64)> {
        let window = Window { after, to, limit: 5_000, ..Window::default() };
        let found = store.numbered_events(workspace, &window).await.unwrap();
        found.into_iter().map(|event| (event.id, event.seq.unwrap())).collect()
    }

    #[tokio::test]
    async fn an_event_whose_transaction_ends_late_is_behind_what_was_read_before() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let workspace = workspaces::ensure_default(store, &clock).await.unwrap().id;
            // SQLite has one writer: there the earlier one is simply not written yet.
            let slow = store.begin().await.unwrap();
            let early = clock.id();
            let late = if store.backend == DatabaseBackend::Postgres {
                let late = put(&store.db, workspace, None, &clock).await;
                let last = store.number_events().await.unwrap();
                assert_eq!(read(store, workspace, 0, last).await, [(late, 1)]);
                late
            } else {
                late_on_sqlite(&slow, workspace, &clock).await
            };
            let event = row(workspace, None, &Event::ContactCreated { contact: Uuid::nil() }, &clock);
            let event = outbox::ActiveModel { id: Set(early), ..event };
            outbox::Entity::insert(event).exec_without_returning(&*slow).await.unwrap();
            slow.commit().await.unwrap();
            let last = store.number_events().await.unwrap();
            let all = read(store, workspace, 0, last).await;
            assert!(early < late);
            match store.backend {
                DatabaseBackend::Postgres => assert_eq!(all, [(late, 1), (early, 2)]),
                _ => assert_eq!(all, [(early, 1), (late, 2)]),
            }
        })
        .await;
    }

    async fn late_on_sqlite(tx: &DatabaseTransaction, workspace: Uuid, clock: &Clock) -> Uuid {
        put(tx, workspace, None, clock).await
    }

    #[tokio::test]
    async fn however_many_number_at_once_each_event_has_one_number_and_none_is_left_out() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let workspace = workspaces::ensure_default(store, &clock).await.unwrap().id;
            let tx = store.begin().await.unwrap();
            let events = i64::try_from(NUMBERED).unwrap() + 7;
            for _ in 0..events {
                put(&*tx, workspace, None, &clock).await;
            }
            tx.commit().await.unwrap();
            let all = futures::future::join_all((0..3).map(|_| store.number_events())).await;
            assert!(all.into_iter().all(|last| last.unwrap() == events));
            let read = read(store, workspace, 0, events).await;
            assert!(read.is_sorted());
            assert_eq!(read.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), (1..=events).collect::<Vec<_>>());
        })
        .await;
    }

    #[tokio::test]
    async fn a_number_is_not_given_twice_when_old_events_are_gone() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let workspace = workspaces::ensure_default(store, &clock).await.unwrap().id;
            put(&store.db, workspace, None, &clock).await;
            assert_eq!(store.number_events().await.unwrap(), 1);
            assert_eq!(store.remove_events(clock.now() + chrono::TimeDelta::hours(1)).await.unwrap(), 1);
            let next = put(&store.db, workspace, None, &clock).await;
            let last = store.number_events().await.unwrap();
            assert_eq!(read(store, workspace, 1, last).await, [(next, 2)]);
        })
        .await;
    }
}
