mod endpoint;
mod races;
mod refusals;

use std::time::Duration;

use endpoint::{Endpoint, answer, json};
use futures::future::join_all;
use sea_orm::ConnectionTrait;

use super::*;
use crate::config::{OAuthApp, Secrets, Tls};
use crate::store::testing::{account, on_each_engine};

const START: &str = "2026-11-22T10:00:00Z";

/// A worker's tokens, `later` seconds after the start.
fn tokens(store: &Store, endpoint: &Endpoint, later: i64) -> Tokens {
    patient(store, endpoint, later, Duration::from_secs(20))
}

fn patient(store: &Store, endpoint: &Endpoint, later: i64, timeout: Duration) -> Tokens {
    let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let vault = Vault::unlock(&Secrets { key: Some(key.into()), ..Secrets::default() }).unwrap();
    let clock = Clock::fixed(START.parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(later));
    let defaults = OAuth::default();
    let app = OAuthApp {
        client_id: "client".into(),
        client_secret: Some("hush".into()),
        token_url: endpoint.url.clone(),
        revoke_url: endpoint.url.clone(),
        ..defaults.google.clone()
    };
    let http = Http::new(&Tls::default(), timeout, clock.clone()).unwrap();
    Tokens::new(store.clone(), Arc::new(vault), OAuth { google: app, ..defaults }, http, clock)
}

/// An account whose consent is the refresh token `r1`.
async fn connected(store: &Store, tokens: &Tokens) -> account::Model {
    let account = account(store).await;
    assert!(tokens.put_refresh_token(account.id, &"r1".into(), Source::Consent).await.unwrap());
    account
}

async fn access(tokens: &Tokens, account: &account::Model) -> String {
    tokens.access(account).await.unwrap().expose_secret().to_owned()
}

/// What one refresh against an endpoint that answers `response` ends in.
#[tokio::test]
async fn a_living_token_is_not_renewed() {
    on_each_engine(async |store| {
        let endpoint =
            Endpoint::start(|_, _| answer(&json(200, r#"{"access_token":"a1","token_type":"Bearer"}"#))).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        assert_eq!(access(&tokens, &account).await, "a1");
        assert_eq!(access(&tokens, &account).await, "a1");
        let asked = endpoint.seen();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0]["grant_type"], "refresh_token");
        assert_eq!(asked[0]["refresh_token"], "r1");
        assert_eq!(asked[0]["client_id"], "client");
        assert_eq!(asked[0]["client_secret"], "hush");
    })
    .await;
}

/// Gives `aN` and `rN+1` to whoever shows `rN`, and ends a consent whose token is shown twice.
fn rotating(count: usize, form: &endpoint::Form) -> String {
    let expected = format!("r{count}");
    if form["refresh_token"] != expected {
        return json(400, r#"{"error":"invalid_grant"}"#);
    }
    let next = count + 1;
    json(
        200,
        &format!(r#"{{"access_token":"a{count}","token_type":"Bearer","expires_in":3600,"refresh_token":"r{next}"}}"#),
    )
}

#[tokio::test]
async fn a_rotated_token_takes_the_place_of_the_old() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let account = connected(store, &tokens(store, &endpoint, 0)).await;
        for round in 1..=4 {
            let tokens = tokens(store, &endpoint, 2_880 * (round - 1));
            assert_eq!(access(&tokens, &account).await, format!("a{round}"));
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_old() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, _| {
            answer(&json(200, &format!(r#"{{"access_token":"a{count}","token_type":"Bearer","expires_in":3600}}"#)))
        })
        .await;
        let account = connected(store, &tokens(store, &endpoint, 0)).await;
        assert_eq!(access(&tokens(store, &endpoint, 0), &account).await, "a1");
        assert_eq!(access(&tokens(store, &endpoint, 3_600), &account).await, "a2");
        assert!(endpoint.seen().iter().all(|form| form["refresh_token"] == "r1"));
    })
    .await;
}

/// Process A's refresh is under way while process B renews the grant; then the endpoint gives A `answer_to_a`.
#[tokio::test]
async fn a_rotated_token_survives_a_database_that_is_away() {
    on_each_engine(async |store| {
        let database = store.clone();
        let endpoint = Endpoint::start(move |count, form| {
            let (database, response) = (database.clone(), rotating(count, form));
            Box::pin(async move {
                database.db.execute_unprepared("ALTER TABLE oauth_grant RENAME TO away").await.unwrap();
                response
            })
        })
        .await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        assert!(tokens.access(&account).await.is_err());
        store.db.execute_unprepared("ALTER TABLE away RENAME TO oauth_grant").await.unwrap();
        assert_eq!(access(&tokens, &account).await, "a1");
        assert_eq!(endpoint.seen().len(), 1);
        let grant = grants::find(&store.db, account.id).await.unwrap().unwrap();
        let kept = tokens.0.vault.open_text(Place::of_account(account.id, REFRESH), &grant.refresh_token).unwrap();
        assert_eq!(kept.expose_secret(), "r2");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_serves_until_it_ends() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let gone = Endpoint::gone().await;
        let account = connected(store, &tokens(store, &endpoint, 0)).await;
        assert_eq!(access(&tokens(store, &endpoint, 0), &account).await, "a1");
        assert_eq!(access(&tokens(store, &gone, 3_000), &account).await, "a1");
        assert_eq!(tokens(store, &gone, 3_550).access(&account).await.unwrap_err().kind(), "retry");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_the_mail_server_refused_is_renewed() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        assert_eq!(access(&tokens, &account).await, "a1");
        tokens.refused(&account, &"a1".into()).await.unwrap();
        assert_eq!(access(&tokens, &account).await, "a2");
        tokens.refused(&account, &"a1".into()).await.unwrap();
        assert_eq!(access(&tokens, &account).await, "a2");
    })
    .await;
}

#[tokio::test]
async fn a_declared_token_is_taken_once() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = account(store).await;
        assert!(tokens.put_refresh_token(account.id, &"r1".into(), Source::Declared).await.unwrap());
        access(&tokens, &account).await;
        assert!(!tokens.put_refresh_token(account.id, &"r1".into(), Source::Declared).await.unwrap());
        tokens.refused(&account, &"a1".into()).await.unwrap();
        assert_eq!(access(&tokens, &account).await, "a2");
        assert!(tokens.put_refresh_token(account.id, &"new".into(), Source::Declared).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_stale_declared_token_does_not_undo_a_later_consent() {
    on_each_engine(async |store| {
        let endpoint =
            Endpoint::start(|_, _| answer(&json(200, r#"{"access_token":"a","token_type":"Bearer"}"#))).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = account(store).await;
        assert!(tokens.put_refresh_token(account.id, &"old".into(), Source::Declared).await.unwrap());
        assert!(tokens.put_refresh_token(account.id, &"consented".into(), Source::Consent).await.unwrap());
        assert!(!tokens.put_refresh_token(account.id, &"old".into(), Source::Declared).await.unwrap());
        access(&tokens, &account).await;
        assert_eq!(endpoint.seen()[0]["refresh_token"], "consented");
        assert!(!tokens.put_refresh_token(account.id, &"old".into(), Source::Declared).await.unwrap());
        assert!(tokens.put_refresh_token(account.id, &"newer".into(), Source::Declared).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn no_token_is_in_clear_in_the_database() {
    on_each_engine(async |store| {
        let response =
            json(200, r#"{"access_token":"access-clear","token_type":"Bearer","refresh_token":"refresh-clear"}"#);
        let endpoint = Endpoint::start(move |_, _| answer(&response)).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        access(&tokens, &account).await;
        let grant = grants::find(&store.db, account.id).await.unwrap().unwrap();
        for stored in [grant.refresh_token, grant.access_token.unwrap()] {
            assert!(!stored.windows(5).any(|window| window == b"clear"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_disconnected_account_is_revoked_and_forgotten() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|_, _| answer(&json(200, "{}"))).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        assert!(tokens.disconnect(&account, "given back").await.unwrap());
        assert_eq!(endpoint.seen()[0]["token"], "r1");
        let trouble = tokens.access(&account).await.unwrap_err();
        assert_eq!(trouble.kind(), "needs-reauth");
        assert!(!tokens.disconnect(&account, "given back").await.unwrap());
    })
    .await;
}
