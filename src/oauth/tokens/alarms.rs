//! What is wrong with a registration is wrong for all accounts of its provider: it is told once, and not tried with each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use entity::account;

use super::Inner;
use crate::trouble::Trouble;

/// How long a refused registration is not shown to the provider again.
const REST: TimeDelta = TimeDelta::seconds(60);

/// The providers that refused us last, since when, and what they said.
#[derive(Default)]
pub(super) struct Alarms(Mutex<HashMap<String, (DateTime<Utc>, Trouble)>>);

impl Inner {
    /// What the account's provider has just said of our registration.
    pub(super) fn alarm(&self, account: &account::Model) -> Option<Trouble> {
        let alarms = self.alarms.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, trouble) = alarms.get(&account.provider)?;
        let now = self.clock.now();
        (*at <= now && now < *at + REST).then(|| trouble.clone())
    }

    /// A refusal of the registration is one alarm, however many accounts meet it.
    pub(super) fn raise(&self, account: &account::Model, trouble: &Trouble) {
        if !matches!(trouble, Trouble::Operator { .. }) {
            return;
        }
        let mut alarms = self.alarms.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alarms.insert(account.provider.clone(), (self.clock.now(), trouble.clone())).is_none() {
            tracing::error!(provider = account.provider, %trouble, "no account of this provider can renew its token");
        }
    }

    /// The provider has taken our registration.
    pub(super) fn all_clear(&self, account: &account::Model) {
        let mut alarms = self.alarms.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alarms.remove(&account.provider).is_some() {
            tracing::info!(provider = account.provider, "the accounts of this provider can renew their tokens again");
        }
    }
}
