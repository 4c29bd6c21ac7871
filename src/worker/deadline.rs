//! Work that gets nowhere is ended: a server that trickles, a wait of our own that nobody ends.

use std::time::Duration;

use entity::account;
use tokio::time::Instant;

use super::Worker;
use super::turn::Turn;
use crate::source::{Mark, Meter};
use crate::trouble::Trouble;

/// Bytes that count as getting on, where nothing else happens.
const ENOUGH: u64 = 64 * 1024;

/// Does `work`, for any time as long as the account gets on or waits for its `turn`; after `limit` without that it is
/// dropped, wherever it is.
pub(super) async fn unless_stuck<T>(
    meter: &Meter,
    turn: &Turn,
    limit: Duration,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let mut work = std::pin::pin!(work);
    let began = Instant::now();
    let mut deadline = Deadline::new(limit, meter.mark());
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(deadline.pause()) => {}
        }
        if deadline.is_over(began.elapsed(), meter.mark(), turn.is_waiting()) {
            return Err(Trouble::ended(format!(
                "nothing came of it for {} s (worker.poll_deadline_seconds), so the session was ended",
                limit.as_secs()
            )));
        }
    }
}

impl Worker {
    /// Does `work` for an account as long as that gets on, within `worker.poll_deadline_seconds`.
    pub(super) async fn unless_stuck<T>(
        &self,
        account: &account::Model,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let meter = self.common.usage.meter(account.id);
        unless_stuck(&meter, &self.turn, self.config.worker.poll_deadline(), work).await
    }
}

/// When to give up, by how far the work has come.
#[derive(Debug)]
struct Deadline {
    limit: Duration,
    last: Mark,
    /// When it last got on, as far as that was seen.
    at: Duration,
}

impl Deadline {
    fn new(limit: Duration, mark: Mark) -> Self {
        Self { limit, last: mark, at: Duration::ZERO }
    }

    /// How long until the next look.
    fn pause(&self) -> Duration {
        self.limit / 4
    }

    fn is_over(&mut self, now: Duration, mark: Mark, waits: bool) -> bool {
        if waits || mark.steps != self.last.steps || mark.bytes.saturating_sub(self.last.bytes) >= ENOUGH {
            (self.last, self.at) = (mark, now);
        }
        now.saturating_sub(self.at) >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(300);

    /// When work that gets on as `mark` says, by seconds, is ended within a day.
    fn ended(mark: impl Fn(u64) -> Mark) -> Option<u64> {
        let mut deadline = Deadline::new(LIMIT, mark(0));
        let looks = (1..).map(|look| look * deadline.pause().as_secs()).take_while(|now| *now <= 86_400);
        looks.collect::<Vec<_>>().into_iter().find(|now| deadline.is_over(Duration::from_secs(*now), mark(*now), false))
    }

    #[test]
    fn a_slow_first_sync_may_take_all_day() {
        assert_eq!(ended(|now| Mark { bytes: now * 1_000, steps: 0 }), None);
        assert_eq!(ended(|now| Mark { bytes: 0, steps: now / 200 }), None);
    }

    #[test]
    fn silence_a_trickle_and_what_stops_halfway_are_ended() {
        assert_eq!(ended(|_| Mark::default()), Some(300));
        assert_eq!(ended(|now| Mark { bytes: now, steps: 0 }), Some(300));
        let stops = |now: u64| Mark { bytes: 0, steps: now.min(1_000) };
        assert!((1_300..=1_375).contains(&ended(stops).unwrap()));
    }

    #[test]
    fn who_waits_for_others_is_not_stuck() {
        let mut deadline = Deadline::new(LIMIT, Mark::default());
        assert!((1..100).all(|hour| !deadline.is_over(hour * Duration::from_secs(3_600), Mark::default(), true)));
        assert!(deadline.is_over(99 * Duration::from_secs(3_600) + LIMIT, Mark::default(), false));
    }

    #[tokio::test]
    async fn a_wait_that_nobody_ends_is_dropped_with_what_it_holds() {
        let room = tokio::sync::Semaphore::new(1);
        let stuck = async {
            let _place = room.acquire().await;
            std::future::pending::<Result<(), Trouble>>().await
        };
        let trouble =
            unless_stuck(&Meter::default(), &Turn::default(), Duration::from_millis(20), stuck).await.unwrap_err();
        assert!(matches!(trouble, Trouble::Reconnect { ended: true, .. }), "{trouble}");
        assert_eq!(room.available_permits(), 1);
    }
}
