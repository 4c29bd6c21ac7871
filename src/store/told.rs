//! What events speak of: they keep identifiers only, so that a contact who was deleted is not named by what happened before.

use std::collections::{BTreeMap, HashMap, HashSet};

use entity::{account, activity, activity_contact, contact, contact_address, outbox, workspace};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::events::body::{ActivityTold, ContactTold, Participant, Told, contact_of};
use crate::store::{Store, StoreError, padded};

/// The columns of [`ActivityTold`]: an activity's texts are large.
type Columns = (Uuid, String, String, Uuid, Option<String>, chrono::DateTime<chrono::Utc>, bool);

impl Store {
    /// The address of each contact that an event tells of, by the contact's identifier.
    pub async fn contacts_told_of(&self, events: &[outbox::Model]) -> Result<HashMap<Uuid, String>, StoreError> {
        self.first_addresses(events.iter().filter_map(contact_of).collect()).await
    }

    /// What a receiver is told beside the events of a page, with a fixed number of queries.
    pub async fn told(&self, events: &[outbox::Model]) -> Result<Told, StoreError> {
        let ids = |of: fn(&outbox::Model) -> Option<Uuid>| events.iter().filter_map(of).collect::<HashSet<Uuid>>();
        let (activities, made) = (ids(|event| event.activity_id), ids(contact_of));
        let parts = self.parts(&activities).await?;
        let people: HashSet<Uuid> = parts.iter().map(|(_, contact, _)| *contact).chain(made.iter().copied()).collect();
        let addresses = self.first_addresses(people.clone()).await?;
        let contacts = self.contacts_of(people).await?;
        let mut by_activity: BTreeMap<Uuid, Vec<Participant>> = BTreeMap::new();
        for (activity, id, role) in parts {
            let key = contacts.get(&id).and_then(|contact| contact.key.clone());
            let address = addresses.get(&id).cloned();
            by_activity.entry(activity).or_default().push(Participant { id, key, address, role });
        }
        let told_of = |contact: contact::Model| ContactTold {
            contact: contact.id,
            address: addresses.get(&contact.id).cloned(),
            key: contact.key,
            name: contact.name,
            source: contact.source,
        };
        Ok(Told {
            workspaces: self.workspace_names(ids(|event| Some(event.workspace_id))).await?,
            accounts: self.addresses_of_accounts(ids(|event| event.account_id)).await?,
            activities: self.activities_told(activities, by_activity).await?,
            contacts: contacts
                .into_values()
                .filter(|one| made.contains(&one.id))
                .map(|one| (one.id, told_of(one)))
                .collect(),
        })
    }

    async fn parts(&self, activities: &HashSet<Uuid>) -> Result<Vec<(Uuid, Uuid, String)>, StoreError> {
        if activities.is_empty() {
            return Ok(Vec::new());
        }
        let rows = activity_contact::Entity::find()
            .filter(activity_contact::COLUMN.activity_id.is_in(padded(activities.iter().copied())))
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| (row.activity_id, row.contact_id, row.role)).collect())
    }

    async fn activities_told(
        &self,
        activities: HashSet<Uuid>,
        mut contacts: BTreeMap<Uuid, Vec<Participant>>,
    ) -> Result<HashMap<Uuid, ActivityTold>, StoreError> {
        if activities.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<Columns> = activity::Entity::find()
            .select_only()
            .columns([
                activity::Column::Id,
                activity::Column::Direction,
                activity::Column::Kind,
                activity::Column::ThreadId,
                activity::Column::MessageId,
                activity::Column::SentAt,
                activity::Column::Bounced,
            ])
            .filter(activity::COLUMN.id.is_in(padded(activities)))
            .into_tuple()
            .all(&self.db)
            .await?;
        let told = rows.into_iter().map(|(activity, direction, kind, thread, message_id, sent_at, bounced)| {
            let contacts = contacts.remove(&activity).unwrap_or_default();
            (activity, ActivityTold { activity, direction, kind, thread, message_id, sent_at, bounced, contacts })
        });
        Ok(told.collect())
    }

    async fn contacts_of(&self, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, contact::Model>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = contact::Entity::find().filter(contact::COLUMN.id.is_in(padded(ids))).all(&self.db).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    async fn first_addresses(&self, contacts: HashSet<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
        if contacts.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = contact_address::Entity::find()
            .filter(contact_address::COLUMN.contact_id.is_in(padded(contacts)))
            .order_by_desc(contact_address::Column::Position)
            .all(&self.db)
            .await?;
        // The last one counts, which is the first address.
        Ok(rows.into_iter().map(|row| (row.contact_id, row.address)).collect())
    }

    async fn workspace_names(&self, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
        let rows = workspace::Entity::find().filter(workspace::COLUMN.id.is_in(ids)).all(&self.db).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
    }

    async fn addresses_of_accounts(&self, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(Uuid, String)> = account::Entity::find()
            .select_only()
            .columns([account::Column::Id, account::Column::Address])
            .filter(account::COLUMN.id.is_in(padded(ids)))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().collect())
    }
}
