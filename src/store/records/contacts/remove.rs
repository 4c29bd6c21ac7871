//! Deleting a contact.

use entity::{contact, contact_address, tombstone};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::clock::Clock;
use crate::mail::address::Address;
use crate::store::commit::lock_workspaces;
use crate::store::{Store, StoreError, Tx};

/// Deletes the contact of that address. Mail to any of its addresses does not make it anew; an import does (E11). What
/// was logged stays on its companies and deals.
pub async fn remove(
    store: &Store,
    workspace_id: Uuid,
    address: &Address,
    clock: &Clock,
) -> Result<contact::Model, StoreError> {
    let tx = store.begin().await?;
    // A commit that has found the contact ties mail to it.
    lock_workspaces(&tx, [workspace_id].into()).await?;
    let owned = contact_address::Entity::find_by_id((workspace_id, address.folded().to_owned()))
        .find_also_related(contact::Entity)
        .one(&*tx)
        .await?;
    let contact = owned.and_then(|(_, contact)| contact).ok_or_else(|| {
        StoreError::Refused(format!(
            "there is no contact with the address {address}; `mailtrail contact list` shows them"
        ))
    })?;
    let addresses =
        contact_address::Entity::find().filter(contact_address::Column::ContactId.eq(contact.id)).all(&*tx).await?;
    for address in addresses {
        bury(&tx, address, clock).await?;
    }
    contact::Entity::delete_by_id(contact.id).exec(&*tx).await?;
    tx.commit().await?;
    Ok(contact)
}

async fn bury(tx: &Tx, address: contact_address::Model, clock: &Clock) -> Result<(), StoreError> {
    let row = tombstone::ActiveModel {
        workspace_id: Set(address.workspace_id),
        address_folded: Set(address.address_folded),
        at: Set(clock.now()),
    };
    let key = [tombstone::Column::WorkspaceId, tombstone::Column::AddressFolded];
    tombstone::Entity::insert(row)
        .on_conflict(OnConflict::columns(key).update_column(tombstone::Column::At).to_owned())
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}
