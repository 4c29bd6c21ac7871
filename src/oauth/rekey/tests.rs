use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;

use super::*;
use crate::config::Secrets;
use crate::oauth::hash_key::hash_key;
use crate::oauth::standing::Next;
use crate::store::testing::{account, on_each_engine};

const OLD: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const NEW: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";

fn vault(keys: &str) -> Vault {
    Vault::unlock(&Secrets { key: Some(keys.into()), ..Secrets::default() }).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// An account whose grant `vault` sealed, in its third version.
async fn granted(store: &Store, vault: &Vault) -> grant::Model {
    let id = account(store).await.id;
    let seal = |field, text: &str| vault.seal_text(Place::of_account(id, field), &text.into()).unwrap();
    let grant = grant::Model {
        account_id: id,
        version: 3,
        key_id: vault.key_id(),
        refresh_token: seal(REFRESH, "refresh"),
        access_token: Some(seal(ACCESS, "access")),
        access_expires_at: Some(now()),
        scope: Some("mail".into()),
        source: Some("consent".into()),
        declared_mark: None,
        updated_at: now(),
        state: "fresh".into(),
        reason: None,
        state_at: None,
        claimed_until: None,
        subject: None,
    };
    grants::replace(store, grant.clone()).await.unwrap();
    grant
}

async fn opened(store: &Store, vault: &Vault, grant: &grant::Model) -> [String; 2] {
    let now = grants::find(&store.db, grant.account_id).await.unwrap().unwrap();
    let open = |field, sealed: &[u8]| {
        let clear = vault.open_text(Place::of_account(grant.account_id, field), sealed).unwrap();
        clear.expose_secret().to_owned()
    };
    [open(REFRESH, &now.refresh_token), open(ACCESS, &now.access_token.unwrap())]
}

#[tokio::test]
async fn everything_sealed_opens_with_the_new_key_alone() {
    on_each_engine(async |store| {
        let key = *hash_key(store, &vault(OLD)).await.unwrap().expose_secret();
        let grant = granted(store, &vault(OLD)).await;
        let both = vault(&format!("{NEW},{OLD}"));
        let done = rekey(store, &both).await.unwrap();
        assert_eq!(done, Rekeyed { sealed: 2, current: 0, failed: Vec::new() });
        assert_eq!(opened(store, &vault(NEW), &grant).await, ["refresh", "access"]);
        assert_eq!(*hash_key(store, &vault(NEW)).await.unwrap().expose_secret(), key);
        let after = grants::find(&store.db, grant.account_id).await.unwrap().unwrap();
        let sealed = (after.refresh_token.clone(), after.access_token.clone());
        let same = grant::Model { key_id: both.key_id(), refresh_token: sealed.0, access_token: sealed.1, ..grant };
        assert_eq!(after, same, "nothing but the seal has changed");
        assert_eq!(rekey(store, &both).await.unwrap(), Rekeyed { sealed: 0, current: 2, failed: Vec::new() });
    })
    .await;
}

#[tokio::test]
async fn a_renewal_under_way_is_neither_lost_nor_undone() {
    on_each_engine(async |store| {
        let grant = granted(store, &vault(OLD)).await;
        let both = vault(&format!("{NEW},{OLD}"));
        let place = Place::of_account(grant.account_id, REFRESH);
        let rotated = vault(OLD).seal_text(place, &"rotated".into()).unwrap();
        let renewed = grant::Model { version: 4, refresh_token: rotated, ..grant.clone() };
        // What was read before the renewal, and is written after it.
        let stale = anew(&both, grant.clone()).unwrap();
        // The provider has answered; the answer is stored after the tokens were sealed anew.
        rekey(store, &both).await.unwrap();
        assert!(grants::swap(store, &renewed).await.unwrap());
        assert!(!grants::reseal(store, &stale).await.unwrap());
        assert_eq!(opened(store, &both, &grant).await[0], "rotated");
        // A service with the old key alone sealed it: the next run finds it.
        assert_eq!(rekey(store, &both).await.unwrap().sealed, 1);
        assert_eq!(opened(store, &vault(NEW), &grant).await[0], "rotated");
    })
    .await;
}

#[tokio::test]
async fn a_renewal_that_fails_does_not_undo_the_new_seal() {
    on_each_engine(async |store| {
        let grant = granted(store, &vault(OLD)).await;
        let Next::Claim(claim) = standing::next(grant.clone(), now() + TimeDelta::days(1), TimeDelta::seconds(30))
        else {
            panic!("it is due")
        };
        assert!(grants::step(store, claim.row()).await.unwrap());
        rekey(store, &vault(&format!("{NEW},{OLD}"))).await.unwrap();
        let failed = claim.won().failed(&Trouble::retry("busy"), now());
        assert!(grants::step(store, &failed).await.unwrap());
        assert_eq!(opened(store, &vault(NEW), &grant).await, ["refresh", "access"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_lost_key_sealed_is_named_and_the_rest_is_done() {
    on_each_engine(async |store| {
        let lost = granted(store, &vault("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")).await;
        let grant = granted(store, &vault(OLD)).await;
        let done = rekey(store, &vault(&format!("{NEW},{OLD}"))).await.unwrap();
        assert_eq!((done.sealed, done.current), (1, 0));
        assert_eq!(done.failed.len(), 1);
        assert_eq!(done.failed[0].0, format!("{}@ours.example", lost.account_id));
        assert!(done.failed[0].1.to_string().contains("put the old key back"));
        assert_eq!(opened(store, &vault(NEW), &grant).await, ["refresh", "access"]);
    })
    .await;
}

#[tokio::test]
async fn the_secret_of_a_webhook_is_sealed_anew_and_a_lost_one_disables_it() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let workspace = crate::store::workspaces::ensure_default(store, &clock).await.unwrap().id;
        let id = clock.id();
        let secret = vault(OLD).seal(Place::of_webhook(id), &[7; 32]).unwrap();
        let url = "https://crm.example/hooks".to_owned();
        let new = webhooks::NewWebhook { id, workspace, url, kinds: Vec::new(), secret };
        webhooks::add(store, new, &clock).await.unwrap();
        let both = vault(&format!("{NEW},{OLD}"));
        assert_eq!(rekey(store, &both).await.unwrap().sealed, 1);
        let row = webhooks::all(store).await.unwrap().remove(0);
        let clear = vault(NEW).open(Place::of_webhook(id), &row.secret).unwrap();
        assert_eq!(clear.expose_secret(), [7; 32]);
        assert_eq!(rekey(store, &both).await.unwrap().current, 1);
        assert_eq!(forget_lost(store, &vault(OLD), &clock).await.unwrap(), 1);
        let row = webhooks::all(store).await.unwrap().remove(0);
        assert_eq!((row.state.as_str(), row.secret.len()), ("disabled", 0));
        assert_eq!(rekey(store, &vault(OLD)).await.unwrap(), Rekeyed::default());
    })
    .await;
}
