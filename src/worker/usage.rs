//! What accounts may cost their servers in a day, and what they have: a provider locks out who asks for too much.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use entity::account;
use uuid::Uuid;

use crate::config;
use crate::source::{Meter, Spent};
use crate::store::usage::Spending;
use crate::store::{Store, StoreError};

/// Bytes of a day that an account at Google gets where none are configured: Gmail locks one out that downloads more than
/// 2,500 MB a day over IMAP, and people's own programs download, too.
const AT_GOOGLE: u64 = 2_000_000_000;

/// The meters of all accounts that this process has read.
#[derive(Default)]
pub struct Usage(Mutex<HashMap<Uuid, Metered>>);

#[derive(Default)]
struct Metered {
    meter: Arc<Meter>,
    /// What of it stands in the database.
    written: Spent,
    /// The day whose budget it has.
    day: Option<NaiveDate>,
    /// Whether Google hosts the account.
    at_google: bool,
}

impl Usage {
    /// Where it is counted what an account costs.
    pub fn meter(&self, account: Uuid) -> Arc<Meter> {
        Arc::clone(&self.lock().entry(account).or_default().meter)
    }

    /// Gives an account what its budget of the day has left, also of what it spent before a restart.
    pub async fn begin(
        &self,
        store: &Store,
        account: &account::Model,
        worker: &config::Worker,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let day = now.date_naive();
        self.write(store, day, |id| *id == account.id).await?;
        let spent = store.spent(account.id, day).await?;
        let mut all = self.lock();
        let metered = all.entry(account.id).or_default();
        (metered.day, metered.at_google) = (Some(day), account.provider == "google");
        metered.allow(worker, spent);
        Ok(())
    }

    /// How long an account that has used up its budget rests.
    pub fn rest(&self, account: Uuid, now: DateTime<Utc>) -> Option<Duration> {
        self.meter(account).exhausted().map(|_| until_tomorrow(now))
    }

    /// Writes what was spent since the last time. Sessions that outlive their day get the next one's budget.
    pub async fn flush(&self, store: &Store, worker: &config::Worker, now: DateTime<Utc>) -> Result<(), StoreError> {
        let today = now.date_naive();
        self.write(store, today, |_| true).await?;
        let mut ended = false;
        for metered in self.lock().values_mut().filter(|metered| metered.day.is_some_and(|day| day != today)) {
            metered.allow(worker, Spent::default());
            metered.day = Some(today);
            ended = true;
        }
        if ended { store.forget_usage(today).await } else { Ok(()) }
    }

    /// Books what was spent on the day that it was meant for.
    async fn write(&self, store: &Store, today: NaiveDate, of: impl Fn(&Uuid) -> bool) -> Result<(), StoreError> {
        let mut spendings: Vec<Spending> = Vec::new();
        for (account, metered) in self.lock().iter_mut().filter(|(account, _)| of(account)) {
            let (spent, written) = (metered.meter.spent(), metered.written);
            if spent != written {
                spendings.push((*account, metered.day.unwrap_or(today), difference(spent, written)));
                metered.written = spent;
            }
        }
        let stored = store.spend(&spendings).await;
        if stored.is_err() {
            let mut all = self.lock();
            for (account, _, spent) in spendings {
                if let Some(metered) = all.get_mut(&account) {
                    metered.written = difference(metered.written, spent);
                }
            }
        }
        stored
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Metered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metered {
    /// Gives the meter what a day's budget has left.
    fn allow(&self, worker: &config::Worker, spent: Spent) {
        let left = |daily: u64, spent: u64| (daily > 0).then(|| daily.saturating_sub(spent));
        let bytes = if worker.daily_bytes == 0 && self.at_google { AT_GOOGLE } else { worker.daily_bytes };
        self.meter.allow(left(bytes, spent.bytes), left(worker.daily_commands, spent.commands));
    }
}

fn difference(more: Spent, less: Spent) -> Spent {
    Spent { bytes: more.bytes.saturating_sub(less.bytes), commands: more.commands.saturating_sub(less.commands) }
}

/// How long it is until the next day begins, in UTC.
fn until_tomorrow(now: DateTime<Utc>) -> Duration {
    let tomorrow = now.date_naive().checked_add_days(Days::new(1)).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    tomorrow.and_then(|tomorrow| (tomorrow - now).to_std().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{account, on_each_engine};

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        assert_eq!(until_tomorrow(at("2026-11-23T23:59:00Z")), Duration::from_secs(60));
        assert_eq!(until_tomorrow(at("2026-11-23T00:00:00Z")), Duration::from_secs(24 * 60 * 60));
    }

    #[tokio::test]
    async fn gmails_own_limit_holds_at_google_alone_and_any_that_is_told_everywhere() {
        on_each_engine(async |store| {
            let row = account(store).await;
            for (provider, told, expected) in
                [("google", 0, Some(AT_GOOGLE)), ("imap", 0, None), ("imap", 7, Some(7)), ("google", 7, Some(7))]
            {
                let row = account::Model { provider: provider.to_owned(), ..row.clone() };
                let limits = config::Worker { daily_bytes: told, ..config::Worker::default() };
                let usage = Usage::default();
                usage.begin(store, &row, &limits, at("2026-11-23T22:00:00Z")).await.unwrap();
                assert_eq!(usage.meter(row.id).bytes_left_for_test(), expected, "{provider}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_restart_forgets_nothing_that_was_spent_and_a_new_day_begins_anew() {
        on_each_engine(async |store| {
            let row = account(store).await;
            let account = row.id;
            let limits = config::Worker { daily_commands: 3, ..config::Worker::default() };
            let evening = at("2026-11-23T22:00:00Z");
            let before = Usage::default();
            before.begin(store, &row, &limits, evening).await.unwrap();
            before.meter(account).ask_for_test(2);
            assert_eq!(before.rest(account, evening), None);
            before.flush(store, &limits, evening).await.unwrap();
            before.flush(store, &limits, evening).await.unwrap();
            let after = Usage::default();
            after.begin(store, &row, &limits, evening).await.unwrap();
            assert_eq!(after.rest(account, evening), None);
            after.meter(account).ask_for_test(1);
            assert_eq!(after.rest(account, evening), Some(Duration::from_secs(2 * 60 * 60)));
            // Not a moment before midnight, whoever asks; and what is booked late is booked on the day it was spent.
            after.begin(store, &row, &limits, evening).await.unwrap();
            assert!(after.rest(account, evening).is_some());
            let tomorrow = at("2026-11-24T00:00:01Z");
            after.flush(store, &limits, tomorrow).await.unwrap();
            assert_eq!(after.rest(account, tomorrow), None);
            assert_eq!(store.spent(account, evening.date_naive()).await.unwrap().commands, 3);
            assert_eq!(store.spent(account, tomorrow.date_naive()).await.unwrap().commands, 0);
        })
        .await;
    }
}
