//! Whose consent it is: the identity token (OpenID Connect Core 1.0 section 3.1.3.7). Pure.
//!
//! It comes from the token endpoint itself over TLS, which stands in for its signature (number 6 of that section).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Refused;
use crate::config::{OAuthApp, Provider};
use crate::mail::address::Address;
use crate::oauth::provider;

/// How far clocks may be apart.
const LEEWAY: TimeDelta = TimeDelta::minutes(5);

/// What the token must say.
pub struct Wanted<'a> {
    /// The provider.
    pub provider: Provider,
    /// Our registration with it.
    pub app: &'a OAuthApp,
    /// Who has to sign in.
    pub address: &'a str,
    /// What the request held, where it held one.
    pub nonce: Option<&'a str>,
    /// The present.
    pub now: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Claims {
    aud: OneOrMany,
    exp: i64,
    sub: String,
    #[serde(default)]
    iss: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

/// Whom identity tokens of a provider are from.
pub struct Issuer(&'static str);

impl Issuer {
    /// Whether that is the issuer. Microsoft's names the directory, which only the token itself knows.
    pub fn fits(&self, iss: &str, tid: Option<&str>) -> bool {
        match (self.0.split_once("{tid}"), tid) {
            (None, _) => iss == self.0,
            (Some(_), Some(tid)) => iss == self.0.replace("{tid}", tid),
            (Some((before, after)), None) => iss.starts_with(before) && iss.ends_with(after),
        }
    }
}

/// The issuer, where it is known: with other URLs than the provider's own it is somebody else.
pub fn issuer(provider: Provider, app: &OAuthApp) -> Option<Issuer> {
    let row = provider::of(provider);
    (app.token_url == row.token_url && !row.issuer.is_empty()).then_some(Issuer(row.issuer))
}

/// Checks the token; returns the name that the provider has for the person for good.
pub fn check(wanted: &Wanted<'_>, token: Option<&str>) -> Result<String, Refused> {
    let token = token.ok_or(Refused::NoIdentity { why: "no identity token" })?;
    let claims = claims(token).ok_or(Refused::NoIdentity { why: "the identity token cannot be read" })?;
    if !claims.aud.has(&wanted.app.client_id) {
        return Err(Refused::NoIdentity { why: "it was made for another client" });
    }
    if DateTime::from_timestamp(claims.exp, 0).is_none_or(|end| wanted.now > end + LEEWAY) {
        return Err(Refused::NoIdentity { why: "the identity token has ended; is this machine's clock right?" });
    }
    if wanted.nonce.is_some() && claims.nonce.as_deref() != wanted.nonce {
        return Err(Refused::Forged);
    }
    let said = |name: &str| claims.other.get(name).and_then(Value::as_str);
    if issuer(wanted.provider, wanted.app).is_some_and(|issuer| !issuer.fits(&claims.iss, said("tid"))) {
        return Err(Refused::NoIdentity { why: "somebody else issued it" });
    }
    address(wanted, &claims)?;
    // Microsoft's `sub` differs from application to application; `tid` and `oid` do not.
    Ok(match (said("tid"), said("oid")) {
        (Some(tid), Some(oid)) => format!("{tid}/{oid}"),
        _ => claims.sub,
    })
}

fn address(wanted: &Wanted<'_>, claims: &Claims) -> Result<(), Refused> {
    let claim = |name: &&str| claims.other.get(*name).and_then(Value::as_str);
    let said: Vec<&str> = provider::of(wanted.provider).address_claims.iter().filter_map(claim).collect();
    let folded = |text: &str| Address::parse(text).map(|address| address.folded().to_owned());
    let ours = folded(wanted.address);
    match said.iter().find(|text| ours.is_some() && folded(text) == ours) {
        Some(got) if is_unverified(claims, got) => Err(Refused::Unverified { got: (*got).to_owned() }),
        Some(_) => Ok(()),
        None => Err(match said.first() {
            Some(got) => {
                Refused::WrongPerson { wanted: wanted.address.to_owned(), got: got.chars().take(254).collect() }
            }
            None => Refused::NoIdentity { why: "it names no address" },
        }),
    }
}

/// Whether the provider says itself that anybody may have typed the address.
fn is_unverified(claims: &Claims, got: &str) -> bool {
    let is_email = claims.other.get("email").and_then(Value::as_str) == Some(got);
    is_email && matches!(claims.other.get("email_verified"), Some(Value::Bool(false)))
}

fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests;
