//! Access tokens for accounts: from the database while they live, renewed when they are due.
//!
//! A renewed grant is in the database before its access token is used, because a provider may have ended the old
//! refresh token. Of many who find a token due, one renews it: within the process by a lock for each account, between
//! processes by the claim that [`standing`] makes.

mod alarms;
mod renew;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{account, grant};
use oauth2::http::Request;
use oauth2::http::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use url::form_urlencoded;
use uuid::Uuid;

use alarms::Alarms;

use super::consent::{Consented, Consents};
use super::http::Http;
use super::refresh::expiry;
use super::service::Identities;
use super::standing::{self, Claim, Claimed, Next};
use super::vault::{Place, Vault};
use crate::clock::Clock;
use crate::config::{OAuth, Provider};
use crate::seam::seam;
use crate::store::grants::State;
use crate::store::{Store, grants};
use crate::trouble::Trouble;

pub(super) const ACCESS: &str = "access_token";
pub(super) const REFRESH: &str = "refresh_token";

/// How often to look whether another process has renewed the token.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How much longer than the slowest request a process has a grant for itself: it has to write the answer too.
const TO_WRITE: Duration = Duration::from_secs(15);

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
    alarms: Alarms,
}

/// What the process remembers of an account. Held while its grant is being changed.
#[derive(Default)]
struct Slot {
    /// What was renewed and could not be stored yet. It must not be lost with a database that is away for a moment,
    /// since the refresh token before it may be dead.
    unsaved: Option<Unsaved>,
    /// Until when the provider wants to be left alone, and what it said.
    wait: Option<(DateTime<Utc>, Trouble)>,
}

/// A renewed grant, and the refresh token that it was bought with.
struct Unsaved {
    next: grant::Model,
    spent: SecretString,
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
        let (slots, alarms) = (Mutex::default(), Alarms::default());
        Self(Arc::new(Inner { store, vault, config, http, clock, service, slots, alarms }))
    }

    /// Asks people for what is kept here.
    pub fn consents(&self) -> Consents {
        Consents::new(self.0.config.clone(), self.0.http.clone(), self.0.clock.clone())
    }

    /// What seals it.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
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
            grants::without_access(&self.0.store, &grant).await.map_err(Trouble::from)?;
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
        self.put(account, token, None, source).await
    }

    /// Keeps what a person has just consented to, in place of whatever there was.
    pub async fn put_consent(&self, account: Uuid, consent: &Consented) -> Result<(), Trouble> {
        self.put(account, &consent.refresh_token, Some(consent), Source::Consent).await.map(|_| ())
    }

    async fn put(
        &self,
        account: Uuid,
        token: &SecretString,
        consent: Option<&Consented>,
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
        let now = self.0.clock.now();
        let (vault, place) = (&self.0.vault, |field| Place::of_account(account, field));
        let access = consent.map(|consent| vault.seal_text(place(ACCESS), &consent.access_token)).transpose()?;
        let grant = grant::Model {
            account_id: account,
            // Not 1: a refresh that began before the account was disconnected must not meet its own version again.
            version: now.timestamp_micros(),
            key_id: vault.key_id(),
            refresh_token: vault.seal_text(place(REFRESH), token)?,
            access_token: access,
            access_expires_at: consent.map(|consent| expiry(now, consent.expires_in)),
            scope: consent.and_then(|consent| consent.scope.clone()),
            source: Some(mark),
            declared_mark,
            updated_at: now,
            state: State::Fresh.as_str().to_owned(),
            reason: None,
            state_at: Some(now),
            claimed_until: None,
            subject: consent.and_then(|consent| consent.subject.clone()),
        };
        grants::replace(&self.0.store, grant).await.map_err(Trouble::from)?;
        *held = Slot::default();
        Ok(true)
    }

    /// Forgets the consent, and revokes it where the provider has a place for that. Says whether it did the latter;
    /// where not, the person can withdraw it in the settings of the provider. `reason` is what is said of the account.
    pub async fn disconnect(&self, account: &account::Model, reason: &str) -> Result<bool, Trouble> {
        let mut held = self.0.hold(account.id).await;
        let now = self.0.clock.now();
        loop {
            // What was renewed last is what is to be revoked.
            self.0.save(&mut held).await?;
            let Some(grant) = self.0.grant(account.id).await? else { return Ok(false) };
            let revoked = standing::revoked(grant.clone(), reason.to_owned(), now);
            if grants::swap(&self.0.store, &revoked).await.map_err(Trouble::from)? {
                self.0.store.forget().await.map_err(Trouble::from)?;
                *held = Slot::default();
                return Ok(!grant.refresh_token.is_empty() && self.0.revoke(account, &grant).await);
            }
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
        let patience = Instant::now() + self.claim_length() * 2;
        while Instant::now() < patience {
            let Some(grant) = self.grant(account.id).await? else { return Err(no_consent(account)) };
            let length = TimeDelta::from_std(self.claim_length()).unwrap_or(OF_USE);
            match standing::next(grant, self.clock.now(), length) {
                Next::Use(grant) => return self.present(&grant)?.ok_or_else(|| no_consent(account)),
                Next::Stop(trouble) => return Err(trouble),
                Next::Wait(grant) => match self.present(&grant)?.filter(|_| self.is_of_use(&grant)) {
                    Some(token) => return Ok(token),
                    None => tokio::time::sleep(self.clock.jittered(LOOK_AGAIN)).await,
                },
                Next::Claim(claim) => {
                    if let Some(trouble) = self.unwelcome(&held).or_else(|| self.alarm(account)) {
                        return self.old_one(claim.row(), trouble);
                    }
                    if let Some(claimed) = self.claim(claim).await?
                        && let Some(end) = self.renew_claimed(&mut held, account, claimed).await?
                    {
                        return end;
                    }
                }
            }
        }
        Err(Trouble::retry("other processes keep renewing the token of this account"))
    }

    fn claim_length(&self) -> Duration {
        self.http.timeout() + TO_WRITE
    }

    /// `None` if another process was faster.
    async fn claim(&self, claim: Claim) -> Result<Option<Claimed>, Trouble> {
        let won = grants::step(&self.store, claim.row()).await.map_err(Trouble::from)?;
        seam("token.claimed")?;
        Ok(won.then(|| claim.won()))
    }

    /// Renews what this process has claimed; `None` if another has changed the grant meanwhile, so that it must be read
    /// again: then neither a token nor a refusal says anything.
    async fn renew_claimed(
        &self,
        held: &mut Held,
        account: &account::Model,
        claimed: Claimed,
    ) -> Result<Option<Result<SecretString, Trouble>>, Trouble> {
        let renewed = self.renew(account, claimed.row()).await;
        crate::metrics::refreshed(&account.provider, renewed.as_ref().err());
        match renewed {
            Ok(renewed) => {
                self.all_clear(account);
                seam("token.answered")?;
                let next = claimed.renewed(renewed.grant, self.clock.now());
                held.unsaved = Some(Unsaved { next, spent: renewed.spent });
                Ok(self.save(held).await?.then_some(Ok(renewed.access)))
            }
            Err(trouble) => {
                let before = claimed.row().clone();
                let failed = claimed.failed(&trouble, self.clock.now());
                if !grants::step(&self.store, &failed).await.map_err(Trouble::from)? {
                    return Ok(None);
                }
                self.raise(account, &trouble);
                held.wait = self.wish(&trouble);
                Ok(Some(self.old_one(&before, trouble)))
            }
        }
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
        match (&trouble, self.present(grant)?) {
            (Trouble::Retry { .. }, Some(token)) if self.is_of_use(grant) => Ok(token),
            _ => Err(trouble),
        }
    }

    fn is_of_use(&self, grant: &grant::Model) -> bool {
        grant.access_expires_at.is_some_and(|end| self.clock.now() + OF_USE < end)
    }

    /// Stores what was renewed. `false` if another process has renewed it too, or a person has consented anew, since.
    /// Whoever has merely claimed it since has to yield: the refresh token in the database is spent.
    async fn save(&self, slot: &mut Slot) -> Result<bool, Trouble> {
        while let Some(unsaved) = slot.unsaved.as_mut() {
            if grants::swap(&self.store, &unsaved.next).await.map_err(Trouble::from)? {
                slot.unsaved = None;
                seam("token.saved")?;
                return Ok(true);
            }
            let now = self.grant(unsaved.next.account_id).await?;
            let next = now.and_then(|now| {
                let is_spent = self.holds(&now, &unsaved.spent);
                standing::rebased(unsaved.next.clone(), &now, is_spent)
            });
            match next {
                Some(next) => unsaved.next = next,
                None => slot.unsaved = None,
            }
        }
        Ok(false)
    }

    /// Whether that is the refresh token of the grant.
    fn holds(&self, grant: &grant::Model, token: &SecretString) -> bool {
        let place = Place::of_account(grant.account_id, REFRESH);
        let held = self.vault.open_text(place, &grant.refresh_token);
        held.is_ok_and(|held| held.expose_secret() == token.expose_secret())
    }

    async fn grant(&self, account: Uuid) -> Result<Option<grant::Model>, Trouble> {
        grants::find(&self.store.db, account).await.map_err(Trouble::from)
    }

    fn present(&self, grant: &grant::Model) -> Result<Option<SecretString>, Trouble> {
        let place = Place::of_account(grant.account_id, ACCESS);
        grant.access_token.as_ref().map(|sealed| self.vault.open_text(place, sealed)).transpose()
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
    let usual = format!("nobody has consented yet: `mailtrail connect {}`", account.address);
    Trouble::NeedsReauth { reason: said.unwrap_or(usual) }
}

#[cfg(test)]
mod tests;
