//! Two who renew the same grant.

use super::*;

#[tokio::test]
async fn many_who_ask_at_once_cause_one_refresh() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        let all = join_all((0..20).map(|_| access(&tokens, &account))).await;
        assert!(all.iter().all(|token| token == "a1"));
        assert_eq!(endpoint.seen().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_processes_that_ask_at_once_cause_one_refresh() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let (a, b) = (tokens(store, &endpoint, 0), tokens(store, &endpoint, 0));
        let account = connected(store, &a).await;
        let all = join_all((0..20).map(|n| access(if n % 2 == 0 { &a } else { &b }, &account))).await;
        assert!(all.iter().all(|token| token == "a1"));
        assert_eq!(endpoint.seen().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_claim_of_a_process_that_died_runs_out() {
    on_each_engine(async |store| {
        let endpoint = Endpoint::start(|count, form| answer(&rotating(count, form))).await;
        let account = connected(store, &tokens(store, &endpoint, 0)).await;
        let grant = grants::find(&store.db, account.id).await.unwrap().unwrap();
        let now = START.parse::<DateTime<Utc>>().unwrap();
        let Next::Claim(claim) = standing::next(grant, now, TimeDelta::seconds(30)) else { panic!("not due") };
        assert!(grants::swap(store, claim.row()).await.unwrap());
        assert_eq!(access(&tokens(store, &endpoint, 31), &account).await, "a1");
    })
    .await;
}

async fn overtaken(answer_to_a: &str) {
    on_each_engine(async |store| {
        let overtaken = Arc::new(tokio::sync::Notify::new());
        let (gate, answer_to_a) = (Arc::clone(&overtaken), answer_to_a.to_owned());
        let endpoint = Endpoint::start(move |count, _| {
            let (gate, answer_to_a) = (Arc::clone(&gate), answer_to_a.clone());
            Box::pin(async move {
                if count == 1 {
                    gate.notified().await;
                    return answer_to_a;
                }
                json(200, r#"{"access_token":"a2","token_type":"Bearer","expires_in":3600,"refresh_token":"r2"}"#)
            })
        })
        .await;
        // B comes when A's claim has run out.
        let (a, b) = (tokens(store, &endpoint, 0), tokens(store, &endpoint, 120));
        let account = connected(store, &a).await;
        let first = async { access(&a, &account).await };
        let second = async {
            endpoint.has_seen(1).await;
            let token = access(&b, &account).await;
            overtaken.notify_one();
            token
        };
        assert_eq!(tokio::join!(first, second), ("a2".to_owned(), "a2".to_owned()));
        let later = tokens(store, &endpoint, 3_800);
        access(&later, &account).await;
        assert_eq!(endpoint.seen()[2]["refresh_token"], "r2");
    })
    .await;
}

#[tokio::test]
async fn who_loses_the_race_takes_the_winners_token() {
    overtaken(&json(200, r#"{"access_token":"a1","token_type":"Bearer","refresh_token":"rX"}"#)).await;
}

#[tokio::test]
async fn a_refusal_of_an_overtaken_token_ends_no_consent() {
    overtaken(&json(400, r#"{"error":"invalid_grant"}"#)).await;
}

#[tokio::test]
async fn a_refresh_from_before_a_disconnect_does_not_touch_the_next_consent() {
    on_each_engine(async |store| {
        let connected_anew = Arc::new(tokio::sync::Notify::new());
        let gate = Arc::clone(&connected_anew);
        let endpoint = Endpoint::start(move |count, form| {
            let (gate, shown) = (Arc::clone(&gate), form["refresh_token"].clone());
            Box::pin(async move {
                if count == 1 {
                    gate.notified().await;
                }
                json(200, &format!(r#"{{"access_token":"of-{shown}","token_type":"Bearer"}}"#))
            })
        })
        .await;
        let (a, b) = (tokens(store, &endpoint, 0), tokens(store, &endpoint, 1));
        let account = connected(store, &a).await;
        let before = access(&a, &account);
        let meanwhile = async {
            endpoint.has_seen(1).await;
            b.disconnect(&account, "given back").await.unwrap();
            b.put_refresh_token(account.id, &"new".into(), Source::Consent).await.unwrap();
            connected_anew.notify_one();
        };
        assert_eq!(tokio::join!(before, meanwhile).0, "of-new");
    })
    .await;
}
