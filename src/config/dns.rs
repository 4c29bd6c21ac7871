//! Who is asked about domains.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::optional;

/// `[dns]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// `ADDRESS:PORT` of the name server; the system's where it is empty.
    #[serde(with = "optional")]
    pub server: Option<SocketAddr>,
    /// Seconds until a question must be answered.
    pub timeout_seconds: u64,
}

impl Dns {
    /// [`Self::timeout_seconds`] as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self { server: None, timeout_seconds: 2 }
    }
}
