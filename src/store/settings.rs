//! What the installation remembers about itself.

use entity::setting;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{Store, StoreError};

/// The value of a setting; where it has none, `value`. Of many who ask at once all get the same.
pub async fn get_or_put(store: &Store, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let tx = store.begin().await?;
    setting::Entity::insert(setting::ActiveModel { name: Set(name.to_owned()), value: Set(value.clone()) })
        .on_conflict_do_nothing_on([setting::Column::Name])
        .exec(&*tx)
        .await?;
    let kept = setting::Entity::find_by_id(name).one(&*tx).await?;
    tx.commit().await?;
    Ok(kept.map_or(value, |setting| setting.value))
}

/// Every setting.
pub async fn all(store: &Store) -> Result<Vec<setting::Model>, StoreError> {
    Ok(setting::Entity::find().all(&store.db).await?)
}

/// Puts `new` in the place of `old`, unless it is `old` no more. Whether it did.
pub async fn replace(store: &Store, name: &str, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
    let tx = store.begin_durable().await?;
    let done = setting::Entity::update_many()
        .set(setting::ActiveModel { value: Set(new), ..Default::default() })
        .filter(setting::Column::Name.eq(name))
        .filter(setting::Column::Value.eq(old))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected == 1)
}
