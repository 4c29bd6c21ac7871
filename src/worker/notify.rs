//! What the service manager is told (sd_notify(3)): that we are ready, alive, or about to end. Without one nobody listens.

use std::time::Duration;

use sd_notify::NotifyState;

/// How long a task may wait to be run before nobody can say that accounts are read.
const SCHEDULED_WITHIN: Duration = Duration::from_secs(10);

/// The service manager.
pub(super) struct Manager {
    listens: bool,
    watches: bool,
}

impl Manager {
    pub(super) fn new() -> Self {
        let listens = std::env::var_os("NOTIFY_SOCKET").is_some();
        Self { listens, watches: sd_notify::watchdog_enabled().is_some() }
    }

    /// Whether there is one.
    pub(super) fn listens(&self) -> bool {
        self.listens
    }

    pub(super) fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// The configuration is being read; [`Self::ready`] follows.
    pub(super) fn reloading(&self) {
        // The time lets the manager tell an answer to its own signal from an older one.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    pub(super) fn status(&self, accounts: u64, failing: u64) {
        self.tell(&[NotifyState::Status(&format!("{accounts} accounts, {failing} failing"))]);
    }

    /// Says that we are alive, if tasks are: whoever calls this turns, but the accounts' tasks run elsewhere.
    pub(super) async fn alive(&self) {
        if self.watches && tokio::time::timeout(SCHEDULED_WITHIN, tokio::spawn(async {})).await.is_ok() {
            self.tell(&[NotifyState::Watchdog]);
        }
    }

    fn tell(&self, state: &[NotifyState<'_>]) {
        if !self.listens {
            return;
        }
        if let Err(error) = sd_notify::notify(state) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}
