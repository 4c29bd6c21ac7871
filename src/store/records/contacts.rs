//! Mirroring the CRM's contacts, by key; listing and deleting them.
//!
//! A contact that mailtrail made of mail has no key. A line that has one of its addresses takes it over, timeline and
//! all, so that the person is not in the CRM twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use entity::{contact, contact_address, contact_company, tombstone};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::links::{Claim, Name, address_row};
use super::{BATCH, ContactRow, Import, Numbered, batch};
use crate::mail::address::Address;
use crate::store::StoreError;

mod known;
mod list;
mod merge;
mod remove;

use known::Known;
pub use list::{Listed, list, page};
pub use remove::remove;

/// What a batch of contacts comes to, before it is written.
#[derive(Default)]
struct Plan {
    contacts: Vec<contact::Model>,
    /// Contacts made of mail that become part of another one: (from, into).
    merges: Vec<(Uuid, Uuid)>,
    /// Contacts whose addresses are written anew.
    readdressed: Vec<Uuid>,
    addresses: Vec<contact_address::Model>,
    /// Contacts whose companies are written anew.
    relinked: Vec<Uuid>,
    companies: Vec<contact_company::Model>,
    /// Addresses that are a contact's again (E11).
    revived: Vec<String>,
}

pub(super) async fn take(import: &mut Import<'_>, rows: Vec<Numbered<ContactRow>>) -> Result<(), StoreError> {
    let rows = import.once(rows, |row| &row.key);
    let mut known = Known::load(import, &rows).await?;
    let mut plan = Plan::default();
    for Numbered { line, row } in rows {
        if let Err(reason) = plan.row(import, &mut known, line, &row) {
            import.bad(line, reason);
        }
    }
    plan.write(import).await
}

impl Plan {
    /// Adds a row to the plan, or says why it cannot be taken.
    fn row(&mut self, import: &mut Import<'_>, known: &mut Known, line: u64, row: &ContactRow) -> Result<(), String> {
        let owner = known.owner(row)?;
        let made_of_mail = known.made_of_mail(row);
        let before = known.by_key.remove(&row.key).or_else(|| known.adopt(&made_of_mail));
        let contact = merged(import, before.as_ref(), row, owner);
        let companies = known.companies(contact.id, row)?;

        let merges_before = self.merges.len();
        for from in made_of_mail.into_iter().filter(|from| *from != contact.id) {
            known.taken_over.insert(from, contact.id);
            self.merges.push((from, contact.id));
        }
        let readdressed = self.addresses(import, known, line, row, contact.id);
        let relinked = companies.is_some();
        if let Some(links) = companies {
            self.relinked.push(contact.id);
            self.companies.extend(links.into_iter().map(|(company_id, is_primary)| contact_company::Model {
                contact_id: contact.id,
                company_id,
                is_primary,
            }));
        }
        let differs = before.as_ref() != Some(&contact);
        let changed = differs || readdressed || relinked || self.merges.len() > merges_before;
        import.report.count(before.is_none(), changed);
        if differs {
            self.contacts.push(contact);
        }
        Ok(())
    }

    /// Plans the addresses of a contact; whether they change. One that is another contact's becomes a claim.
    fn addresses(&mut self, import: &mut Import<'_>, known: &mut Known, line: u64, row: &ContactRow, id: Uuid) -> bool {
        let Some(wanted) = row.addresses.as_deref().map(without_doubles) else { return false };
        self.revived.extend(wanted.iter().map(|address| address.folded().to_owned()));
        if known.has_addresses(id, &wanted) {
            return false;
        }
        self.readdressed.push(id);
        for (address, position) in wanted.into_iter().zip(0..) {
            if known.claim(address, id) {
                self.addresses.push(address_row(import.workspace.id, id, address, position));
            } else {
                let name = Name::Address(address.clone(), position);
                import.claims.push(Claim { line, key: row.key.clone(), id, name });
            }
        }
        true
    }

    async fn write(self, import: &Import<'_>) -> Result<(), StoreError> {
        let tx = &import.tx;
        let changing = [contact::Column::Key, contact::Column::Name, contact::Column::OwnerId];
        batch::upsert(tx, self.contacts, contact::Column::Id, &changing).await?;
        for (from, into) in self.merges {
            merge::merge(tx, from, into).await?;
        }
        batch::delete_in::<contact_address::Entity, _>(tx, contact_address::Column::ContactId, &self.readdressed)
            .await?;
        import.wake(self.addresses.iter().map(|row| row.address_folded.as_str())).await?;
        batch::insert(tx, self.addresses).await?;
        batch::delete_in::<contact_company::Entity, _>(tx, contact_company::Column::ContactId, &self.relinked).await?;
        batch::insert(tx, self.companies).await?;
        for addresses in self.revived.chunks(BATCH) {
            tombstone::Entity::delete_many()
                .filter(tombstone::Column::WorkspaceId.eq(import.workspace.id))
                .filter(tombstone::Column::AddressFolded.is_in(addresses))
                .exec(&**tx)
                .await?;
        }
        Ok(())
    }
}

fn merged(
    import: &Import<'_>,
    before: Option<&contact::Model>,
    row: &ContactRow,
    owner: Option<Option<Uuid>>,
) -> contact::Model {
    let mut contact = before.cloned().unwrap_or_else(|| contact::Model {
        id: import.clock.id(),
        workspace_id: import.workspace.id,
        key: None,
        name: None,
        first_name: None,
        last_name: None,
        owner_id: None,
        source: "import".to_owned(),
        created_at: import.clock.now(),
    });
    contact.key = Some(row.key.clone());
    if let Some(name) = &row.name {
        contact.name = Some(name.clone()).filter(|name| !name.is_empty());
    }
    contact.owner_id = owner.unwrap_or(contact.owner_id);
    contact
}

fn without_doubles(addresses: &[Address]) -> Vec<&Address> {
    let mut seen = HashSet::new();
    addresses.iter().filter(|address| seen.insert(address.folded())).collect()
}
