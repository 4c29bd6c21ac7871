//! The key of a Google service account, as the Cloud console hands it out.

use std::fs;
use std::path::Path;

use ring::signature::RsaKeyPair;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::{OAuthApp, Secret};
use crate::trouble::Trouble;

/// The fields of the JSON file that matter.
#[derive(Deserialize)]
pub struct KeyFile {
    /// Whose key it is: who makes the assertion.
    pub client_email: String,
    /// The number under which delegation is granted in the Admin console.
    pub client_id: String,
    /// Which of the account's keys it is.
    #[serde(default)]
    pub private_key_id: String,
    /// Where tokens come from.
    pub token_uri: String,
    private_key: Secret,
}

impl KeyFile {
    /// Reads the file that `oauth.google.service_account_file` names.
    pub fn of(app: &OAuthApp) -> Result<Self, Trouble> {
        let file = app.service_account_file.as_deref().ok_or_else(|| {
            Trouble::operator(
                "oauth.google.service_account_file is empty: make a service account with a JSON key in the Google Cloud \
                 console and name that file there",
            )
        })?;
        let key = Self::read(file)?;
        key.pair(file).map(|_| key)
    }

    fn read(file: &Path) -> Result<Self, Trouble> {
        let text = fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
            let file = file.display();
            Trouble::operator(format!("cannot read oauth.google.service_account_file {file}: {error}"))
        })?;
        // An error of the parser could quote the key.
        serde_json::from_str(&text).map_err(|_| wrong(file, "is no JSON key of a service account"))
    }

    /// The key that signs.
    pub(super) fn signer(&self, app: &OAuthApp) -> Result<RsaKeyPair, Trouble> {
        self.pair(app.service_account_file.as_deref().unwrap_or(Path::new("")))
    }

    fn pair(&self, file: &Path) -> Result<RsaKeyPair, Trouble> {
        let no_key = || wrong(file, "holds no RSA key");
        let pair = match PrivateKeyDer::from_pem_slice(self.private_key.expose().as_bytes()).map_err(|_| no_key())? {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(no_key()),
        };
        pair.map_err(|_| no_key())
    }
}

fn wrong(file: &Path, what: &str) -> Trouble {
    Trouble::operator(format!(
        "oauth.google.service_account_file {} {what}: make a new JSON key for the service account in the Google Cloud \
         console and name that file",
        file.display()
    ))
}
