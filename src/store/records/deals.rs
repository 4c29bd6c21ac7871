//! Mirroring the CRM's deals, by key.

use std::collections::{BTreeSet, HashMap};

use entity::{contact, contact_address, deal, deal_contact};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{DealRow, Import, Numbered, Stage, batch};
use crate::mail::address::Address;
use crate::store::StoreError;

pub(super) async fn take(import: &mut Import<'_>, rows: Vec<Numbered<DealRow>>) -> Result<(), StoreError> {
    let rows = import.once(rows, |row| &row.key);
    let mut known = known(import, &rows).await?;
    let ids: Vec<Uuid> = known.values().map(|deal| deal.id).collect();
    let mut contacts = contacts_of(import, &ids).await?;
    let people = People::find(import, &rows).await?;

    let (mut deals, mut replaced, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for Numbered { line, row } in rows {
        let before = known.remove(&row.key);
        let deal = merged(import, before.as_ref(), &row);
        let new = match row.contacts.as_deref().map(|list| people.all(list)).transpose() {
            Ok(new) => new,
            Err(unknown) => {
                import.bad(line, format!("there is no contact {unknown}; import the contacts before the deals"));
                continue;
            }
        };
        let old = contacts.remove(&deal.id).unwrap_or_default();
        let relinked = new.as_ref().is_some_and(|new| *new != old);
        import.report.count(before.is_none(), relinked || before.as_ref() != Some(&deal));
        if let Some(new) = new.filter(|_| relinked) {
            replaced.push(deal.id);
            links.extend(new.into_iter().map(|contact_id| deal_contact::Model { contact_id, deal_id: deal.id }));
        }
        if before.as_ref() != Some(&deal) {
            deals.push(deal);
        }
    }
    let changing = [deal::Column::Name, deal::Column::Stage, deal::Column::CreatedAt];
    batch::upsert(&import.tx, deals, deal::Column::Id, &changing).await?;
    batch::delete_in::<deal_contact::Entity, _>(&import.tx, deal_contact::Column::DealId, &replaced).await?;
    batch::insert(&import.tx, links).await
}

/// The contacts that a batch names by key or by address.
struct People {
    by_key: HashMap<String, Uuid>,
    by_address: HashMap<String, Uuid>,
}

impl People {
    async fn find(import: &Import<'_>, rows: &[Numbered<DealRow>]) -> Result<Self, StoreError> {
        let names: BTreeSet<&str> =
            rows.iter().flat_map(|row| row.row.contacts.iter().flatten()).map(String::as_str).collect();
        let keys: Vec<&str> = names.iter().copied().collect();
        let here = contact::Entity::find().filter(contact::Column::WorkspaceId.eq(import.workspace.id));
        let contacts = batch::find_in(&import.tx, &here, contact::Column::Key, &keys).await?;
        let addresses: Vec<String> =
            names.iter().filter_map(|name| Address::parse(name)).map(|address| address.folded().to_owned()).collect();
        let here = contact_address::Entity::find().filter(contact_address::Column::WorkspaceId.eq(import.workspace.id));
        let owned = batch::find_in(&import.tx, &here, contact_address::Column::AddressFolded, &addresses).await?;
        Ok(Self {
            by_key: contacts.into_iter().filter_map(|contact| Some((contact.key?, contact.id))).collect(),
            by_address: owned.into_iter().map(|row| (row.address_folded, row.contact_id)).collect(),
        })
    }

    /// The contacts of those names, or the first name that is nobody's.
    fn all<'n>(&self, names: &'n [String]) -> Result<BTreeSet<Uuid>, &'n str> {
        names.iter().map(|name| self.one(name).ok_or(name.as_str())).collect()
    }

    fn one(&self, name: &str) -> Option<Uuid> {
        let by_address = || self.by_address.get(Address::parse(name)?.folded()).copied();
        self.by_key.get(name).copied().or_else(by_address)
    }
}

async fn known(import: &Import<'_>, rows: &[Numbered<DealRow>]) -> Result<HashMap<String, deal::Model>, StoreError> {
    let keys: Vec<&str> = rows.iter().map(|row| row.row.key.as_str()).collect();
    let here = deal::Entity::find().filter(deal::Column::WorkspaceId.eq(import.workspace.id));
    let deals = batch::find_in(&import.tx, &here, deal::Column::Key, &keys).await?;
    Ok(deals.into_iter().map(|deal| (deal.key.clone(), deal)).collect())
}

async fn contacts_of(import: &Import<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, BTreeSet<Uuid>>, StoreError> {
    let find = deal_contact::Entity::find();
    let mut contacts: HashMap<Uuid, BTreeSet<Uuid>> = HashMap::new();
    for row in batch::find_in(&import.tx, &find, deal_contact::Column::DealId, ids).await? {
        contacts.entry(row.deal_id).or_default().insert(row.contact_id);
    }
    Ok(contacts)
}

fn merged(import: &Import<'_>, before: Option<&deal::Model>, row: &DealRow) -> deal::Model {
    let mut deal = before.cloned().unwrap_or_else(|| deal::Model {
        id: import.clock.id(),
        workspace_id: import.workspace.id,
        key: row.key.clone(),
        name: String::new(),
        stage: Stage::Open.as_str().to_owned(),
        created_at: import.clock.now(),
    });
    if let Some(name) = &row.name {
        deal.name.clone_from(name);
    }
    if let Some(stage) = row.stage {
        deal.stage = stage.as_str().to_owned();
    }
    deal.created_at = row.created_at.unwrap_or(deal.created_at);
    deal
}
