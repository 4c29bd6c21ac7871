//! The OAuth flows over HTTP.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use provider::{Failure, OAuthServer, OAuthSettings};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client::{ANNA, http};

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-is-wanted";
const REDIRECT: &str = "http://127.0.0.1:1/done";

async fn token(server: &OAuthServer, fields: &[(&str, &str)]) -> (u16, Value) {
    let settings = server.settings();
    let secret = settings.client_secret.clone().unwrap_or_default();
    let client = [("client_id", settings.client_id.as_str()), ("client_secret", secret.as_str())];
    let (status, _, body) = http("POST", &server.token_url(), &[client.as_slice(), fields].concat()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

async fn refresh(server: &OAuthServer, refresh_token: &str) -> (u16, Value) {
    token(server, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
}

async fn introspect(server: &OAuthServer, token: &str) -> Value {
    let settings = server.settings();
    let secret = settings.client_secret.as_deref().unwrap();
    let form = [("token", token), ("client_id", &settings.client_id), ("client_secret", secret)];
    serde_json::from_str(&http("POST", &server.introspect_url(), &form).await.2).unwrap()
}

/// Goes through the browser and comes back with the query of the redirect.
async fn authorize(server: &OAuthServer, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url = url::Url::parse(&server.authorize_url()).unwrap();
    url.query_pairs_mut()
        .append_pair("client_id", &server.settings().client_id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("state", "the state")
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("login_hint", ANNA)
        .extend_pairs(extra);
    let (status, head, _) = http("GET", url.as_str(), &[]).await;
    assert_eq!(status, 303);
    let location = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert!(location.starts_with(REDIRECT));
    url::Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

async fn redeem(server: &OAuthServer, code: &str, verifier: &str) -> (u16, Value) {
    let grant = ("grant_type", "authorization_code");
    token(server, &[grant, ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", verifier)]).await
}

#[tokio::test]
async fn a_code_brings_tokens_once_and_only_with_its_verifier() {
    let server = OAuthServer::start(OAuthSettings::google()).await;
    let scope = ("scope", "openid email https://mail.google.com/");
    let offline = ("access_type", "offline");
    let back = authorize(&server, &[scope, offline]).await;
    assert_eq!(back[1], ("state".to_owned(), "the state".to_owned()));
    let (status, answer) = redeem(&server, &back[0].1, VERIFIER).await;
    assert_eq!((status, &answer["expires_in"], &answer["scope"]), (200, &3599.into(), &scope.1.into()));
    assert!(answer["refresh_token"].is_string());
    let claims = answer["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["email"], ANNA);
    assert_eq!(redeem(&server, &back[0].1, VERIFIER).await.1["error"], "invalid_grant", "a code works once");

    let back = authorize(&server, &[scope, offline]).await;
    assert_eq!(redeem(&server, &back[0].1, "another").await.1["error"], "invalid_grant");
    let back = authorize(&server, &[scope, offline]).await;
    let again = redeem(&server, &back[0].1, VERIFIER).await.1;
    assert!(again["refresh_token"].is_null(), "no prompt=consent, no second refresh token");
    let back = authorize(&server, &[scope, offline, ("prompt", "consent")]).await;
    assert!(redeem(&server, &back[0].1, VERIFIER).await.1["refresh_token"].is_string());
    assert_eq!(server.authorizations().len(), 4);
}

#[tokio::test]
async fn a_user_may_deny() {
    let server = OAuthServer::start(OAuthSettings::microsoft()).await;
    server.deny_next("access_denied");
    let back = authorize(&server, &[("scope", "offline_access")]).await;
    assert_eq!(back[0], ("error".to_owned(), "access_denied".to_owned()));
    assert_eq!(back[2].0, "state");
}

#[tokio::test]
async fn google_keeps_its_refresh_token() {
    let server = OAuthServer::start(OAuthSettings::google()).await;
    let grant = server.grant(ANNA);
    let (status, answer) = refresh(&server, &grant).await;
    assert_eq!((status, answer.get("refresh_token")), (200, None));
    let access = answer["access_token"].as_str().unwrap();
    assert_eq!(introspect(&server, access).await["email"], ANNA);
    assert!(server.issued().iter().any(|issued| issued == access));
}

#[tokio::test]
async fn microsoft_rotates_and_the_old_token_stays_alive() {
    let server = OAuthServer::start(OAuthSettings::microsoft()).await;
    let old = server.grant(ANNA);
    let new = refresh(&server, &old).await.1["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    assert_eq!(refresh(&server, &old).await.0, 200);
    assert_eq!(refresh(&server, &new).await.0, 200);
}

#[tokio::test]
async fn a_reused_token_ends_the_grant_where_reuse_is_detected() {
    let settings = OAuthSettings { reuse_detection: true, ..OAuthSettings::microsoft() };
    let server = OAuthServer::start(settings).await;
    let old = server.grant(ANNA);
    let new = refresh(&server, &old).await.1["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&server, &old).await.1["error"], "invalid_grant");
    assert_eq!(refresh(&server, &new).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn tokens_end_by_time_by_force_and_by_revocation() {
    let server = OAuthServer::start(OAuthSettings::default()).await;
    let (grant, access) = (server.grant(ANNA), server.access_token(ANNA));
    assert_eq!(introspect(&server, &access).await["active"], true);
    server.advance(Duration::from_secs(3600));
    assert_eq!(introspect(&server, &access).await["active"], false);
    let access = server.access_token(ANNA);
    server.expire_access(ANNA);
    assert!(server.handle().live(&access).is_none());
    assert_eq!(refresh(&server, &grant).await.0, 200, "expiry leaves the grant");
    let (status, ..) = http("POST", &server.revoke_url(), &[("token", &grant)]).await;
    assert_eq!((status, refresh(&server, &grant).await.0), (200, 400));
    let grant = server.grant(ANNA);
    server.revoke(ANNA);
    assert_eq!(refresh(&server, &grant).await.1["error_description"], "Token has been expired or revoked.");
}

#[tokio::test]
async fn a_client_gets_its_own_token_only_with_its_secret() {
    let server = OAuthServer::start(OAuthSettings::default()).await;
    let (status, answer) = token(&server, &[("grant_type", "client_credentials"), ("scope", "mail/.default")]).await;
    assert_eq!((status, answer.get("refresh_token")), (200, None));
    let live = server.handle().live(answer["access_token"].as_str().unwrap()).unwrap();
    assert_eq!((live.user, live.scope.as_str()), (None, "mail/.default"));
    let (status, _, body) = http("POST", &server.token_url(), &[("grant_type", "client_credentials")]).await;
    assert!(status == 401 && body.contains("invalid_client"));
    let secrets = [("client_id", "mailtrail-client"), ("client_secret", "wrong"), ("token", "x")];
    assert_eq!(http("POST", &server.introspect_url(), &secrets).await.0, 401);
}

#[tokio::test]
async fn token_requests_fail_as_told_and_are_counted() {
    let server = OAuthServer::start(OAuthSettings::default()).await;
    let grant = server.grant(ANNA);
    server.fail_next(1, Failure::TooManyRequests(Some(7)));
    server.fail_next(1, Failure::Unavailable(None));
    server.fail_next(1, Failure::InvalidGrant);
    server.fail_next(1, Failure::InvalidClient);
    server.fail_next(1, Failure::Error("consent_required".to_owned()));
    server.fail_next(1, Failure::MalformedJson);
    let form = [("grant_type", "refresh_token"), ("refresh_token", grant.as_str())];
    let (status, head, _) = http("POST", &server.token_url(), &form).await;
    assert!(status == 429 && head.contains("retry-after: 7"), "{head}");
    for (status, error) in [(503, "temporarily_unavailable"), (400, "invalid_grant"), (401, "invalid_client")] {
        assert_eq!(refresh(&server, &grant).await, (status, refresh_error(error)), "{error}");
    }
    assert_eq!(refresh(&server, &grant).await.1["error"], "consent_required");
    assert_eq!(refresh(&server, &grant).await, (200, Value::Null));
    assert_eq!(refresh(&server, &grant).await.0, 200);
    let requests = server.token_requests();
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [429, 503, 400, 401, 400, 200, 200]);
    assert!(requests.iter().all(|request| request.user.as_deref() == Some(ANNA)));
}

#[tokio::test]
async fn a_hanging_token_endpoint_lets_go_when_the_server_stops() {
    let server = OAuthServer::start(OAuthSettings::default()).await;
    server.fail_next(1, Failure::Hang);
    let url = server.token_url();
    let hanging = tokio::spawn(async move { http("POST", &url, &[("grant_type", "refresh_token")]).await.0 });
    server.wait_for_token_requests(1).await;
    assert!(!hanging.is_finished());
    drop(server);
    assert_eq!(hanging.await.unwrap(), 408);
}

fn refresh_error(error: &str) -> Value {
    let description = match error {
        "invalid_grant" => "Token has been expired or revoked.",
        "invalid_client" => "The client is not who it says it is.",
        _ => "Try again later.",
    };
    serde_json::json!({ "error": error, "error_description": description })
}
