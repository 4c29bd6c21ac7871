//! How fast connections are begun with one host: no rush after a restart, or when a provider comes back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config;

/// The doors to all hosts.
#[derive(Default)]
pub struct Ramp(Mutex<HashMap<String, Door>>);

/// Who goes through the door to one host, and when.
struct Door {
    at_once: Arc<Semaphore>,
    size: usize,
    began: Instant,
    paced: Arc<Mutex<Paced>>,
}

/// Leave to be setting up a connection, given back when it is dropped.
pub struct Leave(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Ramp {
    /// Waits until a connection to `host` may be begun: in order of arrival.
    pub async fn admit(&self, host: &str, worker: &config::Worker) -> Leave {
        let (at_once, began, paced) = self.door(host, worker.connecting_at_once.max(1));
        let leave = at_once.acquire_owned().await.ok();
        let wait = {
            let mut paced = paced.lock().unwrap_or_else(PoisonError::into_inner);
            paced.next(began.elapsed(), worker.connects_per_second)
        };
        tokio::time::sleep(wait).await;
        Leave(leave)
    }

    fn door(&self, host: &str, size: usize) -> (Arc<Semaphore>, Instant, Arc<Mutex<Paced>>) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let door = doors.entry(host.to_ascii_lowercase()).or_insert_with(|| Door {
            at_once: Arc::new(Semaphore::new(size)),
            size,
            began: Instant::now(),
            paced: Arc::default(),
        });
        // The setting may have changed. Who is in is not thrown out.
        if door.size != size {
            (door.at_once, door.size) = (Arc::new(Semaphore::new(size)), size);
        }
        (Arc::clone(&door.at_once), door.began, Arc::clone(&door.paced))
    }
}

/// A bucket of tokens as the moment at which it would be full: so many a second come in, and as many are in it at most.
#[derive(Debug, Default)]
struct Paced {
    full: Duration,
}

impl Paced {
    /// Takes the next token at `now`: how long to wait for it.
    fn next(&mut self, now: Duration, per_second: u32) -> Duration {
        let one = Duration::from_secs(1) / per_second.max(1);
        let burst = Duration::from_secs(1);
        self.full = self.full.max(now) + one;
        self.full.saturating_sub(now + burst)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace_in_order() {
        let mut paced = Paced::default();
        let waits: Vec<u128> = (0..7).map(|_| paced.next(Duration::ZERO, 4).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750]);
        // Silence fills the bucket and no more than that.
        let hour = Duration::from_secs(3_600);
        let waits: Vec<u128> = (0..6).map(|_| paced.next(hour, 4).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500]);
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_a_burst_and_a_second_of_connections(
            gaps in proptest::collection::vec(0_u64..400, 1..300), rate in 1_u32..30
        ) {
            let mut paced = Paced::default();
            let (mut now, mut begun) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                begun.push(now + paced.next(now, rate));
            }
            prop_assert!(begun.is_sorted(), "in order of arrival");
            for (at, first) in begun.iter().enumerate() {
                let within = begun[at..].iter().take_while(|one| **one < *first + Duration::from_secs(1)).count();
                prop_assert!(within <= 2 * rate as usize + 1, "{within} in a second");
            }
        }
    }

    #[tokio::test]
    async fn a_host_that_does_not_answer_holds_up_no_other() {
        let worker = config::Worker { connecting_at_once: 1, ..config::Worker::default() };
        let ramp = Ramp::default();
        let stuck = ramp.admit("black-hole.example", &worker).await;
        assert!(ramp.admit("BLACK-HOLE.example", &worker).now_or_never().is_none());
        drop(ramp.admit("mail.example", &worker).await);
        drop(stuck);
        drop(ramp.admit("black-hole.example", &worker).await);
    }
}
