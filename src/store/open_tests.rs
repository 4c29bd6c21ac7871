use entity::workspace;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, Set, Statement};

use super::*;
use crate::clock::Clock;
use crate::store::testing::on_each_engine;

fn a_workspace(name: &str) -> workspace::ActiveModel {
    let clock = Clock::system();
    workspace::ActiveModel {
        id: Set(clock.id()),
        name: Set(name.to_owned()),
        own_domains: Set(serde_json::json!([])),
        visibility: Set("everyone".to_owned()),
        declared: Set(false),
        created_at: Set(clock.now()),
    }
}

async fn refusal(url: &str) -> String {
    Store::open(url, &Options { connections: 1, wait: Duration::from_millis(300) }).await.err().unwrap().to_string()
}

#[tokio::test]
async fn no_error_prints_the_password() {
    for url in [
        "postgres://me:se#cret@127.0.0.1:1/db",
        "postgres://me:1234/secret@127.0.0.1:1/db",
        "postgres://me:1234?secret@127.0.0.1:1/db",
        "postgres://me:1234#secret@127.0.0.1:1/db",
        "postgres://me:secret@127.0.0.1:1/db",
        "postgres://me:secret@127.0.0.1:no/db",
        "mysql://me:secret@127.0.0.1/db",
    ] {
        let text = refusal(url).await;
        assert!(!text.contains("cret") && !text.contains("1234"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_connection_is_named_with_the_cause() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = refusal(&format!("postgres://me:secret@{nobody}/db")).await;
    assert!(text.contains(&nobody.to_string()) && text.contains("refused") && text.contains("running"), "{text}");
    let Ok(server) = std::env::var("MAILTRAIL_TEST_POSTGRES") else { return };
    let mut url = url::Url::parse(&server).unwrap();
    url.set_password(Some("wrong")).unwrap();
    let text = refusal(url.as_str()).await;
    assert!(text.contains("password authentication failed"), "{text}");
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path("no_such_database");
    let text = refusal(url.as_str()).await;
    assert!(text.contains("no_such_database") && text.contains("does not exist"), "{text}");
}

#[tokio::test]
async fn a_missing_folder_is_made_and_one_that_cannot_be_is_said() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("a").join("b").join("mailtrail.db");
    Store::open(&format!("sqlite://{}", file.display()), &Options::default()).await.unwrap().close().await.unwrap();
    assert!(file.exists());
    let within_a_file = file.join("c").join("mailtrail.db");
    let text = refusal(&format!("sqlite://{}", within_a_file.display())).await;
    assert!(text.contains("mailtrail.db/c/mailtrail.db") && text.contains("folder"), "{text}");
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    on_each_engine(async |store| {
        store.migrate().await.unwrap();
        tokio::try_join!(store.migrate(), store.migrate()).unwrap();
    })
    .await;
}

#[tokio::test]
async fn processes_that_start_at_once_all_find_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("a.db").display());
    let start = || async {
        let store = Store::open(&url, &Options::default()).await?;
        store.migrate().await
    };
    tokio::try_join!(start(), start(), start(), start()).unwrap();
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    on_each_engine(async |store| {
        let tx = store.begin().await.unwrap();
        a_workspace("one").insert(&*tx).await.unwrap();
        drop(tx);
        assert_eq!(workspace::Entity::find().count(&store.db).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_read_first_do_not_fail_each_other() {
    on_each_engine(async |store| {
        let tasks: Vec<_> = (0..8)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..10 {
                        let tx = store.begin().await.unwrap();
                        workspace::Entity::find().count(&*tx).await.unwrap();
                        a_workspace(&format!("{writer}.{n}")).insert(&*tx).await.unwrap();
                        tx.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(workspace::Entity::find().count(&store.db).await.unwrap(), 80);
    })
    .await;
}

async fn synchronous(tx: &Tx) -> i32 {
    let asked = Statement::from_string(DatabaseBackend::Sqlite, "PRAGMA synchronous");
    tx.query_one_raw(asked).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn what_cannot_be_had_again_is_on_the_disk_when_it_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("a.db").display());
    let store = Store::open(&url, &Options::default()).await.unwrap();
    store.migrate().await.unwrap();
    // 1: NORMAL, 2: FULL.
    for (n, level) in [1, 2, 1, 2].into_iter().enumerate() {
        let tx = if level == 2 { store.begin_durable().await.unwrap() } else { store.begin().await.unwrap() };
        assert_eq!(synchronous(&tx).await, level);
        a_workspace(&format!("workspace-{n}")).insert(&*tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(workspace::Entity::find().count(&store.db).await.unwrap(), 4);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_both_kinds_wait_for_each_other() {
    on_each_engine(async |store| {
        let tasks: Vec<_> = (0..8)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..5 {
                        let even = (writer + n) % 2 == 0;
                        let tx = if even { store.begin_durable().await } else { store.begin().await }.unwrap();
                        workspace::Entity::find().count(&*tx).await.unwrap();
                        a_workspace(&format!("{writer}.{n}")).insert(&*tx).await.unwrap();
                        tx.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(workspace::Entity::find().count(&store.db).await.unwrap(), 40);
    })
    .await;
}

#[tokio::test]
async fn a_double_is_a_constraint_error_without_the_value() {
    on_each_engine(async |store| {
        a_workspace("salon").insert(&store.db).await.unwrap();
        let error: StoreError = a_workspace("salon").insert(&store.db).await.unwrap_err().into();
        assert!(matches!(&error, StoreError::Constraint(text) if !text.contains("salon")), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_second_service_on_one_file_is_refused_until_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("a.db").display());
    let store = Store::open(&url, &Options::default()).await.unwrap();
    let first = store.lock_service().unwrap();
    assert!(matches!(store.lock_service(), Err(StoreError::Refused(_))));
    drop(first);
    store.lock_service().unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_a_database_file_we_make() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = Store::open(&format!("sqlite://{}", path.display()), &Options::default()).await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn notices_of_an_older_schema_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}?mode=rwc", folder.path().join("old.db").display());
    let db =
        sea_orm::Database::connect(sea_orm::ConnectOptions::new(file).max_connections(1).to_owned()).await.unwrap();
    Migrator::up(&db, Some(7)).await.unwrap();
    // The rows that it belongs to are of no matter here.
    db.execute_unprepared("PRAGMA foreign_keys = OFF").await.unwrap();
    let row = "INSERT INTO notice (id, workspace_id, recipient, kind, activity_id, body, created_at) VALUES \
               (x'01', x'02', 'anna@ours.example', 'attachment-dropped', x'03', 'Left out.', '2026-11-22 10:00:00 +00:00')";
    db.execute_unprepared(row).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    let kept = "SELECT body FROM notice WHERE recipient = 'anna@ours.example'";
    let found = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, kept)).await.unwrap().unwrap();
    assert_eq!(found.try_get::<String>("", "body").unwrap(), "Left out.");
}
