//! What all accounts' tasks share, and the settings they have at present.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::Worker;
use super::ramp::Ramp;
use super::turn::Room;
use super::usage::Usage;
use crate::config::Config;
use crate::source::Budget;

/// What all accounts' tasks share.
pub struct Common {
    /// How fast connections are begun.
    pub(super) ramp: Ramp,
    /// What accounts cost their servers.
    pub(super) usage: Usage,
    /// Places for accounts that are busy.
    pub(super) room: Arc<Room>,
    latest: RwLock<Settings>,
    settled: Notify,
}

/// Settings, and what is made from them.
#[derive(Clone)]
struct Settings {
    config: Arc<Config>,
    memory: Budget,
    memory_for_large: Budget,
}

impl Settings {
    fn new(config: Arc<Config>) -> Self {
        let memory = Budget::new(config.worker.memory_bytes);
        let memory_for_large = Budget::new(config.limits.message_bytes);
        Self { config, memory, memory_for_large }
    }
}

impl Common {
    /// For a worker with these settings.
    pub fn new(config: &Arc<Config>) -> Self {
        Self {
            ramp: Ramp::default(),
            usage: Usage::default(),
            room: Room::new(config.worker.concurrent_accounts),
            latest: RwLock::new(Settings::new(Arc::clone(config))),
            settled: Notify::new(),
        }
    }

    /// Other settings from now on: who reads takes them over before the next mail.
    pub(super) fn settle(&self, config: Arc<Config>) {
        self.room.resize(config.worker.concurrent_accounts);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Settings::new(config);
        self.settled.notify_waiters();
    }

    /// Waits for other settings.
    pub(super) async fn settled(&self) {
        self.settled.notified().await;
    }

    fn latest(&self) -> Settings {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Worker {
    /// Takes over the present settings. Whether they are others.
    pub(crate) fn renew(&mut self) -> bool {
        let Settings { config, memory, memory_for_large } = self.common.latest();
        if Arc::ptr_eq(&config, &self.config) {
            return false;
        }
        (self.config, self.memory, self.memory_for_large) = (config, memory, memory_for_large);
        true
    }

    /// Whether there are other settings than this worker's.
    pub(super) fn is_outdated(&self) -> bool {
        !Arc::ptr_eq(&self.common.latest().config, &self.config)
    }
}
