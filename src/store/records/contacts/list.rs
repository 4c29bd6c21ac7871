//! Listing contacts.

use std::collections::HashMap;

use entity::{company, contact, contact_address, contact_company, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use uuid::Uuid;

use crate::store::{Store, StoreError};

/// Contacts read at a time.
const PAGE: u64 = 500;

/// A contact as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its identifier.
    #[serde(skip)]
    pub id: Uuid,
    /// Its addresses as written, the primary first.
    pub addresses: Vec<String>,
    /// Its name.
    pub name: Option<String>,
    /// The keys of its companies, the primary first.
    pub companies: Vec<String>,
    /// How it came to be.
    pub source: String,
    /// Login of its owner.
    pub owner: Option<String>,
}

/// Every contact of the workspace, in the order in which they were made.
pub async fn list(store: &Store, workspace_id: Uuid) -> Result<Vec<Listed>, StoreError> {
    let mut all = Vec::new();
    loop {
        let next = page(store, workspace_id, all.last().map(|last: &Listed| last.id)).await?;
        if next.is_empty() {
            return Ok(all);
        }
        all.extend(next);
    }
}

/// The contacts that were made after the one of that id, some hundreds of them. None are left when it is empty.
pub async fn page(store: &Store, workspace_id: Uuid, after: Option<Uuid>) -> Result<Vec<Listed>, StoreError> {
    let mut find = contact::Entity::find().filter(contact::Column::WorkspaceId.eq(workspace_id));
    if let Some(after) = after {
        find = find.filter(contact::Column::Id.gt(after));
    }
    let page =
        find.find_also_related(user::Entity).order_by_asc(contact::Column::Id).limit(PAGE).all(&store.db).await?;
    let ids: Vec<Uuid> = page.iter().map(|(contact, _)| contact.id).collect();
    let mut addresses = addresses(store, &ids).await?;
    let mut companies = companies(store, &ids).await?;
    let listed = |(contact, owner): (contact::Model, Option<user::Model>)| Listed {
        id: contact.id,
        addresses: addresses.remove(&contact.id).unwrap_or_default(),
        name: contact.name,
        companies: companies.remove(&contact.id).unwrap_or_default(),
        source: contact.source,
        owner: owner.map(|owner| owner.login),
    };
    Ok(page.into_iter().map(listed).collect())
}

async fn addresses(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let rows = contact_address::Entity::find()
        .filter(contact_address::Column::ContactId.is_in(ids.iter().copied()))
        .order_by_asc(contact_address::Column::Position)
        .all(&store.db)
        .await?;
    let mut addresses: HashMap<Uuid, Vec<String>> = HashMap::new();
    for row in rows {
        addresses.entry(row.contact_id).or_default().push(row.address);
    }
    Ok(addresses)
}

async fn companies(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let rows = contact_company::Entity::find()
        .filter(contact_company::Column::ContactId.is_in(ids.iter().copied()))
        .find_also_related(company::Entity)
        .order_by_desc(contact_company::Column::IsPrimary)
        .order_by_asc(company::Column::Key)
        .all(&store.db)
        .await?;
    let mut companies: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (link, company) in rows {
        companies.entry(link.contact_id).or_default().extend(company.map(|company| company.key));
    }
    Ok(companies)
}
