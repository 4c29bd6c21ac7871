//! What accounts cost their servers, day by day.

use chrono::{NaiveDate, TimeDelta};
use entity::usage;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, Set};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::source::Spent;

/// Rows written with one statement.
const ROWS: usize = 1_000;

/// How long what was spent is kept.
const KEPT: TimeDelta = TimeDelta::days(31);

/// What one account spent on one day.
pub type Spending = (Uuid, NaiveDate, Spent);

impl Store {
    /// What an account has cost its server on a day.
    pub async fn spent(&self, account: Uuid, day: NaiveDate) -> Result<Spent, StoreError> {
        let row = usage::Entity::find_by_id((account, day)).one(&self.db).await?;
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        Ok(row.map_or_else(Spent::default, |row| Spent { bytes: count(row.bytes), commands: count(row.commands) }))
    }

    /// Adds what accounts have cost their servers since the last time.
    pub async fn spend(&self, spendings: &[Spending]) -> Result<(), StoreError> {
        for some in spendings.chunks(ROWS) {
            let rows = some.iter().map(|(account, day, spent)| usage::ActiveModel {
                account_id: Set(*account),
                day: Set(*day),
                bytes: Set(i64::try_from(spent.bytes).unwrap_or(i64::MAX)),
                commands: Set(i64::try_from(spent.commands).unwrap_or(i64::MAX)),
            });
            let sum = |column: usage::Column| {
                let more = Expr::col(("excluded", column));
                (column, Expr::col((usage::Entity, column)).add(more))
            };
            let added = OnConflict::columns([usage::Column::AccountId, usage::Column::Day])
                .values([sum(usage::Column::Bytes), sum(usage::Column::Commands)])
                .to_owned();
            usage::Entity::insert_many(rows).on_conflict(added).exec_without_returning(&self.db).await?;
        }
        Ok(())
    }

    /// Forgets days that are long gone.
    pub async fn forget_usage(&self, today: NaiveDate) -> Result<(), StoreError> {
        let before = today.checked_sub_signed(KEPT).unwrap_or(today);
        usage::Entity::delete_many().filter(usage::Column::Day.lt(before)).exec(&self.db).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{account, on_each_engine};

    #[tokio::test]
    async fn what_is_spent_adds_up_over_the_day_whoever_spends_it_and_old_days_go() {
        on_each_engine(async |store| {
            let account = account(store).await;
            let day = |text: &str| text.parse::<NaiveDate>().unwrap();
            let (today, long_ago) = (day("2026-11-23"), day("2026-10-01"));
            for bytes in [10, 5] {
                let spent = Spent { bytes, commands: 1 };
                store.spend(&[(account.id, today, spent), (account.id, long_ago, spent)]).await.unwrap();
            }
            let all = Spent { bytes: 15, commands: 2 };
            assert_eq!(store.spent(account.id, today).await.unwrap(), all);
            assert_eq!(store.spent(account.id, day("2026-11-22")).await.unwrap(), Spent::default());
            store.forget_usage(today).await.unwrap();
            assert_eq!(store.spent(account.id, today).await.unwrap(), all);
            assert_eq!(store.spent(account.id, long_ago).await.unwrap(), Spent::default());
        })
        .await;
    }
}
