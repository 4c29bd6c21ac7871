//! The contacts of a batch: found by any of their addresses, made where the decision says so (E5, E6, E10).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{contact, contact_address};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::{CommitPolicy, Entrant, rows, watched};
use crate::clock::Clock;
use crate::decide::decision::{Counterparty, Kind};
use crate::events::Event;
use crate::mail::address::Address;
use crate::store::{StoreError, outbox, padded};

/// Contacts by workspace and folded address.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    by_address: HashMap<(Uuid, String), Uuid>,
}

impl Contacts {
    /// The contact that has an address.
    pub(super) fn get(&self, workspace: Uuid, address: &Address) -> Option<Uuid> {
        self.by_address.get(&(workspace, address.folded().to_owned())).copied()
    }

    /// Every contact with one of its addresses in this batch.
    pub(super) fn all(&self) -> impl Iterator<Item = (Uuid, &str, Uuid)> {
        self.by_address.iter().map(|((workspace, address), contact)| (*workspace, address.as_str(), *contact))
    }
}

/// Finds the contacts of `entrants` and makes those that are missing.
pub(super) async fn ensure(
    db: &DatabaseTransaction,
    entrants: &[&Entrant],
    account: Uuid,
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<Contacts, StoreError> {
    let mut contacts = find(db, entrants).await?;
    let mut wanted: BTreeMap<(Uuid, String), (&Counterparty, &Entrant)> = BTreeMap::new();
    for entrant in entrants {
        for counterparty in entrant.activity.counterparties.iter().filter(|c| c.create) {
            let key = (entrant.activity.workspace, counterparty.party.address.folded().to_owned());
            if !contacts.by_address.contains_key(&key) {
                wanted.entry(key).or_insert((counterparty, entrant));
            }
        }
    }
    let (mut made, mut addresses, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for ((workspace, folded), (counterparty, entrant)) in wanted {
        let id = clock.id();
        made.push(new_contact(id, counterparty, entrant, policy, clock));
        addresses.push(contact_address::ActiveModel {
            workspace_id: Set(workspace),
            address_folded: Set(folded.clone()),
            address: Set(counterparty.party.address.as_str().to_owned()),
            contact_id: Set(id),
            position: Set(0),
        });
        events.push(outbox::row(workspace, Some(account), &Event::ContactCreated { contact: id }, clock));
        contacts.by_address.insert((workspace, folded), id);
    }
    let people = addresses.iter().map(|row| (*row.workspace_id.as_ref(), row.address_folded.as_ref().as_str()));
    watched::wake_people(db, people, policy.waiting).await?;
    rows::insert(db, made).await?;
    rows::insert(db, addresses).await?;
    rows::insert(db, events).await?;
    Ok(contacts)
}

async fn find(db: &DatabaseTransaction, entrants: &[&Entrant]) -> Result<Contacts, StoreError> {
    let mut workspaces = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for entrant in entrants {
        workspaces.insert(entrant.activity.workspace);
        addresses.extend(entrant.activity.counterparties.iter().map(|c| c.party.address.folded().to_owned()));
    }
    let rows = contact_address::Entity::find()
        .filter(contact_address::COLUMN.workspace_id.is_in(workspaces))
        .filter(contact_address::COLUMN.address_folded.is_in(padded(addresses)))
        .all(db)
        .await?;
    let by_address = rows.into_iter().map(|row| ((row.workspace_id, row.address_folded), row.contact_id)).collect();
    Ok(Contacts { by_address })
}

fn new_contact(
    id: Uuid,
    counterparty: &Counterparty,
    entrant: &Entrant,
    policy: CommitPolicy,
    clock: &Clock,
) -> contact::ActiveModel {
    let name = counterparty.party.name.as_deref().filter(|name| !name.contains('@'));
    let (first, last) = name.map(split_name).unwrap_or_default();
    let owner = entrant.activity.user.map(|(user, _)| user).filter(|_| policy.contact_owner);
    let source = match entrant.activity.kind {
        Kind::Bcc => "bcc",
        Kind::Reply => "reply",
        Kind::Sent => "sent",
        Kind::Forwarded => "forward",
    };
    contact::ActiveModel {
        id: Set(id),
        workspace_id: Set(entrant.activity.workspace),
        key: Set(None),
        name: Set(name.map(str::to_owned)),
        first_name: Set(first),
        last_name: Set(last),
        owner_id: Set(owner),
        source: Set(source.to_owned()),
        created_at: Set(clock.now()),
    }
}

/// "Last, First" and "First Last" into their parts (E10).
fn split_name(name: &str) -> (Option<String>, Option<String>) {
    let part = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some((last, first)) = name.split_once(',') {
        return (part(first), part(last));
    }
    match name.trim().rsplit_once(char::is_whitespace) {
        Some((first, last)) => (part(first), part(last)),
        None => (part(name), None),
    }
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn a_name_is_split_into_first_and_last() {
        let split = |name| {
            let (first, last) = split_name(name);
            (first.unwrap_or_default(), last.unwrap_or_default())
        };
        assert_eq!(split("Anna Maria Berg"), ("Anna Maria".into(), "Berg".into()));
        assert_eq!(split("Berg, Anna"), ("Anna".into(), "Berg".into()));
        assert_eq!(split("Cher"), ("Cher".into(), String::new()));
    }
}
