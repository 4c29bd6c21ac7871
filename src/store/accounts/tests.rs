use entity::{account_user, user, workspace};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};

use super::*;
use crate::clock::Clock;
use crate::config::{AccountKind, Auth, Provider};
use crate::decide::facts::FactQuery;
use crate::mail::address::Address;
use crate::store::testing::on_each_engine;
use crate::store::{Store, StoreError, workspaces};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn new(kind: AccountKind, at: &str, user: Option<&user::Model>) -> NewAccount {
    NewAccount {
        address: address(at),
        kind,
        provider: Provider::Google,
        host: None,
        port: None,
        auth: None,
        security: crate::config::Security::Tls,
        imap_user: None,
        password_file: None,
        since: None,
        user: user.cloned(),
        declared: false,
    }
}

async fn workspace(store: &Store) -> workspace::Model {
    workspaces::ensure_default(store, &Clock::system()).await.unwrap()
}

async fn user(store: &Store, login: &str, seat: &str) -> user::Model {
    let clock = Clock::system();
    let row = user::ActiveModel {
        id: Set(clock.id()),
        workspace_id: Set(workspace(store).await.id),
        login: Set(login.to_owned()),
        login_folded: Set(login.to_owned()),
        name: Set(String::new()),
        seat: Set(seat.to_owned()),
        active: Set(true),
        created_at: Set(clock.now()),
    };
    row.insert(&store.db).await.unwrap()
}

#[tokio::test]
async fn a_provider_brings_its_server_and_its_way_to_log_in() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let mut wanted = new(AccountKind::Bcc, "Log@ours.example", None);
        let google = add(store, &workspace, &wanted, &clock).await.unwrap();
        assert_eq!((google.host.as_str(), google.port, google.auth.as_str()), ("imap.gmail.com", 993, "oauth"));
        assert_eq!((google.address.as_str(), google.state.as_str()), ("Log@ours.example", "active"));
        wanted.address = address("fwd@ours.example");
        wanted.provider = Provider::Imap;
        assert!(matches!(add(store, &workspace, &wanted, &clock).await, Err(StoreError::Refused(_))));
        wanted.host = Some("mail.ours.example".into());
        assert!(matches!(add(store, &workspace, &wanted, &clock).await, Err(StoreError::Refused(_))));
        wanted.password_file = Some("/etc/secret".into());
        assert_eq!(add(store, &workspace, &wanted, &clock).await.unwrap().auth, "password");
        wanted.auth = Some(Auth::OAuth);
        assert_eq!(add(store, &workspace, &wanted, &clock).await.unwrap().auth, "oauth");
        assert_eq!(list(store).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_address_added_for_another_user_is_one_account_with_two_connections() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let anna = user(store, "anna@ours.example", "core").await;
        let boss = user(store, "boss@ours.example", "core").await;
        let first =
            add(store, &workspace, &new(AccountKind::Personal, "sales@ours.example", Some(&anna)), &clock).await;
        let again =
            add(store, &workspace, &new(AccountKind::Personal, "Sales@OURS.example", Some(&boss)), &clock).await;
        let (first, again) = (first.unwrap(), again.unwrap());
        assert_eq!((again.id, again.connected_by), (first.id, Some(anna.id)));
        let listed = list(store).await.unwrap();
        assert_eq!(listed[0].users, ["anna@ours.example", "boss@ours.example"]);
        assert_eq!(listed[0].workspaces, ["default"]);
    })
    .await;
}

#[tokio::test]
async fn a_lasting_connection_keeps_its_start_and_an_ended_one_begins_anew() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let anna = user(store, "anna@ours.example", "core").await;
        let wanted = new(AccountKind::Personal, "anna@ours.example", Some(&anna));
        let account = add(store, &workspace, &wanted, &clock).await.unwrap();
        let start = async || {
            let row = account_user::Entity::find_by_id((account.id, anna.id)).one(&store.db).await.unwrap();
            row.unwrap().connected_at
        };
        let first = start().await;
        add(store, &workspace, &wanted, &clock).await.unwrap();
        assert_eq!(start().await, first);
        remove(store, &wanted.address, &clock).await.unwrap();
        assert!(list(store).await.unwrap().is_empty());
        assert!(matches!(resume(store, &wanted.address, &clock).await, Err(StoreError::Refused(_))));
        assert_eq!(add(store, &workspace, &wanted, &clock).await.unwrap().id, account.id);
        assert!(start().await > first);
    })
    .await;
}

#[tokio::test]
async fn an_address_is_not_both_personal_and_team() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let anna = user(store, "anna@ours.example", "core").await;
        add(store, &workspace, &new(AccountKind::Team, "info@ours.example", Some(&anna)), &clock).await.unwrap();
        let personal = new(AccountKind::Personal, "info@ours.example", Some(&anna));
        let refused = add(store, &workspace, &personal, &clock).await.unwrap_err().to_string();
        assert!(refused.contains("team") && refused.contains("account remove"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_view_only_seat_and_nobody_cannot_connect_an_inbox() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let viewer = user(store, "viewer@ours.example", "view-only").await;
        for who in [None, Some(&viewer)] {
            let wanted = new(AccountKind::Personal, "viewer@ours.example", who);
            assert!(matches!(add(store, &workspace, &wanted, &clock).await, Err(StoreError::Refused(_))));
        }
    })
    .await;
}

#[tokio::test]
async fn one_bcc_account_may_serve_several_workspaces() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let acme = workspaces::NewWorkspace { name: "acme".into(), ..Default::default() };
        let acme = workspaces::add(store, &acme, &clock).await.unwrap();
        let log = new(AccountKind::Bcc, "log@ours.example", None);
        add(store, &workspace(store).await, &log, &clock).await.unwrap();
        add(store, &acme, &log, &clock).await.unwrap();
        assert_eq!(list(store).await.unwrap()[0].workspaces, ["acme", "default"]);
    })
    .await;
}

#[tokio::test]
async fn the_workspace_served_first_is_first_however_old_it_is() {
    on_each_engine(async |store| {
        let at = |second: u32| Clock::fixed(format!("2026-11-22T10:00:{second:02}Z").parse().unwrap());
        let older = workspaces::ensure_default(store, &at(0)).await.unwrap();
        let acme = workspaces::NewWorkspace { name: "acme".into(), ..Default::default() };
        let younger = workspaces::add(store, &acme, &at(1)).await.unwrap();
        let log = new(AccountKind::Bcc, "log@ours.example", None);
        let account = add(store, &younger, &log, &at(2)).await.unwrap();
        add(store, &older, &log, &at(3)).await.unwrap();
        add(store, &younger, &log, &at(4)).await.unwrap();
        assert_eq!(store.scope(&account).await.unwrap().workspaces, [younger.id, older.id]);
    })
    .await;
}

#[tokio::test]
async fn an_account_pauses_resumes_and_stops_when_it_is_no_longer_declared() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let log = NewAccount { declared: true, ..new(AccountKind::Bcc, "log@ours.example", None) };
        add(store, &workspace, &log, &clock).await.unwrap();
        assert_eq!(pause(store, &log.address, "holidays", &clock).await.unwrap().state, "paused");
        let resumed = resume(store, &log.address, &clock).await.unwrap();
        assert_eq!((resumed.state.as_str(), resumed.reason), ("active", None));
        assert_eq!(pause_undeclared(store, std::slice::from_ref(&log.address), &clock).await.unwrap(), 0);
        assert_eq!(pause_undeclared(store, &[], &clock).await.unwrap(), 1);
        assert_eq!(named(store, &log.address).await.unwrap().state, "paused");
    })
    .await;
}

#[tokio::test]
async fn an_account_declared_again_is_watched_again() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let log = NewAccount { declared: true, ..new(AccountKind::Bcc, "log@ours.example", None) };
        add(store, &workspace, &log, &clock).await.unwrap();
        pause_undeclared(store, &[], &clock).await.unwrap();
        let again = add(store, &workspace, &log, &clock).await.unwrap();
        assert_eq!((again.state.as_str(), again.reason, again.declared), ("active", None, true));
        pause(store, &log.address, "holidays", &clock).await.unwrap();
        assert_eq!(pause_undeclared(store, &[], &clock).await.unwrap(), 0);
        let again = add(store, &workspace, &log, &clock).await.unwrap();
        assert_eq!((again.state.as_str(), again.reason.as_deref()), ("paused", Some("holidays")));
        pause_undeclared(store, &[], &clock).await.unwrap();
        pause(store, &log.address, "holidays", &clock).await.unwrap();
        assert_eq!(add(store, &workspace, &log, &clock).await.unwrap().state, "paused");
    })
    .await;
}

#[tokio::test]
async fn a_start_is_earlier_on_an_earlier_day_and_before_the_first_mail_or_the_moment_of_connection() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let anna = user(store, "anna@ours.example", "core").await;
        let log = add(store, &workspace, &new(AccountKind::Bcc, "log@ours.example", None), &clock).await.unwrap();
        let inbox = new(AccountKind::Personal, "anna@ours.example", Some(&anna));
        let inbox = add(store, &workspace, &inbox, &clock).await.unwrap();
        let today = inbox.created_at.date_naive();
        let (yesterday, tomorrow) = (today.pred_opt(), today.succ_opt());
        let earlier = |of: &entity::account::Model, after, before| {
            let on = |since| entity::account::Model { since, ..of.clone() };
            is_earlier(&on(after), &on(before))
        };
        for either in [&log, &inbox] {
            assert!(earlier(either, yesterday, Some(today)) && earlier(either, None, tomorrow));
            assert!(!earlier(either, Some(today), yesterday) && !earlier(either, Some(today), Some(today)));
            assert!(!earlier(either, None, None) && !earlier(either, tomorrow, None));
        }
        assert!(!earlier(&log, yesterday, None) && earlier(&log, None, yesterday), "no day is the first mail");
        assert!(earlier(&inbox, yesterday, None) && !earlier(&inbox, None, yesterday), "no day is the connection");
    })
    .await;
}

#[tokio::test]
async fn a_declaration_is_the_whole_of_an_account() {
    on_each_engine(async |store| {
        let (clock, workspace) = (Clock::system(), workspace(store).await);
        let bare = NewAccount { declared: true, ..new(AccountKind::Bcc, "log@ours.example", None) };
        let full = NewAccount {
            host: Some("localhost".into()),
            security: crate::config::Security::Plaintext,
            imap_user: Some("log".into()),
            password_file: Some("/etc/secret".into()),
            since: chrono::NaiveDate::from_ymd_opt(2026, 11, 1),
            ..bare.clone()
        };
        let first = add(store, &workspace, &bare, &clock).await.unwrap();
        let now = add(store, &workspace, &full, &clock).await.unwrap();
        assert_eq!((now.host.as_str(), now.security.as_str(), now.since), ("localhost", "plaintext", full.since));
        assert_eq!((now.imap_user, now.password_file), (full.imap_user, full.password_file));
        assert_eq!(add(store, &workspace, &bare, &clock).await.unwrap(), first);
    })
    .await;
}

#[tokio::test]
async fn a_team_address_counts_in_each_workspace_for_a_user_of_that_workspace() {
    on_each_engine(async |store| {
        let at = |second: u32| Clock::fixed(format!("2026-11-22T10:00:{second:02}Z").parse().unwrap());
        let default = workspace(store).await;
        let named = |name: &str| workspaces::NewWorkspace { name: name.into(), ..Default::default() };
        let acme = workspaces::add(store, &named("acme"), &at(1)).await.unwrap();
        let empty = workspaces::add(store, &named("empty"), &at(1)).await.unwrap();
        let anna = user(store, "anna@ours.example", "core").await;
        let boss = user(store, "boss@ours.example", "core").await;
        let other =
            user::ActiveModel { workspace_id: Set(acme.id), ..user(store, "other@ours.example", "core").await.into() };
        let other = other.update(&store.db).await.unwrap();
        let team = |who| new(AccountKind::Team, "info@ours.example", who);
        add(store, &default, &team(Some(&anna)), &at(2)).await.unwrap();
        add(store, &acme, &team(Some(&other)), &at(3)).await.unwrap();
        add(store, &default, &team(Some(&boss)), &at(4)).await.unwrap();
        let log = new(AccountKind::Bcc, "log@ours.example", None);
        for workspace in [&default, &acme, &empty] {
            add(store, workspace, &log, &at(5)).await.unwrap();
        }
        let scope = store.scope(&super::named(store, &log.address).await.unwrap()).await.unwrap();
        let query = FactQuery { addresses: ["info@ours.example".to_owned()].into(), ..FactQuery::default() };
        let facts = store.facts(&scope, &query).await.unwrap();
        let of = |id| facts.workspaces.iter().find(|one| one.id == id).unwrap().teams.get("info@ours.example").copied();
        assert_eq!(of(default.id), Some(Some(anna.id)));
        assert_eq!(of(acme.id), Some(Some(other.id)));
        assert_eq!(of(empty.id), None);
    })
    .await;
}
