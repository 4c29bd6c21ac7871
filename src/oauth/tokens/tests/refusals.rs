//! Token endpoints that give no token.

use super::*;

async fn refusal(response: &'static str) -> Trouble {
    let endpoint = Endpoint::start(move |_, _| answer(response)).await;
    let found = Mutex::new(None);
    on_each_engine(async |store| {
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        *found.lock().unwrap() = tokens.access(&account).await.err();
    })
    .await;
    found.into_inner().unwrap().unwrap()
}

#[tokio::test]
async fn a_busy_endpoint_says_when_to_come_back() {
    let body = "content-length: 25\r\nconnection: close\r\n\r\n{\"error\":\"invalid_grant\"}";
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let response = format!("HTTP/1.1 {status}\r\nretry-after: 17\r\ncontent-type: application/json\r\n{body}");
        let trouble = refusal(response.leak()).await;
        assert!(matches!(trouble, Trouble::Retry { after: Some(after), .. } if after.as_secs() == 17), "{trouble:?}");
    }
    let trouble = refusal(
        "HTTP/1.1 400 Bad Request\r\nretry-after: 9\r\ncontent-length: 35\r\nconnection: close\r\n\r\n\
         {\"error\":\"temporarily_unavailable\"}",
    )
    .await;
    assert!(matches!(trouble, Trouble::Retry { after: Some(after), .. } if after.as_secs() == 9), "{trouble:?}");
}

#[tokio::test]
async fn an_endpoint_that_wants_quiet_gets_it() {
    on_each_engine(async |store| {
        let busy = "HTTP/1.1 429 x\r\nretry-after: 60\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let endpoint = Endpoint::start(move |_, _| answer(busy)).await;
        let tokens = tokens(store, &endpoint, 0);
        let account = connected(store, &tokens).await;
        for _ in 0..3 {
            let trouble = tokens.access(&account).await.unwrap_err();
            assert!(matches!(trouble, Trouble::Retry { after: Some(_), .. }), "{trouble:?}");
        }
        assert_eq!(endpoint.seen().len(), 1);
        tokens.put_refresh_token(account.id, &"r2".into(), Source::Consent).await.unwrap();
        tokens.access(&account).await.unwrap_err();
        assert_eq!(endpoint.seen().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_dead_consent_needs_a_person_and_a_dead_registration_the_operator() {
    let of = |error: &str| json(400, &format!(r#"{{"error":"{error}","error_description":"of anna"}}"#)).leak();
    assert_eq!(refusal(of("invalid_grant")).await.kind(), "needs-reauth");
    assert_eq!(refusal(of("invalid_client")).await.kind(), "operator");
    assert!(!refusal(of("invalid_grant")).await.to_string().contains("anna"));
}

#[tokio::test]
async fn what_is_no_answer_is_tried_again_and_not_repeated() {
    let large = json(200, &"x".repeat(300_000)).leak();
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 17\r\nconnection: close\r\n\r\n<p>secret-a1</p>\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 26\r\nconnection: close\r\n\r\n{\"access_token\":\"secret-a1",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\nconnection: close\r\n\r\nsecret-a1",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ncut",
        "garbage",
        "",
        large,
    ] {
        let trouble = refusal(response).await;
        assert_eq!(trouble.kind(), "retry", "{trouble:?}");
        assert!(!trouble.to_string().contains("secret"), "{trouble:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_is_gone_is_tried_again() {
    on_each_engine(async |store| {
        let hanging = Endpoint::start(|_, _| Box::pin(std::future::pending())).await;
        let gone = Endpoint::gone().await;
        for endpoint in [hanging, gone] {
            let tokens = patient(store, &endpoint, 0, Duration::from_millis(100));
            let account = connected(store, &tokens).await;
            assert_eq!(tokens.access(&account).await.unwrap_err().kind(), "retry");
        }
    })
    .await;
}
