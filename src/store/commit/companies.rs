//! Companies by mail domain (E8).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{company, company_domain, contact_company};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::contacts::Contacts;
use super::{CommitPolicy, rows};
use crate::clock::Clock;
use crate::decide::association;
use crate::mail::address::Address;
use crate::store::{StoreError, padded};

/// A contact without a company.
struct Single {
    workspace: Uuid,
    contact: Uuid,
    /// The domains its company may have, nearest first.
    domains: Vec<String>,
}

/// Companies by workspace and domain.
type ByDomain = HashMap<(Uuid, String), Uuid>;

/// Ties each contact for whom `is_single` holds to the company of its mail domain (E8, decision 13). Where there is
/// none, one is made by option: for the organisation's domain, never for a free-mail provider's (L22).
pub(super) async fn tie(
    db: &DatabaseTransaction,
    contacts: &Contacts,
    is_single: impl Fn(Uuid) -> bool,
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let singles = singles(contacts, is_single);
    if singles.is_empty() {
        return Ok(Vec::new());
    }
    let mut companies = existing(db, &singles).await?;
    if policy.create_companies {
        create(db, &singles, &mut companies, clock).await?;
    }
    let mut tied = HashSet::new();
    let mut made = Vec::new();
    for single in &singles {
        if let Some(company) = company_of(single, &companies).filter(|_| tied.insert(single.contact)) {
            made.push((single.contact, company));
        }
    }
    let links = made.iter().map(|(contact, company)| contact_company::ActiveModel {
        contact_id: Set(*contact),
        company_id: Set(*company),
        is_primary: Set(true),
    });
    rows::insert(db, links.collect()).await?;
    Ok(made)
}

/// In order of address, so that a contact with two domains always gets the same company.
fn singles(contacts: &Contacts, is_single: impl Fn(Uuid) -> bool) -> Vec<Single> {
    let by_address: BTreeMap<(Uuid, &str), Uuid> =
        contacts.all().map(|(workspace, address, contact)| ((workspace, address), contact)).collect();
    let single = by_address.into_iter().filter(|(_, contact)| is_single(*contact));
    let single = single.filter_map(|((workspace, address), contact)| {
        let domains = association::company_domains(&Address::parse(address)?);
        (!domains.is_empty()).then_some(Single { workspace, contact, domains })
    });
    single.collect()
}

async fn existing(db: &DatabaseTransaction, singles: &[Single]) -> Result<ByDomain, StoreError> {
    let workspaces: BTreeSet<Uuid> = singles.iter().map(|single| single.workspace).collect();
    let domains: BTreeSet<&String> = singles.iter().flat_map(|single| &single.domains).collect();
    let found = company_domain::Entity::find()
        .filter(company_domain::COLUMN.workspace_id.is_in(workspaces))
        .filter(company_domain::COLUMN.domain.is_in(padded(domains)))
        .all(db)
        .await?;
    Ok(found.into_iter().map(|row| ((row.workspace_id, row.domain), row.company_id)).collect())
}

fn company_of(single: &Single, companies: &ByDomain) -> Option<Uuid> {
    single.domains.iter().find_map(|domain| companies.get(&(single.workspace, domain.clone())).copied())
}

/// Makes what is missing: the domain is the company's key and its name, until the CRM knows better. A company that the
/// CRM has under this key, without the domain, is given the domain instead.
async fn create(
    db: &DatabaseTransaction,
    singles: &[Single],
    companies: &mut ByDomain,
    clock: &Clock,
) -> Result<(), StoreError> {
    let without = singles.iter().filter(|single| company_of(single, companies).is_none());
    // The last is the registrable domain: the organisation, not one of its hosts.
    let missing: BTreeSet<(Uuid, String)> =
        without.filter_map(|single| Some((single.workspace, single.domains.last()?.clone()))).collect();
    let keyed = company::Entity::find()
        .filter(company::COLUMN.workspace_id.is_in(missing.iter().map(|(workspace, _)| *workspace)))
        .filter(company::COLUMN.key.is_in(missing.iter().map(|(_, domain)| domain.clone())))
        .all(db)
        .await?;
    let keyed: ByDomain = keyed.into_iter().map(|row| ((row.workspace_id, row.key), row.id)).collect();
    let (mut made, mut domains) = (Vec::new(), Vec::new());
    for (workspace, domain) in missing {
        let key = (workspace, domain);
        let id = keyed.get(&key).copied().unwrap_or_else(|| {
            let id = clock.id();
            made.push(company::ActiveModel {
                id: Set(id),
                workspace_id: Set(workspace),
                key: Set(key.1.clone()),
                name: Set(key.1.clone()),
            });
            id
        });
        domains.push(company_domain::ActiveModel {
            workspace_id: Set(workspace),
            domain: Set(key.1.clone()),
            company_id: Set(id),
        });
        companies.insert(key, id);
    }
    rows::insert(db, made).await?;
    rows::insert(db, domains).await
}
