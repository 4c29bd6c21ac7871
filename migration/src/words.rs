//! The few words that every migration here is written in.

use sea_orm_migration::prelude::*;

/// `column` refers to a row of `parent` and goes with it.
pub fn goes_with(table: &'static str, column: &'static str, parent: &'static str) -> ForeignKeyCreateStatement {
    refers_to(table, column, parent, ForeignKeyAction::Cascade)
}

/// `column` refers to a row of `parent` and is emptied when that goes.
pub fn forgets(table: &'static str, column: &'static str, parent: &'static str) -> ForeignKeyCreateStatement {
    refers_to(table, column, parent, ForeignKeyAction::SetNull)
}

/// `column` refers to a row of `parent`, which cannot go before this row.
pub fn holds(table: &'static str, column: &'static str, parent: &'static str) -> ForeignKeyCreateStatement {
    refers_to(table, column, parent, ForeignKeyAction::Restrict)
}

fn refers_to(
    table: &'static str,
    column: &'static str,
    parent: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(parent, "id")
        .on_delete(on_delete)
        .to_owned()
}

/// The primary key of a table whose rows are named by several columns.
pub fn primary_key(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("pk_{table}")).primary();
    for column in columns {
        index.col(*column);
    }
    index
}

/// A unique index.
pub fn unique(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    named("uq", table, columns).unique().to_owned()
}

/// An index.
pub fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    named("ix", table, columns)
}

fn named(prefix: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{prefix}_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

/// Creates a table and its indexes.
pub async fn create(
    manager: &SchemaManager<'_>,
    table: &mut TableCreateStatement,
    indexes: &[IndexCreateStatement],
) -> Result<(), DbErr> {
    manager.create_table(table.take()).await?;
    for index in indexes {
        manager.create_index(index.clone()).await?;
    }
    Ok(())
}

/// Creates a table of short rows that are named by several columns, and its indexes. SQLite keeps the rows in the
/// primary key itself, which halves what a commit writes.
pub async fn create_link(
    manager: &SchemaManager<'_>,
    table: &mut TableCreateStatement,
    indexes: &[IndexCreateStatement],
) -> Result<(), DbErr> {
    if manager.get_database_backend() == sea_orm::DatabaseBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    create(manager, table, indexes).await
}

/// Drops tables, the last first.
pub async fn drop_tables(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}
