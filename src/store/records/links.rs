//! Names that belong to one row only: addresses of contacts (E6, L7), domains of companies.

use entity::{company, company_domain, contact, contact_address};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::{Import, batch};
use crate::mail::address::Address;
use crate::store::StoreError;

/// A name that belonged to another row when its line was read.
#[derive(Debug)]
pub struct Claim {
    /// The line that wants it.
    pub line: u64,
    /// The key that wants it.
    pub key: String,
    /// The row that wants it.
    pub id: Uuid,
    /// What it wants.
    pub name: Name,
}

/// What can belong to one row only.
#[derive(Debug)]
pub enum Name {
    /// An address and its position in the contact.
    Address(Address, i32),
    /// A folded domain.
    Domain(String),
}

/// Gives every claim that is free by now; the others are bad lines.
pub async fn settle(import: &mut Import<'_>) -> Result<(), StoreError> {
    for claim in std::mem::take(&mut import.claims) {
        match &claim.name {
            Name::Address(address, position) => settle_address(import, &claim, address, *position).await?,
            Name::Domain(domain) => settle_domain(import, &claim, domain).await?,
        }
    }
    Ok(())
}

async fn settle_address(
    import: &mut Import<'_>,
    claim: &Claim,
    address: &Address,
    position: i32,
) -> Result<(), StoreError> {
    let key = (import.workspace.id, address.folded().to_owned());
    let Some(taken) = contact_address::Entity::find_by_id(key).one(&*import.tx).await? else {
        let row = address_row(import.workspace.id, claim.id, address, position);
        import.wake(std::iter::once(address.folded())).await?;
        return batch::insert(&import.tx, vec![row]).await;
    };
    let owner = contact::Entity::find_by_id(taken.contact_id).one(&*import.tx).await?;
    let owner = owner.and_then(|owner| owner.key).unwrap_or_default();
    import.bad(
        claim.line,
        format!(
            "{address} belongs to contact {owner} and cannot belong to contact {} too; take it from one of them, or make \
             them one contact",
            claim.key
        ),
    );
    Ok(())
}

async fn settle_domain(import: &mut Import<'_>, claim: &Claim, domain: &str) -> Result<(), StoreError> {
    let key = (import.workspace.id, domain.to_owned());
    let Some(taken) = company_domain::Entity::find_by_id(key).one(&*import.tx).await? else {
        let row = company_domain::Model {
            workspace_id: import.workspace.id,
            domain: domain.to_owned(),
            company_id: claim.id,
        };
        return batch::insert(&import.tx, vec![row]).await;
    };
    let owner = company::Entity::find_by_id(taken.company_id).one(&*import.tx).await?;
    let owner = owner.map(|owner| owner.key).unwrap_or_default();
    import.bad(
        claim.line,
        format!(
            "{domain} belongs to company {owner} and cannot belong to company {} too; take it from one of them",
            claim.key
        ),
    );
    Ok(())
}

/// The row that gives an address to a contact.
pub fn address_row(workspace_id: Uuid, contact_id: Uuid, address: &Address, position: i32) -> contact_address::Model {
    contact_address::Model {
        workspace_id,
        address_folded: address.folded().to_owned(),
        address: address.as_str().to_owned(),
        contact_id,
        position,
    }
}
