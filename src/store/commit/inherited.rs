//! What a reply takes over from its thread (D11).

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    activity, activity_company, activity_contact, activity_deal, contact_address, contact_company, deal_contact,
};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Entrant;
use crate::decide::decision::Activity;
use crate::store::{StoreError, padded};

/// The records of a thread's first mail.
#[derive(Debug, Default, Clone)]
pub(super) struct Inherited {
    /// Its contacts.
    pub(super) contacts: Vec<Uuid>,
    /// Its companies.
    pub(super) companies: Vec<Uuid>,
    /// Its deals.
    pub(super) deals: Vec<Uuid>,
}

/// The records of the first mail on each thread that `entrants` continue, in a fixed number of queries.
pub(super) async fn of_threads(
    db: &DatabaseTransaction,
    entrants: &[&Entrant],
) -> Result<HashMap<Uuid, Inherited>, StoreError> {
    let threads: BTreeSet<Uuid> = entrants.iter().filter_map(|entrant| entrant.activity.thread).collect();
    let firsts = first_mails(db, &threads).await?;
    if firsts.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = || padded(firsts.keys().copied());
    let contacts = activity_contact::Entity::find().filter(activity_contact::COLUMN.activity_id.is_in(ids()));
    let companies = activity_company::Entity::find().filter(activity_company::COLUMN.activity_id.is_in(ids()));
    let deals = activity_deal::Entity::find().filter(activity_deal::COLUMN.activity_id.is_in(ids()));
    let mut inherited: HashMap<Uuid, Inherited> = HashMap::new();
    let mut of = |activity: Uuid, add: &dyn Fn(&mut Inherited)| {
        if let Some(thread) = firsts.get(&activity) {
            add(inherited.entry(*thread).or_default());
        }
    };
    for row in contacts.all(db).await? {
        of(row.activity_id, &|inherited| inherited.contacts.push(row.contact_id));
    }
    for row in companies.all(db).await? {
        of(row.activity_id, &|inherited| inherited.companies.push(row.company_id));
    }
    for row in deals.all(db).await? {
        of(row.activity_id, &|inherited| inherited.deals.push(row.deal_id));
    }
    Ok(inherited)
}

/// The first mail on each thread, with its thread.
async fn first_mails(db: &DatabaseTransaction, threads: &BTreeSet<Uuid>) -> Result<HashMap<Uuid, Uuid>, StoreError> {
    if threads.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Uuid)> = activity::Entity::find()
        .select_only()
        .columns([activity::Column::ThreadId, activity::Column::Id])
        .filter(activity::COLUMN.thread_id.is_in(padded(threads.iter().copied())))
        .order_by_asc(activity::Column::SentAt)
        .order_by_asc(activity::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let mut seen = HashSet::new();
    Ok(rows.into_iter().filter(|(thread, _)| seen.insert(*thread)).map(|(thread, first)| (first, thread)).collect())
}

/// What `reply` takes over of its thread's records: not the contacts it may not reach (F12), nor what only they brought
/// (F5).
pub(super) async fn by(
    db: &DatabaseTransaction,
    reply: &Activity,
    threads: &HashMap<Uuid, Inherited>,
) -> Result<Inherited, StoreError> {
    let thread = reply.thread.and_then(|thread| threads.get(&thread));
    let mut inherited = thread.cloned().unwrap_or_default();
    if !reply.barred.is_empty() {
        leave_out(db, reply, &mut inherited).await?;
    }
    Ok(inherited)
}

async fn leave_out(db: &DatabaseTransaction, reply: &Activity, inherited: &mut Inherited) -> Result<(), StoreError> {
    let barred = contact_address::Entity::find()
        .filter(contact_address::COLUMN.workspace_id.eq(reply.workspace))
        .filter(contact_address::COLUMN.address_folded.is_in(reply.barred.iter().map(String::as_str)));
    let barred: HashSet<Uuid> = barred.all(db).await?.into_iter().map(|row| row.contact_id).collect();
    inherited.contacts.retain(|contact| !barred.contains(contact));
    let left = || inherited.contacts.iter().copied();
    let companies = contact_company::Entity::find().filter(contact_company::COLUMN.contact_id.is_in(left()));
    let companies: HashSet<Uuid> = companies.all(db).await?.into_iter().map(|row| row.company_id).collect();
    let deals = deal_contact::Entity::find().filter(deal_contact::COLUMN.contact_id.is_in(left()));
    let deals: HashSet<Uuid> = deals.all(db).await?.into_iter().map(|row| row.deal_id).collect();
    inherited.companies.retain(|company| companies.contains(company));
    inherited.deals.retain(|deal| deals.contains(deal));
    Ok(())
}
