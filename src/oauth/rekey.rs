//! Every sealed value of the database, sealed anew with the first key: then the older keys can go.

use entity::{grant, webhook};

use super::vault::{Place, Vault};
use super::{hash_key, standing};
use crate::clock::Clock;
use crate::store::{Store, consents, grants, settings, webhooks};
use crate::trouble::Trouble;

use super::tokens::{ACCESS, REFRESH};

/// How often to look again at a row that others keep changing.
const TRIES: usize = 20;

/// What became of the sealed values: a grant counts once, and so does a setting.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// Sealed anew.
    pub sealed: usize,
    /// Sealed with the first key before.
    pub current: usize,
    /// What could not be opened, and why.
    pub failed: Vec<(String, Trouble)>,
}

enum Done {
    Sealed,
    Current,
    Gone,
}

/// Seals what another key sealed. Safe beside a service that renews tokens: a grant keeps its version, so that a renewal
/// under way, whose refresh token may be the only one alive, is stored all the same; and one that was stored meanwhile is
/// not undone.
pub async fn rekey(store: &Store, vault: &Vault) -> Result<Rekeyed, Trouble> {
    let mut rekeyed = Rekeyed::default();
    for setting in settings::all(store).await.map_err(Trouble::from)? {
        let done = reseal_setting(store, vault, &setting.name, setting.value).await;
        rekeyed.note(format!("the setting {}", setting.name), done)?;
    }
    // Whoever is at the provider right now begins again by the same link.
    consents::forget_attempts(store).await.map_err(Trouble::from)?;
    for webhook in sealed_webhooks(store).await? {
        let (name, done) = (name(&webhook), reseal_webhook(store, vault, webhook).await);
        rekeyed.note(name, done)?;
    }
    for account in grants::accounts(store).await.map_err(Trouble::from)? {
        let done = reseal_grant(store, vault, &account).await;
        rekeyed.note(account.address, done)?;
    }
    Ok(rekeyed)
}

/// Forgets what nobody can open any more, because its key is lost: the hash key is made anew, and accounts need their
/// consents again. How many.
pub async fn forget_lost(store: &Store, vault: &Vault, clock: &Clock) -> Result<usize, Trouble> {
    let mut forgotten = 0;
    for setting in settings::all(store).await.map_err(Trouble::from)? {
        if vault.open(Place::of_installation(&setting.name), &setting.value).is_err() {
            hash_key::renew(store, vault, setting.value).await?;
            forgotten += 1;
        }
    }
    for webhook in sealed_webhooks(store).await? {
        if vault.open(Place::of_webhook(webhook.id), &webhook.secret).is_err() {
            let reason = "the key of its secret is lost: remove it, and add it again";
            webhooks::disable(store, webhook.id, reason).await.map_err(Trouble::from)?;
            let erased = webhooks::reseal(store, webhook.id, webhook.secret, Vec::new()).await;
            forgotten += usize::from(erased.map_err(Trouble::from)?);
        }
    }
    for account in grants::accounts(store).await.map_err(Trouble::from)? {
        let Some(grant) = grants::find(&store.db, account.id).await.map_err(Trouble::from)? else { continue };
        if anew(vault, grant.clone()).is_err() {
            let reason = format!("the key of its tokens is lost: `mailtrail connect {}`", account.address);
            let revoked = standing::revoked(grant, reason, clock.now());
            forgotten += usize::from(grants::swap(store, &revoked).await.map_err(Trouble::from)?);
        }
    }
    Ok(forgotten)
}

/// What [`rekey`] would do, without doing it: as `sealed`, what only an older key opens.
pub async fn examine(store: &Store, vault: &Vault) -> Result<Rekeyed, Trouble> {
    let mut seen = Rekeyed::default();
    let which =
        |opened: Result<(), Trouble>, current| opened.map(|()| if current { Done::Current } else { Done::Sealed });
    for setting in settings::all(store).await.map_err(Trouble::from)? {
        let opened = vault.open(Place::of_installation(&setting.name), &setting.value).map(|_| ());
        seen.note(format!("the setting {}", setting.name), which(opened, vault.is_current(&setting.value)))?;
    }
    for webhook in sealed_webhooks(store).await? {
        let opened = vault.open(Place::of_webhook(webhook.id), &webhook.secret).map(|_| ());
        seen.note(name(&webhook), which(opened, vault.is_current(&webhook.secret)))?;
    }
    for account in grants::accounts(store).await.map_err(Trouble::from)? {
        let Some(grant) = grants::find(&store.db, account.id).await.map_err(Trouble::from)? else { continue };
        let opened = anew(vault, grant.clone()).map(|_| ());
        seen.note(account.address, which(opened, is_current(vault, &grant)))?;
    }
    Ok(seen)
}

fn is_current(vault: &Vault, grant: &grant::Model) -> bool {
    let mut sealed = std::iter::once(&grant.refresh_token).chain(&grant.access_token);
    grant.key_id == vault.key_id() && sealed.all(|sealed| vault.is_current(sealed))
}

impl Rekeyed {
    /// A value that does not open leaves the others to be done; a database that is away does not.
    fn note(&mut self, what: String, done: Result<Done, Trouble>) -> Result<(), Trouble> {
        match done {
            Ok(Done::Sealed) => self.sealed += 1,
            Ok(Done::Current) => self.current += 1,
            Ok(Done::Gone) => {}
            Err(trouble @ Trouble::Operator { .. }) => self.failed.push((what, trouble)),
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }
}

async fn reseal_setting(store: &Store, vault: &Vault, name: &str, sealed: Vec<u8>) -> Result<Done, Trouble> {
    if vault.is_current(&sealed) {
        return Ok(Done::Current);
    }
    let place = Place::of_installation(name);
    let clear = vault.open(place, &sealed)?;
    let anew = vault.seal(place, secrecy::ExposeSecret::expose_secret(&clear))?;
    // Settings are made once: whoever has changed it is another rekey.
    let changed = settings::replace(store, name, sealed, anew).await.map_err(Trouble::from)?;
    Ok(if changed { Done::Sealed } else { Done::Current })
}

/// Webhooks whose secret is there.
async fn sealed_webhooks(store: &Store) -> Result<Vec<webhook::Model>, Trouble> {
    let mut all = webhooks::all(store).await.map_err(Trouble::from)?;
    all.retain(|webhook| !webhook.secret.is_empty());
    Ok(all)
}

fn name(webhook: &webhook::Model) -> String {
    format!("the webhook {}", webhook.id)
}

async fn reseal_webhook(store: &Store, vault: &Vault, webhook: webhook::Model) -> Result<Done, Trouble> {
    if vault.is_current(&webhook.secret) {
        return Ok(Done::Current);
    }
    let place = Place::of_webhook(webhook.id);
    let clear = vault.open(place, &webhook.secret)?;
    let anew = vault.seal(place, secrecy::ExposeSecret::expose_secret(&clear))?;
    // A secret is made once: whoever has changed it is another rekey, or the webhook is gone.
    let changed = webhooks::reseal(store, webhook.id, webhook.secret, anew).await.map_err(Trouble::from)?;
    Ok(if changed { Done::Sealed } else { Done::Current })
}

async fn reseal_grant(store: &Store, vault: &Vault, account: &entity::account::Model) -> Result<Done, Trouble> {
    for _ in 0..TRIES {
        let Some(grant) = grants::find(&store.db, account.id).await.map_err(Trouble::from)? else {
            return Ok(Done::Gone);
        };
        if is_current(vault, &grant) {
            return Ok(Done::Current);
        }
        if grants::reseal(store, &anew(vault, grant)?).await.map_err(Trouble::from)? {
            return Ok(Done::Sealed);
        }
    }
    Err(Trouble::retry("other processes keep renewing its tokens: try again"))
}

fn anew(vault: &Vault, grant: grant::Model) -> Result<grant::Model, Trouble> {
    let reseal = |field, sealed: &Vec<u8>| {
        let place = Place::of_account(grant.account_id, field);
        vault.seal_text(place, &vault.open_text(place, sealed)?)
    };
    let refresh_token = reseal(REFRESH, &grant.refresh_token)?;
    let access_token = grant.access_token.as_ref().map(|sealed| reseal(ACCESS, sealed)).transpose()?;
    Ok(grant::Model { key_id: vault.key_id(), refresh_token, access_token, ..grant })
}

#[cfg(test)]
mod tests;
