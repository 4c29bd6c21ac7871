//! The accounts that this process watches right now.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::metrics::Present;

/// Their ids. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashSet<Uuid>>>);

impl Running {
    /// An account's task has begun, and is here until the answer is dropped.
    pub(super) fn enter(&self, account: Uuid) -> Here {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        Here { running: self.clone(), account, _present: Present::account() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether this process watches the account.
    pub(super) fn contains(&self, account: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&account)
    }
}

/// An account's task.
#[derive(Debug)]
pub(super) struct Here {
    running: Running,
    account: Uuid,
    _present: Present,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}
