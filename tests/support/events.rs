//! Events of many accounts, without the mail that would cause them.

use std::collections::BTreeMap;

use entity::{account, outbox, workspace};
use mailtrail::clock::Clock;
use mailtrail::store::{Options, Store};
use sea_orm::{ActiveModelTrait, EntityTrait, QueryFilter, Set};
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::database_url;
use super::world::Trail;

/// Adds `each` events to each of `accounts` new accounts, one account after the other in turn. Gives their ids in order, by
/// the account's address.
pub async fn fill(trail: &Trail, accounts: usize, each: usize) -> BTreeMap<String, Vec<Uuid>> {
    let store = Store::open(&database_url(trail), &Options::default()).await.unwrap();
    let clock = Clock::system();
    let workspace =
        workspace::Entity::find().filter(workspace::COLUMN.name.eq("default")).one(&store.db).await.unwrap();
    let workspace = workspace.unwrap().id;
    let mut all = Vec::new();
    for _ in 0..accounts {
        all.push(account(&store, &clock).await);
    }
    let mut ids: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    let mut rows = Vec::new();
    for _ in 0..each {
        for account in &all {
            let id = clock.id();
            ids.entry(account.address.clone()).or_default().push(id);
            rows.push(outbox::ActiveModel {
                id: Set(id),
                workspace_id: Set(workspace),
                account_id: Set(Some(account.id)),
                activity_id: Set(None),
                kind: Set("activity.logged".to_owned()),
                payload: Set(json!({"version": 1})),
                at: Set(clock.now()),
                seq: Set(None),
            });
        }
    }
    let tx = store.begin().await.unwrap();
    for some in rows.chunks(1_000) {
        outbox::Entity::insert_many(some.to_vec()).exec_without_returning(&*tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    store.close().await.unwrap();
    ids
}

async fn account(store: &Store, clock: &Clock) -> account::Model {
    let id = clock.id();
    let row = account::ActiveModel {
        id: Set(id),
        address: Set(format!("{id}@ours.example")),
        address_folded: Set(format!("{id}@ours.example")),
        kind: Set("bcc".into()),
        provider: Set("imap".into()),
        host: Set("imap.ours.example".into()),
        port: Set(993),
        auth: Set("password".into()),
        security: Set("tls".into()),
        // Nobody reads it.
        state: Set("paused".into()),
        declared: Set(false),
        withdrawn: Set(false),
        created_at: Set(clock.now()),
        failures: Set(0),
        ..Default::default()
    };
    row.insert(&store.db).await.unwrap()
}

/// The ids of bodies, in order, by the account's address.
pub fn by_account(bodies: &[Value]) -> BTreeMap<String, Vec<Uuid>> {
    let mut ids: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for body in bodies {
        let (account, id) = (body["account"].as_str().unwrap_or_default(), body["id"].as_str().unwrap());
        ids.entry(account.to_owned()).or_default().push(id.parse().unwrap());
    }
    ids
}
