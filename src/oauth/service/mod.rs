//! Access without a person's consent, for mailboxes that belong to nobody: Google's domain-wide delegation (RFC 7523) and
//! the client credentials of an application (RFC 6749 section 4.4).
//!
//! There is nothing to keep: a token is asked for anew whenever one is due, and lives in the memory of the process only.

mod assertion;
mod credentials;
mod fault;
pub mod key_file;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::account;
use oauth2::http::Request;
use oauth2::http::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::http::Http;
use super::provider::{self, Service};
use super::refresh::{Refusal, due, expiry};
use crate::clock::Clock;
use crate::config::{OAuth, OAuthApp, Provider, Secret};
use crate::trouble::Trouble;

pub use fault::no_access;

/// The tokens of all accounts that log in by a service identity.
pub(super) struct Identities {
    config: OAuth,
    http: Http,
    clock: Clock,
    slots: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// What the process remembers of an account. Held while a token is asked for: one question at a time.
#[derive(Default)]
struct Slot {
    token: Option<Token>,
    /// Until when the provider wants to be left alone, and what it said.
    wait: Option<(DateTime<Utc>, Trouble)>,
}

struct Token {
    access: SecretString,
    obtained: DateTime<Utc>,
    expires: DateTime<Utc>,
}

/// What a token endpoint is to be sent.
struct Question {
    url: String,
    form: Zeroizing<String>,
}

/// An answer (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    expires_in: Option<u64>,
}

impl Identities {
    pub(super) fn new(config: OAuth, http: Http, clock: Clock) -> Self {
        Self { config, http, clock, slots: Mutex::default() }
    }

    /// An access token that is worth a login.
    pub(super) async fn access(&self, account: &account::Model) -> Result<SecretString, Trouble> {
        let slot = self.slot(account.id);
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        if let Some(token) = slot.token.as_ref().filter(|token| !due(token.obtained, token.expires, now, 0.0)) {
            return Ok(token.access.clone());
        }
        let outcome = match unwelcome(&slot, now) {
            Some(trouble) => Err(trouble),
            None => {
                let asked = self.ask(account).await;
                crate::metrics::refreshed(&account.provider, asked.as_ref().err());
                asked
            }
        };
        match outcome {
            Ok(token) => {
                let access = token.access.clone();
                *slot = Slot { token: Some(token), wait: None };
                Ok(access)
            }
            Err(trouble) => {
                if let Trouble::Retry { after: Some(after), .. } = &trouble {
                    slot.wait = Some((now + *after, trouble.clone()));
                }
                // For a passing reason the old one will do as long as it lives.
                let old = slot.token.as_ref().filter(|token| now + super::tokens::OF_USE < token.expires);
                match (&trouble, old) {
                    (Trouble::Retry { .. }, Some(token)) => Ok(token.access.clone()),
                    _ => Err(trouble),
                }
            }
        }
    }

    /// The mail server refused `token`: the next [`Self::access`] asks for another.
    pub(super) async fn refused(&self, account: &account::Model, token: &SecretString) {
        let slot = self.slot(account.id);
        let mut slot = slot.lock().await;
        if slot.token.as_ref().is_some_and(|kept| kept.access.expose_secret() == token.expose_secret()) {
            slot.token = None;
        }
    }

    fn slot(&self, account: Uuid) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(account).or_default())
    }

    async fn ask(&self, account: &account::Model) -> Result<Token, Trouble> {
        let provider = Provider::named(&account.provider);
        let app = provider.and_then(|provider| Some((provider, self.config.app(provider)?)));
        let (provider, app) = app.ok_or_else(no_service)?;
        let now = self.clock.now();
        let question = question(provider, app, account, now)?;
        let request = Request::post(question.url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(question.form.as_bytes().to_vec()).map_err(|_| no_url(provider))?;
        let answer = self.http.send(request).await.map_err(|error| error.trouble())?;
        if !answer.status().is_success() {
            let refusal = serde_json::from_slice::<Refusal>(answer.body()).map_err(|_| no_answer(provider))?;
            let wish = self.http.retry_after(answer.headers());
            return Err(fault::of(provider, app, &refusal, wish));
        }
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_| no_answer(provider))?;
        let life = answer.expires_in.map(std::time::Duration::from_secs);
        Ok(Token { access: answer.access_token.to_secret_string(), obtained: now, expires: expiry(now, life) })
    }
}

/// What a registration lacks for service identities, before anybody is asked.
pub fn lacks(provider: Provider, app: &OAuthApp) -> Result<(), Trouble> {
    match provider::service(provider) {
        Service::Assertion => key_file::KeyFile::of(app).map(|_| ()),
        Service::Credentials => credentials::check(provider, app),
    }
}

fn question(
    provider: Provider,
    app: &OAuthApp,
    account: &account::Model,
    now: DateTime<Utc>,
) -> Result<Question, Trouble> {
    match provider::service(provider) {
        Service::Assertion => {
            let mailbox = account.imap_user.as_deref().unwrap_or(&account.address);
            assertion::question(app, mailbox, now)
        }
        Service::Credentials => credentials::question(provider, app),
    }
}

/// What the provider said when it asked to be left alone, while that lasts.
fn unwelcome(slot: &Slot, now: DateTime<Utc>) -> Option<Trouble> {
    let (until, Trouble::Retry { reason, .. }) = slot.wait.as_ref()? else { return None };
    let left = (*until - now).to_std().ok().filter(|left| !left.is_zero())?;
    Some(Trouble::Retry { after: Some(left), reason: reason.clone() })
}

fn no_service() -> Trouble {
    Trouble::operator(
        "the account logs in by a service identity, but nothing says where its server takes tokens from: set \
         oauth.imap.token_url, or add the account with --auth password",
    )
}

fn no_url(provider: Provider) -> Trouble {
    Trouble::operator(format!("oauth.{}.token_url is no URL", provider.as_str()))
}

fn no_answer(provider: Provider) -> Trouble {
    let provider = provider.as_str();
    Trouble::retry(format!(
        "the token endpoint of {provider} gave no OAuth answer: something between us and it may have answered instead; \
         check oauth.{provider}.token_url if this stays"
    ))
}

#[cfg(test)]
mod tests;
