//! Service accounts: keys that the test may have, and the statements signed with them (RFC 7523), as Google takes them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::Shared;
use super::failure::Refusal;
use crate::must;

const KEY: &str = include_str!("../../keys/service-account.pem");
const OTHER_KEY: &str = include_str!("../../keys/other.pem");

/// A service account that the token endpoint knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// `iss` of its statements.
    pub client_email: String,
    /// The number under which delegation is granted.
    pub client_id: String,
    /// The public key (RFC 8017 `RSAPublicKey`, DER) that its statements are verified with.
    pub public_key: Vec<u8>,
    /// The scopes that the domain's administrator has delegated to it.
    pub delegated: Vec<String>,
}

impl Default for ServiceAccount {
    fn default() -> Self {
        Self {
            client_email: "mailtrail@project.example".to_owned(),
            client_id: "104857600000000000001".to_owned(),
            public_key: pair(KEY).public_key().as_ref().to_vec(),
            delegated: vec!["https://mail.google.com/".to_owned()],
        }
    }
}

impl ServiceAccount {
    /// Its JSON key as the console hands it out.
    pub fn key_file(&self, token_url: &str) -> String {
        self.file(token_url, KEY)
    }

    /// The same with a key that is not its own.
    pub fn forged_key_file(&self, token_url: &str) -> String {
        self.file(token_url, OTHER_KEY)
    }

    fn file(&self, token_url: &str, key: &str) -> String {
        let fields = json!({
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "1f2e3d",
            "private_key": key,
            "client_email": self.client_email,
            "client_id": self.client_id,
            "token_uri": token_url,
        });
        fields.to_string()
    }
}

fn pair(pem: &str) -> RsaKeyPair {
    let der = must(PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()), "the test key is no PEM");
    must(RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()), "the test key is no RSA key")
}

/// Whom a statement speaks for, and for what: `sub` and `scope`.
pub(crate) fn verified(shared: &Shared, assertion: &str) -> Result<(String, String), Refusal> {
    let account = &shared.settings.service_account;
    let bad = |what: &str| Refusal::bad("invalid_grant", what);
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(|| bad("Invalid JWT."))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| bad("Invalid JWT."))?;
    let (header, claims) = (decoded(header)?, decoded(claims)?);
    if said(&header, "alg") != "RS256" {
        return Err(bad("Invalid JWT: the algorithm must be RS256."));
    }
    if said(&claims, "iss") != account.client_email {
        return Err(bad("Invalid grant: account not found"));
    }
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &account.public_key);
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| bad("Invalid JWT."))?;
    key.verify(signed.as_bytes(), &signature).map_err(|_| bad("Invalid JWT Signature."))?;
    if said(&claims, "aud") != format!("{}/token", shared.base) {
        return Err(bad("Invalid JWT: the audience is another server."));
    }
    let now = shared.now().timestamp();
    let moment = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (from, to) = (moment("iat"), moment("exp"));
    if to <= now || to - from > 3600 || from > now + 300 {
        return Err(bad("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."));
    }
    let scope = said(&claims, "scope").to_owned();
    let delegated = |word: &str| account.delegated.iter().any(|one| one == word);
    if scope.is_empty() || !scope.split_ascii_whitespace().all(delegated) {
        let what = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any \
                    of the scopes requested.";
        return Err(Refusal::unauthorized_client(what));
    }
    Ok((said(&claims, "sub").to_owned(), scope))
}

fn said<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn decoded(part: &str) -> Result<Value, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.ok_or_else(|| Refusal::bad("invalid_grant", "Invalid JWT."))
}
