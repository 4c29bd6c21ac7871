//! What an account has cost its server, over all its connections: for a budget, and as a sign of life.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::trouble::Trouble;

/// Counts what goes over the wire for one account. What is left of its budget is kept as the counts at which it ends.
#[derive(Debug)]
pub struct Meter {
    bytes: AtomicU64,
    commands: AtomicU64,
    steps: AtomicU64,
    last_byte: AtomicU64,
    last_command: AtomicU64,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Bytes received.
    pub bytes: u64,
    /// Commands sent.
    pub commands: u64,
}

/// How far an account has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// Bytes received.
    pub bytes: u64,
    /// Commands answered, batches stored.
    pub steps: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            last_byte: AtomicU64::new(u64::MAX),
            last_command: AtomicU64::new(u64::MAX),
        }
    }
}

impl Meter {
    pub(super) fn received(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub(super) fn asked(&self) {
        self.commands.fetch_add(1, Relaxed);
    }

    /// As if so many commands had been sent.
    #[cfg(test)]
    pub fn ask_for_test(&self, commands: u64) {
        self.commands.fetch_add(commands, Relaxed);
    }

    /// What is left of the bytes; `None` is any number.
    #[cfg(test)]
    pub fn bytes_left_for_test(&self) -> Option<u64> {
        let last = self.last_byte.load(Relaxed);
        (last < u64::MAX).then(|| last - self.bytes.load(Relaxed))
    }

    /// Something was brought to its end: a command was answered, a batch was stored.
    pub fn stepped(&self) {
        self.steps.fetch_add(1, Relaxed);
    }

    /// All that was spent so far.
    pub fn spent(&self) -> Spent {
        Spent { bytes: self.bytes.load(Relaxed), commands: self.commands.load(Relaxed) }
    }

    /// How far it has come.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.load(Relaxed), steps: self.steps.load(Relaxed) }
    }

    /// So much more may be spent; `None` is any number.
    pub fn allow(&self, bytes: Option<u64>, commands: Option<u64>) {
        let end = |so_far: u64, more: Option<u64>| more.map_or(u64::MAX, |more| so_far.saturating_add(more));
        let Spent { bytes: received, commands: asked } = self.spent();
        self.last_byte.store(end(received, bytes), Relaxed);
        self.last_command.store(end(asked, commands), Relaxed);
    }

    /// Fails where nothing is left.
    pub fn afford(&self) -> Result<(), Trouble> {
        let Some(key) = self.exhausted() else { return Ok(()) };
        Err(Trouble::retry(format!(
            "the account has used up what {key} allows it in a day; it is read again from midnight (UTC) on"
        )))
    }

    /// The setting of which nothing is left.
    pub fn exhausted(&self) -> Option<&'static str> {
        let Spent { bytes, commands } = self.spent();
        match () {
            () if bytes >= self.last_byte.load(Relaxed) => Some("worker.daily_bytes"),
            () if commands >= self.last_command.load(Relaxed) => Some("worker.daily_commands"),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_from_the_moment_it_is_given() {
        let meter = Meter::default();
        meter.received(1_000);
        assert_eq!(meter.exhausted(), None);
        meter.allow(Some(10), Some(2));
        meter.received(9);
        meter.asked();
        assert_eq!(meter.exhausted(), None);
        meter.received(1);
        assert_eq!(meter.exhausted(), Some("worker.daily_bytes"));
        meter.allow(None, Some(2));
        meter.asked();
        meter.asked();
        assert_eq!(meter.exhausted(), Some("worker.daily_commands"));
        meter.allow(None, None);
        assert_eq!(meter.exhausted(), None);
        assert_eq!(meter.spent(), Spent { bytes: 1_010, commands: 3 });
    }
}
