//! Facts and decisions for a run of envelopes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::account;

use super::{Worker, policy};

use crate::decide::bounce::{Returned, decide_at_hand};
use crate::decide::facts::{FactQuery, Facts, ancestors};
use crate::decide::key::keyed_hash;
use crate::decide::{Decision, MessageKey, Policy, decide, forwarding};
use crate::mail::envelope::Envelope;
use crate::mail::message::Mail;
use crate::store::facts::Scope;
use crate::store::{Store, StoreError};
use crate::trouble::Trouble;

/// Decides on runs of messages of one account.
pub(super) struct Judge {
    pub(super) store: Store,
    pub(super) scope: Scope,
    pub(super) policy: Policy,
    pub(super) hash_key: Arc<[u8; 32]>,
}

impl Worker {
    /// The judge for mail of an account.
    pub(super) async fn judge(&self, account: &account::Model) -> Result<Judge, Trouble> {
        Ok(Judge {
            store: self.store.clone(),
            scope: self.store.scope(account).await?,
            policy: policy::of(account, &self.config),
            hash_key: Arc::clone(&self.hash_key),
        })
    }
}

impl Judge {
    /// What the store knows about `envelopes`: one short read for all of them.
    pub(super) async fn facts<'a>(&self, envelopes: impl Iterator<Item = &'a Envelope>) -> Result<Facts, StoreError> {
        let mut query = FactQuery::default();
        envelopes.for_each(|envelope| query.add(envelope));
        self.answered(query).await
    }

    /// The same about mails at hand.
    pub(super) async fn facts_on_mails<'a>(&self, mails: impl Iterator<Item = &'a Mail>) -> Result<Facts, StoreError> {
        let mut query = FactQuery::default();
        let mails: Vec<&Mail> = mails.collect();
        mails.iter().for_each(|mail| query.add_mail(mail));
        let dedicated = self.policy.inbox.is_none() && self.policy.forwarding.is_none();
        let sendings = mails.iter().filter_map(|mail| Some((MessageKey::of_sending(&mail.envelope)?, *mail)));
        let sendings: Vec<(MessageKey, &Mail)> = sendings.filter(|_| dedicated).collect();
        query.messages.extend(sendings.iter().map(|(key, _)| *key));
        let mut facts = self.answered(query).await?;
        self.store.mark_sendings(&mut facts, self.scope.account, sendings.iter().map(|(key, _)| *key)).await?;
        for workspace in facts.workspaces.iter_mut().filter(|workspace| !workspace.sendings.is_empty()) {
            for (key, mail) in &sendings {
                // With both texts at hand there is no doubt.
                if workspace.sendings.get(key).is_some_and(|sending| !sending.has_text(mail.text.as_deref())) {
                    workspace.sendings.remove(key);
                }
            }
        }
        Ok(facts)
    }

    async fn answered(&self, mut query: FactQuery) -> Result<Facts, StoreError> {
        // Who has an inbox connected is asked by its address.
        query.addresses.extend(self.policy.inbox.as_ref().map(|inbox| inbox.address.folded().to_owned()));
        let mut facts = self.store.facts(&self.scope, &query).await?;
        self.store.originals(&query.originals, &mut facts).await?;
        self.store.mark_follow_ups(&mut facts).await?;
        self.store.mark_late(&mut facts).await?;
        Ok(facts)
    }

    /// The decision on one of them.
    pub(super) fn decide(&self, envelope: &Envelope, received: DateTime<Utc>, facts: &Facts) -> Decision {
        decide(&self.policy, envelope, received, facts)
    }

    /// The same; none if it takes the body to decide.
    pub(super) fn decide_by_header(
        &self,
        envelope: &Envelope,
        size: u32,
        received: DateTime<Utc>,
        facts: &Facts,
    ) -> Option<Decision> {
        match self.policy.forwarding {
            Some(_) => forwarding::by_header(&self.policy, envelope, u64::from(size), received, facts),
            None => Some(self.decide(envelope, received, facts)),
        }
    }

    /// The decision on a mail at hand, and the logged mail that it says came back.
    pub(super) fn decide_at_hand(
        &self,
        mail: &Mail,
        received: DateTime<Utc>,
        facts: &Facts,
    ) -> (Decision, Option<Returned>) {
        decide_at_hand(&self.policy, mail, received, facts)
    }

    /// The keyed hash of a Message-ID, for the ledger.
    pub(super) fn hash(&self, envelope: &Envelope) -> Option<Vec<u8>> {
        envelope.message_id.as_ref().map(|id| keyed_hash(&self.hash_key, id))
    }
}

/// People and ids that the mails of one batch name at most: what a commit looks up must fit into a statement. A single
/// mail may name more.
const NAMED: usize = 5_000;

/// How many of `mails` may be decided on the same facts. What depends on a mail before it in the run, or on one that
/// `is_pending`, waits until that one's verdict is in the store: a copy of it, whatever the copy's own verdict would be
/// (D20), also under an id that a provider rewrote, a stranger's mail that refers to it (decision 14), a report on it, and a forward of the
/// same message.
pub(super) fn independent<'a>(
    mails: impl Iterator<Item = Option<&'a Mail>>,
    facts: &Facts,
    is_pending: impl Fn(&MessageKey) -> bool,
) -> usize {
    let mut seen = std::collections::HashSet::new();
    let (mut count, mut named) = (0, 0);
    for mail in mails {
        let Some(mail) = mail else {
            count += 1;
            continue;
        };
        let envelope = &mail.envelope;
        let names = [&envelope.message_id, &envelope.original_message_id].into_iter().flatten().map(MessageKey::of_id);
        let answers = if facts.knows_sender(envelope) { Vec::new() } else { ancestors(envelope) };
        let forward = forwarding::keys(mail);
        let refers = answers.into_iter().chain(names.clone()).chain(mail.reported().map(MessageKey::of_id));
        let mut refers = refers.chain(forward.iter().copied());
        named += envelope.to.len() + envelope.cc.len() + envelope.references.len() + envelope.in_reply_to.len();
        if (named > NAMED && count > 0) || refers.any(|key| seen.contains(&key) || is_pending(&key)) {
            break;
        }
        seen.extend(names.chain(forward.iter().copied()));
        count += 1;
    }
    count
}
