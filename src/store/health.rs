//! How the whole installation is doing, in a fixed number of short reads.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{account, audit, grant, mailbox, notice, quarantine};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationTrait,
};
use uuid::Uuid;

use crate::metrics::{Standing, Usual};
use crate::source::choice::LEFT;
use crate::store::accounts::{State, shown_state};
use crate::store::{Store, StoreError, webhooks};

/// Rows of a growing table that are counted: whoever has more has other worries than their number.
const COUNTED: u64 = 100_000;

/// What a scrape shows of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every account that was not removed.
    pub standings: Vec<Standing>,
    /// Messages set aside.
    pub quarantined: i64,
    /// Messages passed without a verdict, by the last audits.
    pub uid_holes: i64,
    /// When the mailbox was audited whose last audit is the longest ago.
    pub oldest_audit: Option<DateTime<Utc>>,
    /// Events that webhooks have not got yet.
    pub outbox: u64,
    /// Notices that were not sent.
    pub notices_waiting: i64,
}

/// An account, as little of it as can be: there are thousands.
#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    kind: String,
    provider: String,
    state: String,
    auth: String,
    trouble: Option<String>,
    created_at: DateTime<Utc>,
    connected_at: Option<DateTime<Utc>>,
    last_success: Option<DateTime<Utc>>,
    consent: Option<Uuid>,
}

impl Row {
    fn standing(self) -> Standing {
        let unconnected = self.auth == "oauth" && self.consent.is_none();
        let state = shown_state(&self.state, unconnected).to_owned();
        let since = self.connected_at.map_or(self.created_at, |at| Ord::max(at, self.created_at));
        let Self { id, kind, provider, trouble, last_success, .. } = self;
        Standing { id, kind, provider, state, trouble, since, last_success, progress: None }
    }
}

impl Store {
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_unprepared("SELECT 1").await.map(drop)?)
    }

    /// How the installation is doing.
    pub async fn health(&self, usual: &Usual, now: DateTime<Utc>) -> Result<Health, StoreError> {
        let mut standings = self.standings().await?;
        if standings.iter().any(|one| usual.is_late(one, now)) {
            self.mark_progress(&mut standings).await?;
        }
        let (uid_holes, oldest_audit) = self.open_holes().await?;
        let mut unsent = Query::select();
        unsent.from(notice::Entity).and_where(notice::Column::SentAt.is_null());
        unsent.and_where(notice::Column::FailedAt.is_null());
        Ok(Health {
            standings,
            quarantined: self.count(Query::select().from(quarantine::Entity)).await?,
            uid_holes,
            oldest_audit,
            outbox: self.undelivered().await?,
            notices_waiting: self.count(&mut unsent).await?,
        })
    }

    async fn undelivered(&self) -> Result<u64, StoreError> {
        let mut sum = 0;
        for webhook in webhooks::enabled(self).await? {
            sum += webhooks::waiting(self, &webhook).await?;
        }
        Ok(sum)
    }

    async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        let columns = [
            account::Column::Id,
            account::Column::Kind,
            account::Column::Provider,
            account::Column::State,
            account::Column::Auth,
            account::Column::Trouble,
            account::Column::CreatedAt,
            account::Column::ConnectedAt,
            account::Column::LastSuccess,
        ];
        let rows: Vec<Row> = account::Entity::find()
            .select_only()
            .columns(columns)
            .column_as(grant::Column::AccountId, "consent")
            .join_rev(JoinType::LeftJoin, grant::Relation::Account.def())
            .filter(account::Column::State.ne(State::Removed.as_str()))
            .into_model()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Row::standing).collect())
    }

    /// When each account last got on: every batch that is committed is noted on its mailbox.
    async fn mark_progress(&self, standings: &mut [Standing]) -> Result<(), StoreError> {
        let rows: Vec<(Uuid, Option<DateTime<Utc>>)> = mailbox::Entity::find()
            .select_only()
            .column(mailbox::Column::AccountId)
            .column_as(mailbox::Column::LastPoll.max(), "progress")
            .group_by(mailbox::Column::AccountId)
            .into_tuple()
            .all(&self.db)
            .await?;
        let by_account: HashMap<Uuid, Option<DateTime<Utc>>> = rows.into_iter().collect();
        for one in standings {
            one.progress = by_account.get(&one.id).copied().flatten();
        }
        Ok(())
    }

    async fn open_holes(&self) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
        let open =
            Expr::col((audit::Entity, audit::Column::Holes)).sub(Expr::col((audit::Entity, audit::Column::Healed)));
        let open = Func::cast_as(Func::sum(open), Alias::new("bigint"));
        let read: Option<(Option<i64>, Option<DateTime<Utc>>)> = audit::Entity::find()
            .select_only()
            .expr_as(open, "open")
            .column_as(audit::Column::At.min(), "oldest")
            .join(JoinType::InnerJoin, audit::Relation::Mailbox.def())
            .join(JoinType::InnerJoin, mailbox::Relation::Account.def())
            .filter(mailbox::Column::Role.ne(LEFT))
            .filter(account::Column::State.ne(State::Removed.as_str()))
            .into_tuple()
            .one(&self.db)
            .await?;
        Ok(read.map_or((0, None), |(open, oldest)| (open.unwrap_or(0), oldest)))
    }

    /// How many rows a query finds, up to a bound.
    async fn count(&self, rows: &mut SelectStatement) -> Result<i64, StoreError> {
        let some = rows.expr(Expr::val(1)).limit(COUNTED).to_owned();
        let count = Query::select()
            .expr_as(Expr::cust("COUNT(*)"), Alias::new("count"))
            .from_subquery(some, Alias::new("some"))
            .to_owned();
        let row = self.db.query_one(&count).await?;
        Ok(row.map(|row| row.try_get("", "count")).transpose()?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sea_orm::{ActiveModelTrait, ActiveValue::Set};

    use super::*;
    use crate::clock::Clock;
    use crate::mail::address::Address;
    use crate::store::testing::{account, on_each_engine};
    use crate::store::{Found, accounts};

    const USUAL: Usual = Usual { poll: Duration::from_secs(30), late: Duration::from_secs(480) };

    async fn mailbox(store: &Store, account: Uuid, last_poll: DateTime<Utc>) -> Uuid {
        let row = mailbox::ActiveModel {
            id: Set(Clock::system().id()),
            account_id: Set(account),
            name: Set("INBOX".into()),
            wire_name: Set("INBOX".into()),
            role: Set("inbox".into()),
            uid_validity: Set(1),
            first_uid: Set(1),
            cursor: Set(0),
            last_poll: Set(Some(last_poll)),
            ..Default::default()
        };
        row.insert(&store.db).await.unwrap().id
    }

    #[tokio::test]
    async fn health_counts_the_holes_that_are_open_and_knows_who_gets_on() {
        on_each_engine(async |store| {
            let now = Clock::system().now();
            let (one, other) = (account(store).await, account(store).await);
            let empty = store.health(&USUAL, now).await.unwrap();
            assert_eq!((empty.uid_holes, empty.oldest_audit, empty.outbox, empty.notices_waiting), (0, None, 0, 0));
            let states: Vec<&str> = empty.standings.iter().map(|one| one.state.as_str()).collect();
            assert_eq!(states, ["needs-reauth"; 2], "nobody has consented yet");
            for (account, holes, healed) in [(&one, 3, 1), (&other, 2, 2)] {
                let mailbox = mailbox(store, account.id, now).await;
                let found = |holes, healed| Found {
                    mailbox,
                    uid_validity: 1,
                    on_server: 9,
                    judged: 9,
                    waiting: 0,
                    holes,
                    healed,
                    first_holes: &[4, 5],
                };
                store.audited(&found(7, 0), now - chrono::TimeDelta::days(1)).await.unwrap();
                store.audited(&found(holes, healed), now).await.unwrap();
            }
            let health = store.health(&USUAL, now).await.unwrap();
            assert_eq!((health.uid_holes, health.oldest_audit), (2, Some(now)));
            assert!(health.standings.iter().all(|one| one.progress == Some(now)), "{health:?}");
            // What is no longer watched is nobody's worry.
            accounts::remove(store, &Address::parse(&one.address).unwrap(), &Clock::system()).await.unwrap();
            assert_eq!(store.health(&USUAL, now).await.unwrap().uid_holes, 0);
        })
        .await;
    }

    #[tokio::test]
    async fn audits_are_due_of_accounts_that_are_well_and_were_not_audited_lately() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let now = clock.now();
            let (well, failing) = (account(store).await, account(store).await);
            let [first, _] = [mailbox(store, well.id, now).await, mailbox(store, failing.id, now).await];
            assert!(store.audits_due(now, None, 9).await.unwrap().is_empty(), "neither was ever read");
            store.succeeded(well.id, &clock).await.unwrap();
            assert_eq!(store.audits_due(now, None, 9).await.unwrap(), [well.id]);
            assert!(store.audits_due(now, Some(well.id), 9).await.unwrap().is_empty());
            let found = Found {
                mailbox: first,
                uid_validity: 1,
                on_server: 0,
                judged: 0,
                waiting: 0,
                holes: 0,
                healed: 0,
                first_holes: &[],
            };
            store.audited(&found, now).await.unwrap();
            assert!(store.audits_due(now, None, 9).await.unwrap().is_empty());
            assert_eq!(store.audits_due(now + chrono::TimeDelta::seconds(1), None, 9).await.unwrap(), [well.id]);
        })
        .await;
    }
}
