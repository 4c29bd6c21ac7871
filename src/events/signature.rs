//! Who sent a webhook: HMAC-SHA256 over id, time and body, as Standard Webhooks has it.
//!
//! | header | |
//! |---|---|
//! | `webhook-id` | the event's id |
//! | `webhook-timestamp` | when this attempt was sent, in seconds since 1970: a receiver refuses what is old |
//! | `webhook-signature` | `v1,` and base64 of HMAC-SHA256(secret, `id.timestamp.body`) |

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::trouble::Trouble;

/// What a secret begins with where people see it.
const PREFIX: &str = "whsec_";

/// Octets of a secret that is made here.
const MADE: usize = 32;

/// Octets that a secret may have.
const ALLOWED: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret that an endpoint shares with us.
pub struct SigningSecret(SecretBox<[u8]>);

impl SigningSecret {
    /// A fresh one.
    pub fn generate() -> Result<Self, Trouble> {
        let mut octets = Zeroizing::new([0_u8; MADE]);
        getrandom::fill(octets.as_mut_slice()).map_err(|error| Trouble::retry(format!("no randomness: {error}")))?;
        Ok(Self(SecretBox::new(octets.to_vec().into_boxed_slice())))
    }

    /// One that the receiver has made: `whsec_` and base64 of 24 to 64 octets.
    pub fn parse(text: &str) -> Option<Self> {
        let octets = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        Self::of(octets)
    }

    /// From its octets.
    pub fn of(octets: Vec<u8>) -> Option<Self> {
        ALLOWED.contains(&octets.len()).then(|| Self(SecretBox::new(octets.into_boxed_slice())))
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// As people copy it.
    pub fn shown(&self) -> SecretString {
        SecretString::from(format!("{PREFIX}{}", STANDARD.encode(self.octets())))
    }

    /// The header `webhook-signature`.
    pub fn sign(&self, id: Uuid, timestamp: i64, body: &[u8]) -> String {
        // HMAC takes keys of any length (RFC 2104 section 3).
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.octets()) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // Computed with `openssl dgst -sha256 -mac HMAC -macopt hexkey:…`.
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = Uuid::from_u128(0x0193_5a7e_0000_7000_8000_0000_0000_0001);
        let signed = secret.sign(id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,P/ZINlzCCPESiZeX4xPK1813OEXQ2OvtqltyikikVpk=");
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown_and_short_ones_are_refused() {
        let secret = SigningSecret::generate().unwrap();
        let again = SigningSecret::parse(secret.shown().expose_secret()).unwrap();
        assert_eq!(again.octets(), secret.octets());
        assert_ne!(SigningSecret::generate().unwrap().octets(), secret.octets());
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
            assert!(SigningSecret::parse(bad).is_none(), "{bad}");
        }
    }
}
