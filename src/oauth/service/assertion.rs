//! Google's domain-wide delegation: a signed statement (RFC 7523) that the service account speaks for a mailbox.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::json;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::Question;
use super::key_file::KeyFile;
use crate::config::OAuthApp;
use crate::oauth::provider::GOOGLE;
use crate::trouble::Trouble;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Seconds that a statement holds: the longest that Google takes.
const LIFE: i64 = 3_600;

pub(super) fn question(app: &OAuthApp, mailbox: &str, now: DateTime<Utc>) -> Result<Question, Trouble> {
    let key = KeyFile::of(app)?;
    // The file says where its key is taken, unless the configuration was told another place.
    let is_usual = app.token_url == GOOGLE.token_url && !key.token_uri.is_empty();
    let url = if is_usual { key.token_uri.clone() } else { app.with_tenant(&app.token_url) };
    let assertion = signed(app, &key, &url, mailbox, now)?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", GRANT_TYPE)
        .append_pair("assertion", &assertion)
        .finish();
    Ok(Question { url, form: Zeroizing::new(form) })
}

/// A JWT (RFC 7519) signed with RS256 (RFC 7518 section 3.3).
fn signed(
    app: &OAuthApp,
    key: &KeyFile,
    audience: &str,
    mailbox: &str,
    now: DateTime<Utc>,
) -> Result<Zeroizing<String>, Trouble> {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.private_key_id });
    let claims = json!({
        "iss": key.client_email,
        "sub": mailbox,
        "scope": app.service_scope,
        "aud": audience,
        "iat": now.timestamp(),
        "exp": now.timestamp() + LIFE,
    });
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut jwt = Zeroizing::new(format!("{}.{}", encode(&header), encode(&claims)));
    let pair = key.signer(app)?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), jwt.as_bytes(), &mut signature)
        .map_err(|_| Trouble::retry("the statement of the service account could not be signed"))?;
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
    Ok(jwt)
}
