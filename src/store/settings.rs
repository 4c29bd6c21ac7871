//! What the installation remembers about itself.

use entity::setting;
use sea_orm::{ActiveValue::Set, EntityTrait};

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
