//! Statements over many rows, within the engines' limits on parameters.

use sea_orm::sea_query::{IntoIden, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter, Select, Value};

use super::BATCH;
use crate::store::{StoreError, Tx};

/// Rows of `find` whose `column` is one of `values`.
pub async fn find_in<E: EntityTrait, V: Into<Value> + Clone>(
    tx: &Tx,
    find: &Select<E>,
    column: E::Column,
    values: &[V],
) -> Result<Vec<E::Model>, StoreError> {
    let mut rows = Vec::new();
    for values in values.chunks(BATCH) {
        rows.extend(find.clone().filter(column.is_in(values.iter().cloned())).all(&**tx).await?);
    }
    Ok(rows)
}

/// Inserts rows.
pub async fn insert<M>(tx: &Tx, rows: Vec<M>) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    each_chunk(rows, async |chunk| {
        <M::Entity as EntityTrait>::insert_many(chunk).exec_without_returning(&**tx).await?;
        Ok(())
    })
    .await
}

/// Inserts rows, or gives those that are there the present values of `changing`.
pub async fn upsert<M, C>(tx: &Tx, rows: Vec<M>, key: C, changing: &[C]) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    C: IntoIden + Copy,
{
    each_chunk(rows, async |chunk| {
        let overwrite = OnConflict::column(key).update_columns(changing.iter().copied()).to_owned();
        <M::Entity as EntityTrait>::insert_many(chunk).on_conflict(overwrite).exec_without_returning(&**tx).await?;
        Ok(())
    })
    .await
}

async fn each_chunk<M, A>(
    rows: Vec<M>,
    mut statement: impl AsyncFnMut(Vec<A>) -> Result<(), StoreError>,
) -> Result<(), StoreError>
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait,
{
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        statement(rows.by_ref().take(BATCH).collect()).await?;
    }
    Ok(())
}

/// Deletes the rows of `E` whose `column` is one of `values`.
pub async fn delete_in<E: EntityTrait, V: Into<Value> + Clone>(
    tx: &Tx,
    column: E::Column,
    values: &[V],
) -> Result<(), StoreError> {
    for values in values.chunks(BATCH) {
        E::delete_many().filter(column.is_in(values.iter().cloned())).exec(&**tx).await?;
    }
    Ok(())
}
