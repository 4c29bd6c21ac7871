//! Pace, patience and talk.

use std::time::Duration;

use crate::worker::backoff::Patience;
use crate::worker::pace::Pace;
use serde::{Deserialize, Serialize};

/// `[worker]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Worker {
    /// Seconds between two looks at a mailbox.
    pub poll_seconds: u64,
    /// The shortest of these waits where the server tells no news by itself: right after mail came.
    pub poll_quickest_seconds: u64,
    /// The longest: where it has been quiet for hours.
    pub poll_slowest_seconds: u64,
    /// Messages whose bodies come in one FETCH, at most.
    pub batch_messages: usize,
    /// Bytes of bodies that come in one FETCH.
    pub batch_bytes: u64,
    /// A message larger than this comes in pieces of this size.
    pub slice_bytes: u64,
    /// Bytes of fetched mail held at once, over all accounts; messages in pieces come on top.
    pub memory_bytes: u64,
    /// Accounts that are busy at once.
    pub concurrent_accounts: usize,
    /// Connections begun a second with one host.
    pub connects_per_second: u32,
    /// Connections being set up at once with one host.
    pub connecting_at_once: usize,
    /// Seconds until a connection must stand.
    pub connect_timeout_seconds: u64,
    /// Seconds until a command must be answered.
    pub command_timeout_seconds: u64,
    /// Seconds until the token endpoint must have answered.
    pub token_timeout_seconds: u64,
    /// Seconds without progress after which a poll is ended.
    pub poll_deadline_seconds: u64,
    /// The longest wait between two attempts at a failing account, in seconds.
    pub backoff_max_seconds: u64,
    /// Seconds that a session must last for the failures before it to be forgotten.
    pub steady_seconds: u64,
    /// Bytes received from the server for one account in a day (UTC); 0 for what Gmail bears there, and any number elsewhere.
    pub daily_bytes: u64,
    /// Commands sent for one account in a day (UTC); 0 for any number.
    pub daily_commands: u64,
    /// Seconds that work under way gets to end when the program is told to stop.
    pub shutdown_seconds: u64,
    /// Seconds after which the accounts of a worker that is not heard of any more are others', on PostgreSQL.
    pub lease_seconds: u64,
}

impl Worker {
    /// How often a mailbox is looked at.
    pub fn pace(&self) -> Pace {
        let [usual, quickest, slowest] =
            [self.poll_seconds, self.poll_quickest_seconds, self.poll_slowest_seconds].map(Duration::from_secs);
        Pace { usual, quickest, slowest }
    }

    /// How long what fails is waited out.
    pub fn patience(&self) -> Patience {
        let slowest_look = self.pace().longest();
        Patience { steady: Duration::from_secs(self.steady_seconds), longest: self.backoff_max(), slowest_look }
    }

    /// The longest that an account is left alone between two looks, jitter included.
    pub fn longest_rest(&self) -> Duration {
        self.pace().longest().mul_f64(1.25)
    }

    /// [`Self::connect_timeout_seconds`] as a duration.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    /// [`Self::command_timeout_seconds`] as a duration.
    pub fn command_timeout(&self) -> Duration {
        Duration::from_secs(self.command_timeout_seconds)
    }

    /// [`Self::backoff_max_seconds`] as a duration.
    pub fn backoff_max(&self) -> Duration {
        Duration::from_secs(self.backoff_max_seconds)
    }

    /// [`Self::poll_deadline_seconds`] as a duration.
    pub fn poll_deadline(&self) -> Duration {
        Duration::from_secs(self.poll_deadline_seconds)
    }

    /// [`Self::shutdown_seconds`] as a duration.
    pub fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }

    /// [`Self::lease_seconds`] as a duration.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    /// [`Self::token_timeout_seconds`] as a duration.
    pub fn token_timeout(&self) -> Duration {
        Duration::from_secs(self.token_timeout_seconds)
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            poll_seconds: 30,
            poll_quickest_seconds: 5,
            poll_slowest_seconds: 120,
            batch_messages: 100,
            batch_bytes: 2 * 1024 * 1024,
            slice_bytes: 1024 * 1024,
            memory_bytes: 8 * 1024 * 1024,
            concurrent_accounts: 64,
            connects_per_second: 10,
            connecting_at_once: 20,
            connect_timeout_seconds: 20,
            command_timeout_seconds: 60,
            token_timeout_seconds: 30,
            poll_deadline_seconds: 300,
            backoff_max_seconds: 900,
            steady_seconds: 60,
            daily_bytes: 0,
            daily_commands: 0,
            shutdown_seconds: 20,
            lease_seconds: 30,
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For eyes.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How log lines are written, to standard error.
    pub format: LogFormat,
    /// `error`, `warn`, `info` or `debug`, or directives such as `mailtrail::source=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}
