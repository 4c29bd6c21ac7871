//! Imports beside a service that reads mail.

use mailtrail::clock::Clock;
use mailtrail::mail::address::Address;
use mailtrail::store::records::{ContactRow, Import, Numbered, Rows};
use mailtrail::store::{Options, Store, workspaces};

use crate::support::faults::{Started, database_url};
use crate::support::world::{Engine, World, engines, mail};

const CARLA: &str = "carla@customer.example";

/// How many wait in this database for a workspace. Other tests share the server.
const WAITING: &str = "select count(*) from pg_locks join pg_database on pg_locks.database = pg_database.oid \
                       where datname = current_database() and locktype = 'advisory' and not granted";

/// One contact with a key.
fn carla() -> Rows {
    let row = ContactRow {
        key: "7".to_owned(),
        name: Some("Carla".to_owned()),
        addresses: Some(vec![Address::parse(CARLA).unwrap()]),
        companies: None,
        primary_company: None,
        owner: None,
    };
    Rows::Contacts(vec![Numbered { line: 2, row }])
}

/// PostgreSQL, a service that waits a second at most for a lock, and a second workspace.
async fn world() -> Option<(World, Store)> {
    engines().contains(&Engine::Postgres).then_some(())?;
    let world = World::plain(Engine::Postgres).await;
    world.trail.run(&["workspace", "add", "second"]);
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    Some((world, store))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_holds_up_no_other_workspace() {
    let Some((world, store)) = world().await else { return };
    let (clock, second) = (Clock::system(), workspaces::named(&store, "second").await.unwrap());
    let mut import = Import::begin(&store, &second, &clock).await.unwrap();
    import.take(carla()).await.unwrap();
    world.deliver(mail("1@ours.example", CARLA, ""));
    let contacts = world.trail.path("contacts.csv");
    std::fs::write(&contacts, "key,name,addresses\n1,Dora,dora@customer.example\n").unwrap();
    for command in [&["run", "--once"][..], &["import", "contacts", contacts.to_str().unwrap()]] {
        let mut command = world.trail.command(command);
        let output = command.env("MAILTRAIL_DATABASE__WAIT_SECONDS", "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.logged(), ["1@ours.example"]);
    assert_eq!(world.contacts(), [CARLA, "dora@customer.example"]);
    assert_eq!(import.finish().await.unwrap().made, 1);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_comes_during_an_import_finds_the_contacts_that_it_brings() {
    let Some((world, store)) = world().await else { return };
    let (clock, workspace) = (Clock::system(), workspaces::named(&store, "default").await.unwrap());
    let mut import = Import::begin(&store, &workspace, &clock).await.unwrap();
    import.take(carla()).await.unwrap();
    world.deliver(mail("1@ours.example", CARLA, ""));
    let mut run = Started::new(world.trail.command(&["run", "--once"]));
    let database = world.trail.database().unwrap();
    assert!(run.runs_until(|| database.query(WAITING).trim() == "1"), "the run did not wait for the import");
    assert_eq!(import.finish().await.unwrap().made, 1);
    let ended = run.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((world.logged(), world.contacts()), (vec!["1@ours.example".to_owned()], vec![CARLA.to_owned()]));
    assert_eq!(world.trail.json(&["contact", "list", "--json"])[0]["name"], "Carla");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_deleted_before_or_after_mail_is_tied_to_it_and_not_meanwhile() {
    let Some((world, store)) = world().await else { return };
    let (clock, workspace) = (Clock::system(), workspaces::named(&store, "default").await.unwrap());
    world.contacts_known(&["7,Carla,carla@customer.example,,,"]);
    let import = Import::begin(&store, &workspace, &clock).await.unwrap();
    let mut removal = Started::new(world.trail.command(&["contact", "remove", CARLA]));
    let database = world.trail.database().unwrap();
    assert!(removal.runs_until(|| database.query(WAITING).trim() == "1"), "the removal waited for nobody");
    drop(import);
    let ended = removal.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(world.contacts().is_empty());
    store.close().await.unwrap();
}
