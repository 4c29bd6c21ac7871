//! How often the server is held against the ledger.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Hours between two audits of a mailbox by the service; 0 for none.
    pub every_hours: u32,
}

impl Audit {
    /// [`Self::every_hours`] as a duration, if there are to be audits.
    pub fn every(&self) -> Option<TimeDelta> {
        (self.every_hours > 0).then(|| TimeDelta::hours(i64::from(self.every_hours)))
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { every_hours: 24 }
    }
}
