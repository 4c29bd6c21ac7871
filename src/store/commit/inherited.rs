//! What a reply takes over from its thread (D11).

use std::collections::HashSet;

use entity::{
    activity, activity_company, activity_contact, activity_deal, contact_address, contact_company, deal_contact,
};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::decide::decision::Activity;
use crate::store::StoreError;

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

/// The records of the first mail on `thread`, without the contacts that `reply` may not reach (F12) and without what
/// only they brought (F5).
pub(super) async fn of_thread(
    db: &DatabaseTransaction,
    thread: Uuid,
    reply: &Activity,
) -> Result<Inherited, StoreError> {
    let first: Option<Uuid> = activity::Entity::find()
        .select_only()
        .column(activity::Column::Id)
        .filter(activity::COLUMN.thread_id.eq(thread))
        .order_by_asc(activity::Column::SentAt)
        .order_by_asc(activity::Column::Id)
        .into_tuple()
        .one(db)
        .await?;
    let Some(first) = first else { return Ok(Inherited::default()) };
    let contacts = activity_contact::Entity::find().filter(activity_contact::COLUMN.activity_id.eq(first));
    let companies = activity_company::Entity::find().filter(activity_company::COLUMN.activity_id.eq(first));
    let deals = activity_deal::Entity::find().filter(activity_deal::COLUMN.activity_id.eq(first));
    let mut inherited = Inherited {
        contacts: contacts.all(db).await?.into_iter().map(|row| row.contact_id).collect(),
        companies: companies.all(db).await?.into_iter().map(|row| row.company_id).collect(),
        deals: deals.all(db).await?.into_iter().map(|row| row.deal_id).collect(),
    };
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
