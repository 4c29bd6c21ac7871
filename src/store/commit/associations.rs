//! The companies and deals that contacts bring (E1–E4, E8).

use std::collections::{BTreeSet, HashMap};

use entity::{contact_company, deal, deal_contact};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::contacts::Contacts;
use super::{CommitPolicy, companies};
use crate::clock::Clock;
use crate::decide::association::{self, CompanyLink, OpenDeal};
use crate::store::{StoreError, padded};

/// What each contact of a batch brings.
#[derive(Debug, Default)]
pub(super) struct Associations {
    companies: HashMap<Uuid, Uuid>,
    deals: HashMap<Uuid, Vec<Uuid>>,
}

impl Associations {
    /// The contact's company (E2).
    pub(super) fn company(&self, contact: Uuid) -> Option<Uuid> {
        self.companies.get(&contact).copied()
    }

    /// The contact's newest open deals (E3).
    pub(super) fn deals(&self, contact: Uuid) -> &[Uuid] {
        self.deals.get(&contact).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Looks up what the contacts bring, after tying those without a company to the company of their mail domain (E8).
pub(super) async fn load(
    db: &DatabaseTransaction,
    contacts: &Contacts,
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<Associations, StoreError> {
    let ids: BTreeSet<Uuid> = contacts.all().map(|(_, _, contact)| contact).collect();
    let mut links: HashMap<Uuid, Vec<CompanyLink>> = HashMap::new();
    let rows =
        contact_company::Entity::find().filter(contact_company::COLUMN.contact_id.is_in(padded(ids.iter().copied())));
    for row in rows.all(db).await? {
        let link = CompanyLink { company: row.company_id, is_primary: row.is_primary };
        links.entry(row.contact_id).or_default().push(link);
    }
    let tied = companies::tie(db, contacts, |contact| !links.contains_key(&contact), policy, clock).await?;
    for (contact, company) in tied {
        links.entry(contact).or_default().push(CompanyLink { company, is_primary: true });
    }
    let companies =
        links.iter().filter_map(|(contact, links)| Some((*contact, association::company(links)?))).collect();
    let open = open_deals(db, &ids).await?;
    let deals = open.into_iter().map(|(contact, open)| (contact, association::deals(open, policy.deals))).collect();
    Ok(Associations { companies, deals })
}

async fn open_deals(
    db: &DatabaseTransaction,
    contacts: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Vec<OpenDeal>>, StoreError> {
    let rows = deal_contact::Entity::find()
        .filter(deal_contact::COLUMN.contact_id.is_in(padded(contacts.iter().copied())))
        .find_also_related(deal::Entity)
        .filter(deal::COLUMN.stage.eq("open"))
        .all(db)
        .await?;
    let mut open: HashMap<Uuid, Vec<OpenDeal>> = HashMap::new();
    for (link, deal) in rows {
        if let Some(deal) = deal {
            let deal = OpenDeal { deal: deal.id, key: deal.key, created_at: deal.created_at };
            open.entry(link.contact_id).or_default().push(deal);
        }
    }
    Ok(open)
}
