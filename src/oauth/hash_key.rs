//! The installation's key for hashes of message ids: of mail that is not logged nothing else is kept.

use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use super::vault::{Place, Vault};
use crate::store::{Store, settings};
use crate::trouble::Trouble;

const NAME: &str = "hash_key";

/// The key for HMACs. Made when first asked for, sealed by the vault, the same for every process of the installation.
pub async fn hash_key(store: &Store, vault: &Vault) -> Result<SecretBox<[u8; 32]>, Trouble> {
    let mut fresh = Zeroizing::new([0; 32]);
    getrandom::fill(fresh.as_mut_slice()).map_err(|error| Trouble::retry(format!("no randomness: {error}")))?;
    let sealed = vault.seal(Place::of_installation(NAME), fresh.as_slice())?;
    let sealed = settings::get_or_put(store, NAME, sealed).await.map_err(Trouble::from)?;
    let clear = vault.open(Place::of_installation(NAME), &sealed)?;
    let key = clear.expose_secret().try_into().map(Box::new);
    key.map(SecretBox::new).map_err(|_| Trouble::operator("the stored hash_key is damaged: restore the database"))
}

/// Another key in the place of one that nobody can open any more. What waited by hashes under the old one waits in vain.
pub async fn renew(store: &Store, vault: &Vault, lost: Vec<u8>) -> Result<(), Trouble> {
    let mut fresh = Zeroizing::new([0; 32]);
    getrandom::fill(fresh.as_mut_slice()).map_err(|error| Trouble::retry(format!("no randomness: {error}")))?;
    let sealed = vault.seal(Place::of_installation(NAME), fresh.as_slice())?;
    settings::replace(store, NAME, lost, sealed).await.map_err(Trouble::from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secrets;
    use crate::store::testing::on_each_engine;

    #[tokio::test]
    async fn every_process_has_the_same_key() {
        on_each_engine(async |store| {
            let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
            let vault = Vault::unlock(&Secrets { key: Some(key.into()), ..Secrets::default() }).unwrap();
            let keys = futures::future::join_all((0..4).map(|_| hash_key(store, &vault))).await;
            let keys: Vec<_> = keys.into_iter().map(|key| *key.unwrap().expose_secret()).collect();
            assert!(keys.iter().all(|key| *key == keys[0]));
            assert_ne!(keys[0], [0; 32]);
        })
        .await;
    }
}
