//! Facts and decisions for a run of envelopes.

use chrono::{DateTime, Utc};

use crate::decide::facts::{FactQuery, Facts};
use crate::decide::key::keyed_hash;
use crate::decide::{Decision, MessageKey, Policy, decide};
use crate::mail::envelope::Envelope;
use crate::store::facts::Scope;
use crate::store::{Store, StoreError};

/// Decides on runs of messages of one account.
pub(super) struct Judge {
    pub(super) store: Store,
    pub(super) scope: Scope,
    pub(super) policy: Policy,
    pub(super) hash_key: std::sync::Arc<[u8; 32]>,
}

impl Judge {
    /// What the store knows about `envelopes`: one short read for all of them.
    pub(super) async fn facts<'a>(&self, envelopes: impl Iterator<Item = &'a Envelope>) -> Result<Facts, StoreError> {
        let mut query = FactQuery::default();
        envelopes.for_each(|envelope| query.add(envelope));
        self.store.facts(&self.scope, &query).await
    }

    /// The decision on one of them.
    pub(super) fn decide(&self, envelope: &Envelope, received: DateTime<Utc>, facts: &Facts) -> Decision {
        decide(&self.policy, envelope, received, facts)
    }

    /// The keyed hash of a Message-ID, for the ledger.
    pub(super) fn hash(&self, envelope: &Envelope) -> Option<Vec<u8>> {
        envelope.message_id.as_ref().map(|id| keyed_hash(&self.hash_key, id))
    }
}

/// How many of `envelopes` may be decided on the same facts: a stranger's mail that refers to one before it in the run
/// depends on that one's verdict being in the store (decision 14).
pub(super) fn independent<'a>(envelopes: impl Iterator<Item = Option<&'a Envelope>>) -> usize {
    let mut seen = std::collections::HashSet::new();
    let mut count = 0;
    for envelope in envelopes {
        let Some(envelope) = envelope else {
            count += 1;
            continue;
        };
        if crate::decide::facts::ancestors(envelope).iter().any(|key| seen.contains(key)) {
            break;
        }
        seen.extend(envelope.message_id.as_ref().map(MessageKey::of_id));
        count += 1;
    }
    count.max(1)
}
