//! Links that are signed: one that we did not make is told without asking the database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::decide::key::keyed;

/// Bytes of the HMAC-SHA256 that are kept (RFC 2104 section 5).
const MAC: usize = 16;

/// The text of a link: identifier and signature.
pub(super) fn sign(key: &[u8; 32], id: Uuid) -> String {
    let mac = mac(key, id).finalize().into_bytes();
    let kept: Vec<u8> = id.as_bytes().iter().copied().chain(mac.into_iter().take(MAC)).collect();
    URL_SAFE_NO_PAD.encode(kept)
}

/// The identifier of a link that we made.
pub(super) fn verify(key: &[u8; 32], text: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (id, signature) = bytes.split_first_chunk::<16>()?;
    let id = Uuid::from_bytes(*id);
    let is_whole = signature.len() == MAC;
    (is_whole && mac(key, id).verify_truncated_left(signature).is_ok()).then_some(id)
}

fn mac(key: &[u8; 32], id: Uuid) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    mac.update(b"mailtrail connect link\0");
    mac.update(id.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_of_ours_is_one() {
        let (key, id) = ([7; 32], Uuid::from_u128(5));
        let link = sign(&key, id);
        assert_eq!(verify(&key, &link), Some(id));
        assert_eq!(verify(&[8; 32], &link), None);
        for position in 0..link.len() - 1 {
            let mut forged = link.clone().into_bytes();
            forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(verify(&key, str::from_utf8(&forged).unwrap()), None, "{position}");
        }
        assert_eq!(verify(&key, &link[..22]), None);
        assert_eq!(verify(&key, ""), None);
    }
}
