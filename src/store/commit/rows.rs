//! Many rows in few statements, and few different ones: each length is prepared once and then kept.

use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel};

use crate::store::StoreError;

/// Rows of one statement at most. With powers of two below it, a table has eight statements.
const ROWS: usize = 128;

/// Inserts `rows` in runs of 128, 64, 32 and so on to 1. SQLite binds 32,766 parameters at most, PostgreSQL 65,535.
pub(in crate::store) async fn insert<A>(db: &DatabaseTransaction, rows: Vec<A>) -> Result<(), StoreError>
where
    A: ActiveModelTrait + Send + 'static,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let run = ROWS.min(1 << rows.len().ilog2());
        let chunk: Vec<A> = rows.by_ref().take(run).collect();
        A::Entity::insert_many(chunk).exec_without_returning(db).await?;
    }
    Ok(())
}
