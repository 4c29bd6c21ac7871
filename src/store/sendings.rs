//! Mail of ours of which a mailbox may hold a copy under another id (D20, L6).

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{activity, attachment, mailbox, sighting};
use sea_orm::{EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::decide::MessageKey;
use crate::decide::decision::{Direction, Kind};
use crate::decide::facts::{Facts, Sending};
use crate::mail::address::Party;
use crate::store::{Store, StoreError, padded};

impl Store {
    /// Adds the mail that `keys` (of [`MessageKey::of_sending`], asked for among the messages) led to, as far as no copy of it
    /// was seen in the account at hand: two messages of one mailbox are two. Of most mail nothing is known, and nothing asked.
    pub async fn mark_sendings(
        &self,
        facts: &mut Facts,
        account: Uuid,
        keys: impl Iterator<Item = MessageKey>,
    ) -> Result<(), StoreError> {
        let keys: HashSet<MessageKey> = keys.collect();
        for workspace in &mut facts.workspaces {
            let hits = keys.iter().filter_map(|key| Some((*key, *workspace.known.get(key)?)));
            let hits: HashMap<MessageKey, Uuid> = hits.collect();
            if hits.is_empty() {
                continue;
            }
            let ids: BTreeSet<Uuid> = hits.values().copied().collect();
            let mut sent = self.sent(&ids).await?;
            for seen in self.seen_in(account, &ids).await? {
                sent.remove(&seen);
            }
            let found = hits.into_iter().filter_map(|(key, id)| Some((key, sent.get(&id)?.clone())));
            workspace.sendings.extend(found);
        }
        Ok(())
    }

    /// The activities that one of us wrote.
    async fn sent(&self, ids: &BTreeSet<Uuid>) -> Result<HashMap<Uuid, Sending>, StoreError> {
        let rows = activity::Entity::find()
            .filter(activity::COLUMN.id.is_in(padded(ids.iter().copied())))
            .filter(activity::COLUMN.direction.eq(Direction::Outgoing.as_str()))
            .filter(activity::COLUMN.kind.is_in([Kind::Bcc.as_str(), Kind::Sent.as_str()]))
            .all(&self.db)
            .await?;
        let attached = attachment::COLUMN.activity_id.is_in(padded(ids.iter().copied()));
        let mut sizes: HashMap<Uuid, u64> = HashMap::new();
        for row in attachment::Entity::find().filter(attached).all(&self.db).await? {
            *sizes.entry(row.activity_id).or_default() += u64::try_from(row.size).unwrap_or_default();
        }
        let sending = |row: activity::Model| {
            let of = |field: &str| row.recipients.get(field).cloned().unwrap_or_default();
            let parties = |field: &str| serde_json::from_value::<Vec<Party>>(of(field)).unwrap_or_default();
            let people = parties("to").into_iter().chain(parties("cc"));
            let from: Party = serde_json::from_value(row.sender).ok()?;
            let octets = [&row.text, &row.html].into_iter().flatten().map(|text| text.len() as u64).sum::<u64>();
            let sending = Sending {
                activity: row.id,
                key: MessageKey::from_bytes(&row.message_key)?,
                from: from.address.folded().to_owned(),
                recipients: people.map(|party| party.address.folded().to_owned()).collect(),
                octets: octets + sizes.get(&row.id).copied().unwrap_or_default(),
                text: row.text,
            };
            Some((row.id, sending))
        };
        Ok(rows.into_iter().filter_map(sending).collect())
    }

    async fn seen_in(&self, account: Uuid, ids: &BTreeSet<Uuid>) -> Result<Vec<Uuid>, StoreError> {
        let rows = sighting::Entity::find()
            .filter(sighting::COLUMN.activity_id.is_in(padded(ids.iter().copied())))
            .find_also_related(mailbox::Entity)
            .all(&self.db)
            .await?;
        let here =
            rows.into_iter().filter(|(_, mailbox)| mailbox.as_ref().is_some_and(|one| one.account_id == account));
        Ok(here.map(|(row, _)| row.activity_id).collect())
    }
}
