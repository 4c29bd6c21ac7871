//! Deleting a contact.

use entity::{contact, contact_address, tombstone};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::clock::Clock;
use crate::mail::address::Address;
use crate::store::{Store, StoreError, Tx};

/// Deletes the contact of that key or address. Mail to its addresses does not make it anew; an import does (E11). What
/// was logged stays on its companies and deals.
pub async fn contact(
    store: &Store,
    workspace_id: Uuid,
    key_or_address: &str,
    clock: &Clock,
) -> Result<contact::Model, StoreError> {
    let tx = store.begin().await?;
    let contact = find(&tx, workspace_id, key_or_address)
        .await?
        .ok_or_else(|| StoreError::Refused(format!("there is no contact with the key or address {key_or_address}")))?;
    let addresses =
        contact_address::Entity::find().filter(contact_address::Column::ContactId.eq(contact.id)).all(&*tx).await?;
    for address in addresses {
        let row = tombstone::ActiveModel {
            workspace_id: Set(workspace_id),
            address_folded: Set(address.address_folded),
            at: Set(clock.now()),
        };
        let key = [tombstone::Column::WorkspaceId, tombstone::Column::AddressFolded];
        tombstone::Entity::insert(row)
            .on_conflict(OnConflict::columns(key).update_column(tombstone::Column::At).to_owned())
            .exec_without_returning(&*tx)
            .await?;
    }
    contact::Entity::delete_by_id(contact.id).exec(&*tx).await?;
    tx.commit().await?;
    Ok(contact)
}

async fn find(tx: &Tx, workspace_id: Uuid, key_or_address: &str) -> Result<Option<contact::Model>, StoreError> {
    let here = contact::Entity::find().filter(contact::Column::WorkspaceId.eq(workspace_id));
    if let Some(contact) = here.filter(contact::Column::Key.eq(key_or_address)).one(&**tx).await? {
        return Ok(Some(contact));
    }
    let Some(address) = Address::parse(key_or_address) else { return Ok(None) };
    let owned = contact_address::Entity::find_by_id((workspace_id, address.folded().to_owned()))
        .find_also_related(contact::Entity)
        .one(&**tx)
        .await?;
    Ok(owned.and_then(|(_, contact)| contact))
}
