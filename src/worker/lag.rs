//! How soon mail that arrives is on the timeline.

use chrono::{DateTime, TimeDelta, Utc};
use entity::account;

use crate::metrics;
use crate::store::commit::{Entry, Outcome};

/// How far a server's clock and its whole seconds may be from ours.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(2);

/// Which mail of an account counts: what arrived after it had last been read to its end. A backlog, a resync and mail from
/// before the account was there say nothing about how quick we are.
pub(super) struct Lag {
    kind: String,
    provider: String,
    from: Option<DateTime<Utc>>,
}

impl Lag {
    pub(super) fn of(account: &account::Model) -> Self {
        let from = account.last_success.map(|at| at - CLOCKS_APART);
        Self { kind: account.kind.clone(), provider: account.provider.clone(), from }
    }

    /// When those of a batch arrived that are to be logged, and count.
    pub(super) fn arrivals(&self, entries: &[Entry]) -> Vec<DateTime<Utc>> {
        let Some(from) = self.from else { return Vec::new() };
        let received = entries.iter().filter_map(|entry| match &entry.outcome {
            Outcome::Log(entrant) => Some(entrant.received),
            _ => None,
        });
        received.filter(|at| *at >= from).collect()
    }

    /// They are logged.
    pub(super) fn logged(&self, arrivals: &[DateTime<Utc>], now: DateTime<Utc>) {
        for at in arrivals {
            metrics::logged_after(&self.kind, &self.provider, (now - *at).as_seconds_f64());
        }
    }
}
