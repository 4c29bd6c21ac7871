//! What clients ask over HTTP: /token, /revoke and /introspect.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::failure::{Failure, Refusal};
use super::tokens::Issued;
use super::{Shared, TokenRequest, authorize, device, service};

/// RFC 7523 section 2.1. The statement is all the proof there is.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) type Fields = BTreeMap<String, String>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/authorize", get(authorize::authorize))
        .route("/token", post(token))
        .route("/device", post(device::begin))
        .route("/{tenant}/token", post(tenant_token))
        .route("/revoke", post(revoke))
        .route("/introspect", post(introspect))
        .with_state(shared)
}

/// Microsoft's directories: AADSTS90002 where there is none of that name.
async fn tenant_token(
    Path(tenant): Path<String>,
    state: State<Arc<Shared>>,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Response {
    if tenant != state.settings.tenant {
        return Refusal::bad("invalid_request", "AADSTS90002: Tenant not found.").into_response();
    }
    token(state, headers, form).await
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, Form(form): Form<Fields>) -> Response {
    let user = shared.tokens().owner(field(&form, "refresh_token"));
    let note = |status: StatusCode, error: Option<&str>, user: Option<String>| {
        shared.note_token_request(TokenRequest {
            grant_type: field(&form, "grant_type").to_owned(),
            user,
            scope: form.get("scope").cloned(),
            status: status.as_u16(),
            error: error.map(str::to_owned),
        });
    };
    let failure = shared.take_failure();
    let outcome = match &failure {
        None => issue(&shared, &headers, &form),
        Some(Failure::MalformedJson) => {
            note(StatusCode::OK, Some("malformed"), user);
            return ([(header::CONTENT_TYPE, "application/json")], "{\"access_token\": \"cut o").into_response();
        }
        Some(Failure::Hang) => {
            note(StatusCode::REQUEST_TIMEOUT, Some("hang"), user);
            shared.stop.cancelled().await;
            return StatusCode::REQUEST_TIMEOUT.into_response();
        }
        Some(other) => Err(other.refusal().unwrap_or_else(Refusal::dead_grant)),
    };
    match outcome {
        Ok(issued) => {
            note(StatusCode::OK, None, issued.grant.user.clone());
            Json(answer(&shared, &issued)).into_response()
        }
        Err(refusal) => {
            note(refusal.status, Some(&refusal.error), user);
            refusal.into_response()
        }
    }
}

fn issue(shared: &Shared, headers: &HeaderMap, form: &Fields) -> Result<Issued, Refusal> {
    let expires_at = shared.now() + shared.settings.expires_in;
    if field(form, "grant_type") == JWT_BEARER {
        let assertion = field(form, "assertion");
        shared.tokens().note_issued(assertion);
        let (user, scope) = service::verified(shared, assertion)?;
        let mut tokens = shared.tokens();
        let grant = tokens.new_grant(Some(&user), &scope);
        let access = tokens.new_access(&grant, expires_at);
        return Ok(Issued { grant, access, refresh: None, nonce: None });
    }
    check_client(shared, headers, form)?;
    let mut tokens = shared.tokens();
    match field(form, "grant_type") {
        "authorization_code" => {
            tokens.redeem(field(form, "code"), field(form, "redirect_uri"), field(form, "code_verifier"), expires_at)
        }
        "refresh_token" => tokens.renew(field(form, "refresh_token"), &shared.settings, expires_at),
        "client_credentials" => {
            let grant = tokens.new_grant(None, field(form, "scope"));
            let access = tokens.new_access(&grant, expires_at);
            Ok(Issued { grant, access, refresh: None, nonce: None })
        }
        device::GRANT_TYPE => tokens.collect(field(form, "device_code"), &shared.settings, expires_at),
        _ => Err(Refusal::bad("unsupported_grant_type", "no grant of this server")),
    }
}

/// RFC 6749 section 5.1, with an id_token when `openid` was granted.
fn answer(shared: &Shared, issued: &Issued) -> Value {
    let mut body = json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": shared.settings.expires_in.as_secs(),
        "scope": issued.grant.scope,
    });
    let Some(fields) = body.as_object_mut() else { return body };
    if let Some(refresh) = &issued.refresh {
        fields.insert("refresh_token".to_owned(), json!(refresh));
    }
    if let Some(user) = issued.grant.user.as_ref().filter(|_| words(&issued.grant.scope, "openid")) {
        fields.insert("id_token".to_owned(), json!(id_token(shared, user, issued.nonce.as_deref())));
    }
    body
}

/// An unsecured JWT (RFC 7519 section 6): well-formed, with an empty signature.
fn id_token(shared: &Shared, user: &str, nonce: Option<&str>) -> String {
    let now = shared.now().timestamp();
    let subject: String = Sha256::digest(user).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let mut claims = json!({
        "iss": shared.base,
        "aud": shared.settings.client_id,
        "sub": subject,
        "email": user,
        "email_verified": true,
        "preferred_username": user,
        "oid": subject,
        "tid": "00000000-0000-0000-0000-00000000c0de",
        "iat": now,
        "exp": now + 3600,
    });
    if let (Some(nonce), Some(claims)) = (nonce, claims.as_object_mut()) {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.", encode(&json!({ "alg": "none", "typ": "JWT" })), encode(&claims));
    shared.tokens().note_issued(&token);
    token
}

/// RFC 7009: an unknown token is revoked too.
async fn revoke(State(shared): State<Arc<Shared>>, Form(form): Form<Fields>) -> StatusCode {
    shared.tokens().revoke(field(&form, "token"));
    StatusCode::OK
}

/// RFC 7662.
async fn introspect(State(shared): State<Arc<Shared>>, headers: HeaderMap, Form(form): Form<Fields>) -> Response {
    if let Err(refusal) = check_client(&shared, &headers, &form) {
        return refusal.into_response();
    }
    let now = shared.now();
    let body = match shared.tokens().live(field(&form, "token"), now) {
        Some(live) => json!({
            "active": true,
            "email": live.user,
            "username": live.user,
            "scope": live.scope,
            "client_id": shared.settings.client_id,
            "token_type": "Bearer",
            "exp": live.expires_at.timestamp(),
        }),
        None => json!({ "active": false }),
    };
    Json(body).into_response()
}

/// Client authentication by form fields or Basic (RFC 6749 section 2.3.1).
fn check_client(shared: &Shared, headers: &HeaderMap, form: &Fields) -> Result<(), Refusal> {
    let (id, secret) = basic(headers)
        .unwrap_or_else(|| (field(form, "client_id").to_owned(), field(form, "client_secret").to_owned()));
    let secret_fits = shared.settings.client_secret.as_ref().is_none_or(|expected| *expected == secret);
    if id == shared.settings.client_id && secret_fits { Ok(()) } else { Err(Refusal::invalid_client()) }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    // Both halves are form-encoded.
    let plain = |text: &str| {
        let joined = format!("v={text}");
        url::form_urlencoded::parse(joined.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

pub(crate) fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// Whether the scope has this word.
pub(crate) fn words(scope: &str, word: &str) -> bool {
    scope.split_ascii_whitespace().any(|part| part == word)
}
