//! Making two contacts one.

use entity::{activity_contact, contact, deal_contact};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::store::{StoreError, Tx};

/// Moves the timeline and the deals of `from` to `into` and deletes `from` with its addresses.
pub async fn merge(tx: &Tx, from: Uuid, into: Uuid) -> Result<(), StoreError> {
    let has_already = Query::select()
        .column(activity_contact::Column::ActivityId)
        .from(activity_contact::Entity)
        .and_where(activity_contact::Column::ContactId.eq(into))
        .to_owned();
    activity_contact::Entity::update_many()
        .col_expr(activity_contact::Column::ContactId, Expr::value(into))
        .filter(activity_contact::Column::ContactId.eq(from))
        .filter(activity_contact::Column::ActivityId.not_in_subquery(has_already))
        .exec(&**tx)
        .await?;
    let has_already = Query::select()
        .column(deal_contact::Column::DealId)
        .from(deal_contact::Entity)
        .and_where(deal_contact::Column::ContactId.eq(into))
        .to_owned();
    deal_contact::Entity::update_many()
        .col_expr(deal_contact::Column::ContactId, Expr::value(into))
        .filter(deal_contact::Column::ContactId.eq(from))
        .filter(deal_contact::Column::DealId.not_in_subquery(has_already))
        .exec(&**tx)
        .await?;
    contact::Entity::delete_by_id(from).exec(&**tx).await?;
    Ok(())
}
