//! Whether the service's main loop turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Without a turn for so long something hangs. A database that is away ends each turn's questions within its own patience.
const HANGS: Duration = Duration::from_secs(180);

/// When the loop last turned. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// Milliseconds from `began` to the last turn.
    turned: AtomicU64,
    looked: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Inner { began: Instant::now(), turned: AtomicU64::new(0), looked: AtomicBool::new(false) }))
    }
}

impl Pulse {
    /// The loop has turned; `looked`: the list of accounts has been read.
    pub(super) fn turned(&self, looked: bool) {
        let since = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.turned.store(since, Ordering::Relaxed);
        self.0.looked.fetch_or(looked, Ordering::Relaxed);
        crate::metrics::keep_up();
    }

    /// How long ago the loop last turned.
    pub fn age(&self) -> Duration {
        self.0.began.elapsed().saturating_sub(Duration::from_millis(self.0.turned.load(Ordering::Relaxed)))
    }

    /// Whether it hangs.
    pub fn hangs(&self) -> bool {
        self.is_still_for(HANGS)
    }

    fn is_still_for(&self, span: Duration) -> bool {
        self.age() > span
    }

    /// Whether the list of accounts has been read once.
    pub fn has_looked(&self) -> bool {
        self.0.looked.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_turns_no_more_hangs() {
        let pulse = Pulse::default();
        assert!(!pulse.has_looked());
        pulse.turned(true);
        assert!(!pulse.hangs() && pulse.has_looked());
        while !pulse.is_still_for(Duration::from_millis(2)) {
            std::hint::spin_loop();
        }
        pulse.turned(false);
        assert!(pulse.age() < HANGS && pulse.has_looked());
    }
}
