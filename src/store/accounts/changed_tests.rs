use entity::outbox;
use sea_orm::{EntityTrait, QueryOrder};

use crate::clock::Clock;
use crate::config::{AccountKind, Provider, Security};
use crate::mail::address::Address;
use crate::store::accounts::{NewAccount, add, pause, pause_undeclared, remove, resume};
use crate::store::testing::on_each_engine;
use crate::store::{Store, workspaces};
use crate::trouble::Trouble;

fn log() -> NewAccount {
    NewAccount {
        address: Address::parse("log@ours.example").unwrap(),
        kind: AccountKind::Bcc,
        provider: Provider::Google,
        host: None,
        port: None,
        auth: Some(crate::config::Auth::Password),
        security: Security::Tls,
        imap_user: None,
        password_file: Some("/etc/secret".into()),
        since: None,
        user: None,
        declared: true,
    }
}

/// The states that were told of since the last time, as `from to`.
async fn told(store: &Store) -> Vec<String> {
    let rows = outbox::Entity::find().order_by_asc(outbox::Column::Id).all(&store.db).await.unwrap();
    outbox::Entity::delete_many().exec(&store.db).await.unwrap();
    let word = |row: &outbox::Model, name| row.payload[name].as_str().unwrap_or("nothing").to_owned();
    rows.iter().map(|row| format!("{} {} {}", row.kind, word(row, "from"), word(row, "to"))).collect()
}

#[tokio::test]
async fn a_state_is_told_of_when_it_changes_and_only_then() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let workspace = workspaces::ensure_default(store, &clock).await.unwrap();
        let account = add(store, &workspace, &log(), &clock).await.unwrap();
        assert_eq!(told(store).await, [""; 0], "nothing was there before");
        let reauth = Trouble::NeedsReauth { reason: "consent is needed".into() };
        for trouble in [&reauth, &reauth, &Trouble::retry("busy")] {
            store.failed(account.id, trouble, None, &clock).await.unwrap();
        }
        assert_eq!(told(store).await, ["account.state_changed active needs-reauth"]);
        for _ in 0..2 {
            store.succeeded(account.id, &clock).await.unwrap();
        }
        assert_eq!(told(store).await, ["account.state_changed needs-reauth active"]);
        for _ in 0..2 {
            pause(store, &log().address, "holidays", &clock).await.unwrap();
        }
        store.failed(account.id, &reauth, None, &clock).await.unwrap();
        assert_eq!(told(store).await, ["account.state_changed active paused"]);
        resume(store, &log().address, &clock).await.unwrap();
        pause_undeclared(store, &[], &clock).await.unwrap();
        add(store, &workspace, &log(), &clock).await.unwrap();
        let all =
            ["paused active", "active paused", "paused active"].map(|what| format!("account.state_changed {what}"));
        assert_eq!(told(store).await, all);
    })
    .await;
}

#[tokio::test]
async fn every_workspace_that_an_account_serves_is_told() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let acme = workspaces::NewWorkspace { name: "acme".into(), ..Default::default() };
        let acme = workspaces::add(store, &acme, &clock).await.unwrap();
        let default = workspaces::ensure_default(store, &clock).await.unwrap();
        for workspace in [&default, &acme] {
            add(store, workspace, &log(), &clock).await.unwrap();
        }
        let account = remove(store, &log().address, &clock).await.unwrap();
        assert_eq!(told(store).await, ["account.state_changed active removed"; 2]);
        store.failed(account.id, &Trouble::operator("no such file"), None, &clock).await.unwrap();
        assert_eq!(
            store.account(account.id).await.unwrap().unwrap().state,
            "removed",
            "it does not come back by itself"
        );
        add(store, &default, &log(), &clock).await.unwrap();
        assert_eq!(told(store).await, ["account.state_changed removed active"]);
    })
    .await;
}
