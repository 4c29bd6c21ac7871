//! Mirroring the CRM's companies, by key.

use std::collections::{BTreeSet, HashMap};

use entity::{company, company_domain};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::links::{Claim, Name};
use super::{CompanyRow, Import, Numbered, batch};
use crate::store::StoreError;

pub(super) async fn take(import: &mut Import<'_>, rows: Vec<Numbered<CompanyRow>>) -> Result<(), StoreError> {
    let rows = import.once(rows, |row| &row.key);
    let mut known = known(import, &rows).await?;
    let ids: Vec<Uuid> = known.values().map(|company| company.id).collect();
    let mut domains = domains_of(import, &ids).await?;
    let mut owners = owners(import, &rows).await?;

    let (mut companies, mut replaced, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for Numbered { line, row } in rows {
        let before = known.remove(&row.key);
        let company = merged(import, before.as_ref(), &row);
        let old = domains.remove(&company.id).unwrap_or_default();
        let new: Option<BTreeSet<String>> = row.domains.map(|list| list.into_iter().collect());
        let relinked = new.as_ref().is_some_and(|new| *new != old);
        import.report.count(before.is_none(), relinked || before.as_ref() != Some(&company));
        if let Some(new) = new.filter(|_| relinked) {
            replaced.push(company.id);
            for domain in new {
                if *owners.entry(domain.clone()).or_insert(company.id) == company.id {
                    links.push(company_domain::Model {
                        workspace_id: company.workspace_id,
                        domain,
                        company_id: company.id,
                    });
                } else {
                    import.claims.push(Claim {
                        line,
                        key: row.key.clone(),
                        id: company.id,
                        name: Name::Domain(domain),
                    });
                }
            }
        }
        if before.as_ref() != Some(&company) {
            companies.push(company);
        }
    }
    batch::upsert(&import.tx, companies, company::Column::Id, &[company::Column::Name]).await?;
    batch::delete_in::<company_domain::Entity, _>(&import.tx, company_domain::Column::CompanyId, &replaced).await?;
    batch::insert(&import.tx, links).await
}

async fn known(
    import: &Import<'_>,
    rows: &[Numbered<CompanyRow>],
) -> Result<HashMap<String, company::Model>, StoreError> {
    let keys: Vec<&str> = rows.iter().map(|row| row.row.key.as_str()).collect();
    let here = company::Entity::find().filter(company::Column::WorkspaceId.eq(import.workspace.id));
    let companies = batch::find_in(&import.tx, &here, company::Column::Key, &keys).await?;
    Ok(companies.into_iter().map(|company| (company.key.clone(), company)).collect())
}

async fn domains_of(import: &Import<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, BTreeSet<String>>, StoreError> {
    let find = company_domain::Entity::find();
    let mut domains: HashMap<Uuid, BTreeSet<String>> = HashMap::new();
    for row in batch::find_in(&import.tx, &find, company_domain::Column::CompanyId, ids).await? {
        domains.entry(row.company_id).or_default().insert(row.domain);
    }
    Ok(domains)
}

/// Whose the wanted domains are before this batch.
async fn owners(import: &Import<'_>, rows: &[Numbered<CompanyRow>]) -> Result<HashMap<String, Uuid>, StoreError> {
    let wanted: Vec<&str> = rows.iter().flat_map(|row| row.row.domains.iter().flatten()).map(String::as_str).collect();
    let here = company_domain::Entity::find().filter(company_domain::Column::WorkspaceId.eq(import.workspace.id));
    let rows = batch::find_in(&import.tx, &here, company_domain::Column::Domain, &wanted).await?;
    Ok(rows.into_iter().map(|row| (row.domain, row.company_id)).collect())
}

fn merged(import: &Import<'_>, before: Option<&company::Model>, row: &CompanyRow) -> company::Model {
    let mut company = before.cloned().unwrap_or_else(|| company::Model {
        id: import.clock.id(),
        workspace_id: import.workspace.id,
        key: row.key.clone(),
        name: String::new(),
    });
    if let Some(name) = &row.name {
        company.name.clone_from(name);
    }
    company
}
