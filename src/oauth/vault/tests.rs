use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;
use crate::config::Secrets;

fn vault(keys: &[u8]) -> Vault {
    Vault::of(keys.iter().map(|&byte| Zeroizing::new([byte; 32])).collect()).unwrap()
}

fn account(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

proptest! {
    #[test]
    fn what_was_sealed_opens(clear: Vec<u8>) {
        let place = Place::of_account(account(1), "refresh_token");
        let sealed = vault(&[1]).seal(place, &clear).unwrap();
        let opened = vault(&[1]).open(place, &sealed).unwrap();
        prop_assert_eq!(opened.expose_secret(), clear.as_slice());
    }

    #[test]
    fn a_changed_bit_does_not_open(clear: [u8; 8], at in 0_usize..1000, bit in 0_u8..8) {
        let place = Place::of_account(account(1), "refresh_token");
        let mut sealed = vault(&[1]).seal(place, &clear).unwrap();
        let at = at % sealed.len();
        sealed[at] ^= 1 << bit;
        prop_assert!(vault(&[1]).open(place, &sealed).is_err());
    }

    #[test]
    fn garbage_does_not_open(garbage: Vec<u8>) {
        prop_assert!(vault(&[1]).open(Place::of_installation("hash_key"), &garbage).is_err());
    }
}

#[test]
fn a_token_opens_only_in_its_own_account_and_field() {
    let vault = vault(&[1]);
    let place = Place::of_account(account(1), "refresh_token");
    let sealed = vault.seal(place, b"token").unwrap();
    for other in [Place::of_account(account(2), "refresh_token"), Place::of_account(account(1), "access_token")] {
        assert!(vault.open(other, &sealed).is_err());
    }
}

#[test]
fn the_same_token_is_never_sealed_alike() {
    let place = Place::of_account(account(1), "refresh_token");
    assert_ne!(vault(&[1]).seal(place, b"token").unwrap(), vault(&[1]).seal(place, b"token").unwrap());
}

#[test]
fn an_older_key_opens_and_the_first_seals() {
    let place = Place::of_account(account(1), "refresh_token");
    let old = vault(&[1]).seal(place, b"token").unwrap();
    let rotated = vault(&[2, 1]);
    assert_eq!(rotated.open(place, &old).unwrap().expose_secret(), b"token");
    assert_eq!(rotated.key_id(), vault(&[2]).key_id());
    let new = rotated.seal(place, b"token").unwrap();
    assert!(vault(&[2]).open(place, &new).is_ok());
}

#[test]
fn a_lost_key_is_the_operators_to_mend() {
    let place = Place::of_account(account(1), "refresh_token");
    let sealed = vault(&[1]).seal(place, b"token").unwrap();
    let trouble = vault(&[2]).open(place, &sealed).err().unwrap();
    assert_eq!(trouble.kind(), "operator");
    assert!(trouble.to_string().contains(&vault(&[1]).key_id()));
}

#[test]
fn a_missing_key_file_is_made_private_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets { key_file: folder.path().join("mailtrail.key"), key: None };
    let made = Vault::unlock(&secrets).unwrap();
    let mode = fs::metadata(&secrets.key_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(Vault::unlock(&secrets).unwrap().key_id(), made.key_id());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn many_starters_end_with_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets { key_file: folder.path().join("mailtrail.key"), key: None };
    let unlock = || Vault::unlock(&secrets).unwrap().key_id();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(unlock)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn a_key_in_the_configuration_goes_before_the_file() {
    let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let secrets = Secrets { key_file: "/nonexistent/key".into(), key: Some(key.as_str().into()) };
    assert_eq!(Vault::unlock(&secrets).unwrap().key_id(), vault(&[7]).key_id());
}

#[test]
fn a_key_file_that_is_none_is_the_operators_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "short", "not base64 at all!"] {
        let secrets = Secrets { key_file: folder.path().join("mailtrail.key"), key: None };
        fs::write(&secrets.key_file, text).unwrap();
        assert_eq!(Vault::unlock(&secrets).err().unwrap().kind(), "operator");
    }
}

#[test]
fn a_key_file_that_cannot_be_made_is_the_operators_to_mend() {
    let secrets = Secrets { key_file: "/nonexistent/folder/key".into(), key: None };
    let trouble = Vault::unlock(&secrets).err().unwrap();
    assert!(trouble.to_string().contains("secrets.key_file"));
}
