//! Tokens at rest: sealed with XChaCha20-Poly1305, bound to the account and the field they belong to.
//!
//! A sealed value is `format (1) · key id (4) · nonce (24) · ciphertext and tag`. The first key seals; all of them open,
//! so that a key is rotated by putting a new one on top.

mod keys;

pub use keys::open_to_others;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::trouble::Trouble;

const FORMAT: u8 = 1;
const ID: usize = 4;
const NONCE: usize = 24;

/// The field of a webhook.
const WEBHOOK: &str = "webhook secret";

/// The keys of the installation.
pub struct Vault {
    first: Key,
    older: Vec<Key>,
}

struct Key {
    id: [u8; ID],
    secret: SecretBox<[u8; 32]>,
}

/// What a sealed value belongs to. It opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    owner: Uuid,
    field: &'a str,
}

impl<'a> Place<'a> {
    /// A field of an account's grant.
    pub fn of_account(account: Uuid, field: &'a str) -> Self {
        Self { owner: account, field }
    }

    /// The signing secret of a webhook.
    pub fn of_webhook(webhook: Uuid) -> Self {
        Self { owner: webhook, field: WEBHOOK }
    }

    /// A setting of the installation.
    pub fn of_installation(setting: &'a str) -> Self {
        Self { owner: Uuid::nil(), field: setting }
    }

    fn associated_data(&self) -> Vec<u8> {
        [b"mailtrail\0".as_slice(), self.owner.as_bytes(), self.field.as_bytes()].concat()
    }
}

impl Vault {
    /// The id of the key that seals, as `oauth_grant.key_id` keeps it.
    pub fn key_id(&self) -> String {
        STANDARD_NO_PAD.encode(self.first.id)
    }

    /// Whether the key that seals has sealed this.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        parts(sealed).is_some_and(|(id, ..)| id == self.first.id)
    }

    /// Whether there are keys besides the one that seals.
    pub fn has_older_keys(&self) -> bool {
        !self.older.is_empty()
    }

    /// Seals `clear` for `place`.
    pub fn seal(&self, place: Place<'_>, clear: &[u8]) -> Result<Vec<u8>, Trouble> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| Trouble::retry(format!("no randomness to seal with: {error}")))?;
        let payload = Payload { msg: clear, aad: &place.associated_data() };
        let sealed = self.first.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Trouble::operator("a value is too large to seal"))?;
        Ok([&[FORMAT], self.first.id.as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what [`Self::seal`] made for the same `place`.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretBox<[u8]>, Trouble> {
        let (id, nonce, ciphertext) = parts(sealed).ok_or_else(|| unopenable(place))?;
        let key = self.key(id).ok_or_else(|| missing(id))?;
        let payload = Payload { msg: ciphertext, aad: &place.associated_data() };
        let clear = key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| unopenable(place))?;
        Ok(SecretBox::new(clear.into_boxed_slice()))
    }

    /// [`Self::seal`] for text.
    pub fn seal_text(&self, place: Place<'_>, clear: &SecretString) -> Result<Vec<u8>, Trouble> {
        self.seal(place, clear.expose_secret().as_bytes())
    }

    /// [`Self::open`] for text.
    pub fn open_text(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, Trouble> {
        let clear = self.open(place, sealed)?;
        let text = str::from_utf8(clear.expose_secret()).map_err(|_| unopenable(place))?;
        Ok(SecretString::from(text))
    }

    fn of(mut secrets: Vec<Zeroizing<[u8; 32]>>) -> Option<Self> {
        let older = secrets.split_off(1.min(secrets.len()));
        let first = secrets.pop().map(|secret| Key::of(&secret))?;
        Some(Self { first, older: older.iter().map(|secret| Key::of(secret)).collect() })
    }

    fn key(&self, id: [u8; ID]) -> Option<&Key> {
        std::iter::once(&self.first).chain(&self.older).find(|key| key.id == id)
    }
}

impl Key {
    fn of(secret: &[u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"mailtrail key id\0").chain_update(secret).finalize();
        let mut id = [0; ID];
        id.iter_mut().zip(digest).for_each(|(id, byte)| *id = byte);
        Self { id, secret: SecretBox::new(Box::new(*secret)) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.secret.expose_secret().into())
    }
}

fn parts(sealed: &[u8]) -> Option<([u8; ID], [u8; NONCE], &[u8])> {
    let (&[format], rest) = sealed.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (nonce, ciphertext) = rest.split_first_chunk()?;
    (format == FORMAT).then_some((*id, *nonce, ciphertext))
}

fn missing(id: [u8; ID]) -> Trouble {
    Trouble::operator(format!(
        "sealed with the key {}, which secrets.key_file does not hold: put the old key back as a further line of the \
         file; if it is lost, `mailtrail rekey --lost` forgets what it sealed, and accounts can be connected again",
        STANDARD_NO_PAD.encode(id)
    ))
}

fn unopenable(place: Place<'_>) -> Trouble {
    let (origin, cure) = match place.field {
        WEBHOOK => ("webhook", "remove the webhook and add it again"),
        _ => ("account", "connect the account again"),
    };
    Trouble::operator(format!(
        "the stored {} does not open: the database row was damaged or copied from another {origin}; {cure}",
        place.field
    ))
}

#[cfg(test)]
mod tests;
