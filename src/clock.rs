//! Time, chance and identifiers: the one place where they enter the program.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Wall-clock time and fresh identifiers. Cheap to clone; a test fixes it with [`Clock::fixed`].
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<DateTime<Utc>>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(at)))
    }

    /// The present, to the microsecond: what both databases keep.
    #[expect(clippy::disallowed_methods, reason = "the one door through which time enters")]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.as_deref().copied().unwrap_or_else(Utc::now).trunc_subsecs(6)
    }

    /// A fresh, time-ordered identifier (UUID version 7, RFC 9562).
    #[expect(clippy::disallowed_methods, reason = "the one door through which identifiers enter")]
    pub fn id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// `base` lengthened by up to a quarter, so that many accounts do not act in step.
    pub fn jittered(&self, base: Duration) -> Duration {
        let mut byte = [0_u8; 1];
        // Without randomness there is no jitter, which is no reason to fail.
        let _ = getrandom::fill(&mut byte);
        base + base.mul_f64(f64::from(byte.first().copied().unwrap_or(0)) / 1024.0)
    }
}
