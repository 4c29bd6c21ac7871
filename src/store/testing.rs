//! A fresh, migrated database on every engine at hand.
//!
//! SQLite always; PostgreSQL where `MAILTRAIL_TEST_POSTGRES` holds the URL of a server on which databases may be made.

use entity::account;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};

use super::{Options, Store};

/// Runs `test` on a database of its own on each engine.
pub async fn on_each_engine(test: impl AsyncFn(&Store)) {
    on_sqlite(&test).await;
    if let Ok(server) = std::env::var("MAILTRAIL_TEST_POSTGRES") {
        on_postgres(&server, &test).await;
    }
}

async fn on_sqlite(test: &impl AsyncFn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("mailtrail.db").display());
    let store = Store::open(&url, &Options::default()).await.unwrap();
    store.migrate().await.unwrap();
    test(&store).await;
    store.close().await.unwrap();
}

async fn on_postgres(server: &str, test: &impl AsyncFn(&Store)) {
    let admin = Store::open(server, &Options { connections: 1, ..Options::default() }).await.unwrap();
    let name = format!("mailtrail_{}", crate::clock::Clock::system().id().simple());
    admin.db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    let store = Store::open(url.as_str(), &Options { connections: 4, ..Options::default() }).await.unwrap();
    store.migrate().await.unwrap();
    test(&store).await;
    store.close().await.unwrap();
    admin.db.execute_unprepared(&format!("DROP DATABASE {name}")).await.unwrap();
    admin.close().await.unwrap();
}

/// An account that logs in by a consent nobody has given yet.
pub async fn account(store: &Store) -> account::Model {
    let id = crate::clock::Clock::system().id();
    let row = account::ActiveModel {
        id: Set(id),
        address: Set(format!("{id}@ours.example")),
        address_folded: Set(format!("{id}@ours.example")),
        kind: Set("bcc".into()),
        provider: Set("google".into()),
        host: Set("imap.ours.example".into()),
        port: Set(993),
        auth: Set("oauth".into()),
        security: Set("tls".into()),
        state: Set("active".into()),
        declared: Set(false),
        withdrawn: Set(false),
        created_at: Set("2026-11-22T10:00:00Z".parse().unwrap()),
        failures: Set(0),
        ..Default::default()
    };
    row.insert(&store.db).await.unwrap()
}
