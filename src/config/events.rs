//! How events reach other programs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::events::lanes::Rules;

/// `[events]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Hours that a webhook may fail until it is disabled.
    pub give_up_hours: u32,
    /// Seconds until a failed delivery is tried again; each further wait is three times as long.
    pub retry_first_seconds: u64,
    /// The longest of these waits, also where the receiver asks for more.
    pub retry_longest_seconds: u64,
    /// Seconds until a connection to a receiver must stand.
    pub connect_timeout_seconds: u64,
    /// Seconds until a receiver must have answered.
    pub timeout_seconds: u64,
    /// Deliveries to one webhook at once: of one account there is only ever one.
    pub concurrent_deliveries: usize,
    /// Seconds after which another process takes over the webhooks of one that died.
    pub claim_seconds: u64,
    /// Days that events are kept, and longer where a webhook still waits for them.
    pub keep_days: u32,
}

impl Events {
    /// Pace and patience.
    pub fn rules(&self) -> Rules {
        Rules {
            at_once: self.concurrent_deliveries,
            first: Duration::from_secs(self.retry_first_seconds),
            longest: Duration::from_secs(self.retry_longest_seconds),
            give_up: Duration::from_secs(u64::from(self.give_up_hours) * 3_600),
        }
    }

    /// [`Self::connect_timeout_seconds`] as a duration.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    /// [`Self::timeout_seconds`] as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// [`Self::claim_seconds`] as a duration.
    pub fn claim(&self) -> Duration {
        Duration::from_secs(self.claim_seconds)
    }

    /// The keys that must not be 0.
    pub(super) fn positive(&self) -> [(&'static str, u64); 7] {
        [
            ("events.retry_first_seconds", self.retry_first_seconds),
            ("events.retry_longest_seconds", self.retry_longest_seconds),
            ("events.connect_timeout_seconds", self.connect_timeout_seconds),
            ("events.timeout_seconds", self.timeout_seconds),
            ("events.concurrent_deliveries", self.concurrent_deliveries as u64),
            ("events.claim_seconds", self.claim_seconds),
            ("events.keep_days", u64::from(self.keep_days)),
        ]
    }
}

impl Default for Events {
    fn default() -> Self {
        Self {
            give_up_hours: 72,
            retry_first_seconds: 5,
            retry_longest_seconds: 14_400,
            connect_timeout_seconds: 10,
            timeout_seconds: 20,
            concurrent_deliveries: 32,
            claim_seconds: 30,
            keep_days: 30,
        }
    }
}
