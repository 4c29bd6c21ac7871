//! Access tokens for accounts: from the database while they live, renewed when they are due.
//!
//! A renewed grant is in the database before its access token is used, because a provider may have ended the old
//! refresh token. Of many who find a token due, one renews it: within the process by a lock for each account, between
//! processes by the version of the row.

mod renew;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{account, grant};
use oauth2::http::Request;
use oauth2::http::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use url::form_urlencoded;
use uuid::Uuid;

use super::http::Http;
use super::refresh::due;
use super::service::Identities;
use super::vault::{Place, Vault};
use crate::clock::Clock;
use crate::config::{OAuth, Provider};
use crate::store::{Store, grants};
use crate::trouble::Trouble;

pub(super) const ACCESS: &str = "access_token";
pub(super) const REFRESH: &str = "refresh_token";

/// How often to renew anew because another process was faster.
const RACES: usize = 3;

/// A token that lives at least this long is still of use while it cannot be renewed.
pub(super) const OF_USE: TimeDelta = TimeDelta::seconds(60);

/// The tokens of all accounts. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Arc<Vault>,
    config: OAuth,
    http: Http,
    clock: Clock,
    service: Identities,
    slots: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// What the process remembers of an account. Held while its grant is being changed.
#[derive(Default)]
struct Slot {
    /// What was renewed and could not be stored yet. It must not be lost with a database that is away for a moment,
    /// since the refresh token before it may be dead.
    unsaved: Option<grant::Model>,
    /// Until when the provider wants to be left alone, and what it said.
    wait: Option<(DateTime<Utc>, Trouble)>,
}

type Held = OwnedMutexGuard<Slot>;

/// Where a refresh token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person has just consented: it replaces what there is.
    Consent,
    /// A setting or a file. It is taken once: the tokens that grew out of it are not undone by the next start.
    Declared,
}

impl Source {
    fn mark(self, token: &SecretString) -> String {
        match self {
            Self::Consent => "consent".to_owned(),
            Self::Declared => {
                let digest = Sha256::digest(token.expose_secret().as_bytes());
                digest.iter().take(8).fold("declared:".to_owned(), |mark, byte| format!("{mark}{byte:02x}"))
            }
        }
    }
}

impl Tokens {
    /// Tokens kept in `store`, sealed by `vault`, renewed through `http`.
    pub fn new(store: Store, vault: Arc<Vault>, config: OAuth, http: Http, clock: Clock) -> Self {
        let service = Identities::new(config.clone(), http.clone(), clock.clone());
        Self(Arc::new(Inner { service, store, vault, config, http, clock, slots: Mutex::default() }))
    }

    /// An access token that is worth a login.
    pub async fn access(&self, account: &account::Model) -> Result<SecretString, Trouble> {
        if account.auth == "service" {
            return self.0.service.access(account).await;
        }
        let held = self.0.hold(account.id).await;
        let (inner, account) = (Arc::clone(&self.0), account.clone());
        // In a task of its own: whoever asked may be gone before a rotated token is stored, and the token with him.
        let task = tokio::spawn(async move { inner.access(held, &account).await });
        task.await.unwrap_or_else(|_| Err(Trouble::retry("renewing the token failed unexpectedly")))
    }

    /// The mail server refused `token`: the next [`Self::access`] renews it.
    pub async fn refused(&self, account: &account::Model, token: &SecretString) -> Result<(), Trouble> {
        if account.auth == "service" {
            self.0.service.refused(account, token).await;
            return Ok(());
        }
        let mut held = self.0.hold(account.id).await;
        self.0.save(&mut held).await?;
        let Some(grant) = self.0.grant(account.id).await? else { return Ok(()) };
        // Another session of the account may have renewed it meanwhile.
        if self.0.present(&grant)?.is_some_and(|present| present.expose_secret() == token.expose_secret()) {
            let next = grant::Model { version: grant.version + 1, access_token: None, ..grant };
            grants::swap(&self.0.store, &next).await.map_err(Trouble::from)?;
        }
        Ok(())
    }

    /// Keeps a refresh token. Says whether it did: a declared one that was taken before is not taken again.
    pub async fn put_refresh_token(
        &self,
        account: Uuid,
        token: &SecretString,
        source: Source,
    ) -> Result<bool, Trouble> {
        let mut held = self.0.hold(account).await;
        let mark = source.mark(token);
        let taken = self.0.grant(account).await?.and_then(|grant| grant.declared_mark);
        let declared_mark = match source {
            Source::Declared if taken.as_deref() == Some(&mark) => return Ok(false),
            Source::Declared => Some(mark.clone()),
            Source::Consent => taken,
        };
        let grant = grant::Model {
            account_id: account,
            // Not 1: a refresh that began before the account was disconnected must not meet its own version again.
            version: self.0.clock.now().timestamp_micros(),
            key_id: self.0.vault.key_id(),
            refresh_token: self.0.vault.seal_text(Place::of_account(account, REFRESH), token)?,
            access_token: None,
            access_expires_at: None,
            scope: None,
            source: Some(mark),
            declared_mark,
            updated_at: self.0.clock.now(),
        };
        grants::replace(&self.0.store, grant).await.map_err(Trouble::from)?;
        *held = Slot::default();
        Ok(true)
    }

    /// Forgets the consent, and revokes it where the provider has a place for that. Says whether it did the latter;
    /// where not, the person can withdraw it in the settings of the provider.
    pub async fn disconnect(&self, account: &account::Model) -> Result<bool, Trouble> {
        let mut held = self.0.hold(account.id).await;
        let grant = self.0.grant(account.id).await?;
        *held = Slot::default();
        grants::remove(&self.0.store, account.id).await.map_err(Trouble::from)?;
        match grant {
            Some(grant) => Ok(self.0.revoke(account, &grant).await),
            None => Ok(false),
        }
    }
}

impl Inner {
    async fn hold(&self, account: Uuid) -> Held {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(account).or_default())
        };
        slot.lock_owned().await
    }

    async fn access(&self, mut held: Held, account: &account::Model) -> Result<SecretString, Trouble> {
        self.save(&mut held).await?;
        for _ in 0..RACES {
            let Some(grant) = self.grant(account.id).await? else { return Err(no_consent(account)) };
            if let Some(token) = self.present(&grant)?.filter(|_| !self.is_due(&grant)) {
                return Ok(token);
            }
            if let Some(trouble) = self.unwelcome(&held) {
                return self.old_one(&grant, trouble);
            }
            match self.renew(account, &grant).await {
                Ok((renewed, token)) => {
                    held.unsaved = Some(renewed);
                    if self.save(&mut held).await? {
                        return Ok(token);
                    }
                }
                Err(Trouble::NeedsReauth { .. }) if self.has_moved_on(&grant).await? => {}
                Err(trouble) => {
                    held.wait = self.wish(&trouble);
                    return self.old_one(&grant, trouble);
                }
            }
        }
        Err(Trouble::retry("other processes keep renewing the token of this account"))
    }

    fn wish(&self, trouble: &Trouble) -> Option<(DateTime<Utc>, Trouble)> {
        let Trouble::Retry { after: Some(after), .. } = trouble else { return None };
        Some((self.clock.now() + *after, trouble.clone()))
    }

    /// What the provider said when it asked to be left alone, while that lasts.
    fn unwelcome(&self, slot: &Slot) -> Option<Trouble> {
        let (until, Trouble::Retry { reason, .. }) = slot.wait.as_ref()? else { return None };
        let left = (*until - self.clock.now()).to_std().ok().filter(|left| !left.is_zero())?;
        Some(Trouble::Retry { after: Some(left), reason: reason.clone() })
    }

    /// While a token cannot be renewed for a passing reason, the old one will do as long as it lives.
    fn old_one(&self, grant: &grant::Model, trouble: Trouble) -> Result<SecretString, Trouble> {
        let alive = grant.access_expires_at.is_some_and(|end| self.clock.now() + OF_USE < end);
        match (&trouble, self.present(grant)?) {
            (Trouble::Retry { .. }, Some(token)) if alive => Ok(token),
            _ => Err(trouble),
        }
    }

    /// Stores what was renewed. `false` if another process has stored something else since.
    async fn save(&self, slot: &mut Slot) -> Result<bool, Trouble> {
        let Some(grant) = slot.unsaved.as_ref() else { return Ok(false) };
        let won = grants::swap(&self.store, grant).await.map_err(Trouble::from)?;
        slot.unsaved = None;
        Ok(won)
    }

    async fn grant(&self, account: Uuid) -> Result<Option<grant::Model>, Trouble> {
        grants::find(&self.store.db, account).await.map_err(Trouble::from)
    }

    /// Whether another process has changed the grant: then a refusal of its old refresh token says nothing.
    async fn has_moved_on(&self, grant: &grant::Model) -> Result<bool, Trouble> {
        Ok(self.grant(grant.account_id).await?.is_some_and(|now| now.version != grant.version))
    }

    fn present(&self, grant: &grant::Model) -> Result<Option<SecretString>, Trouble> {
        let place = Place::of_account(grant.account_id, ACCESS);
        grant.access_token.as_ref().map(|sealed| self.vault.open_text(place, sealed)).transpose()
    }

    fn is_due(&self, grant: &grant::Model) -> bool {
        grant.access_expires_at.is_none_or(|end| due(grant.updated_at, end, self.clock.now()))
    }

    /// Best effort (RFC 7009): the consent is forgotten here in any case.
    async fn revoke(&self, account: &account::Model, grant: &grant::Model) -> bool {
        let Some(app) = Provider::named(&account.provider).and_then(|provider| self.config.app(provider)) else {
            return false;
        };
        let url = app.with_tenant(&app.revoke_url);
        let place = Place::of_account(grant.account_id, REFRESH);
        let Ok(token) = self.vault.open_text(place, &grant.refresh_token) else { return false };
        if url.is_empty() {
            return false;
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token.expose_secret())
            .append_pair("token_type_hint", REFRESH)
            .append_pair("client_id", &app.client_id)
            .finish();
        let request = Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let Ok(request) = request.body(form.into_bytes()) else { return false };
        self.http.send(request).await.is_ok_and(|answer| answer.status().is_success())
    }
}

fn no_consent(account: &account::Model) -> Trouble {
    // Whoever took the grant away has said why.
    let said = account.reason.clone().filter(|_| account.state == "needs-reauth");
    let usual = "the account has no OAuth grant: repeat `mailtrail account add` for it with --refresh-token-file FILE";
    Trouble::NeedsReauth { reason: said.unwrap_or_else(|| usual.to_owned()) }
}

#[cfg(test)]
mod tests;
