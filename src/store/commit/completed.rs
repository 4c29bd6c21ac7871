//! A follow-up that was logged from the sent mail before its BCC copy came: that makes contacts and says so (A6, A7, L6).

use std::collections::HashSet;

use entity::{activity, activity_company, activity_contact, activity_deal};
use sea_orm::sea_query::Expr;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::{Batch, CommitPolicy, Entrant, associations, contacts, rows};
use crate::clock::Clock;
use crate::decide::decision::Kind;
use crate::store::StoreError;

/// Adds what the BCC copy brings to an activity, if that is a follow-up.
pub(super) async fn write(
    db: &DatabaseTransaction,
    batch: &Batch,
    (id, entrant): (Uuid, &Entrant),
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<(), StoreError> {
    let became = activity::Entity::update_many()
        .col_expr(activity::Column::Kind, Expr::value(Kind::Bcc.as_str()))
        .filter(activity::COLUMN.id.eq(id))
        .filter(activity::COLUMN.kind.eq(Kind::Sent.as_str()))
        .exec(db)
        .await?;
    if became.rows_affected == 0 {
        return Ok(());
    }
    let people = contacts::ensure(db, &[entrant], batch.account, policy, clock).await?;
    let associations = associations::load(db, &people, policy, clock).await?;
    let there = activity_contact::Entity::find().filter(activity_contact::COLUMN.activity_id.eq(id)).all(db).await?;
    let mut known: HashSet<Uuid> = there.into_iter().map(|row| row.contact_id).collect();
    let there = activity_company::Entity::find().filter(activity_company::COLUMN.activity_id.eq(id)).all(db).await?;
    let mut companies: HashSet<Uuid> = there.into_iter().map(|row| row.company_id).collect();
    let there = activity_deal::Entity::find().filter(activity_deal::COLUMN.activity_id.eq(id)).all(db).await?;
    let mut deals: HashSet<Uuid> = there.into_iter().map(|row| row.deal_id).collect();
    let (mut new_contacts, mut new_companies, mut new_deals) = (Vec::new(), Vec::new(), Vec::new());
    for one in &entrant.activity.counterparties {
        let Some(contact) = people.get(entrant.activity.workspace, &one.party.address) else { continue };
        if known.insert(contact) {
            let role = Set(one.role.as_str().to_owned());
            new_contacts.push(activity_contact::ActiveModel { activity_id: Set(id), contact_id: Set(contact), role });
        }
        let company = associations.company(contact).into_iter().filter(|company| companies.insert(*company));
        new_companies.extend(
            company.map(|company| activity_company::ActiveModel { activity_id: Set(id), company_id: Set(company) }),
        );
        let deal = associations.deals(contact).iter().copied().filter(|deal| deals.insert(*deal));
        new_deals.extend(deal.map(|deal| activity_deal::ActiveModel { activity_id: Set(id), deal_id: Set(deal) }));
    }
    rows::insert(db, new_contacts).await?;
    rows::insert(db, new_companies).await?;
    rows::insert(db, new_deals).await
}
