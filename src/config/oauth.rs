//! Our registrations with the providers.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::Provider;
use super::optional;
use super::value::Secret;
use crate::oauth::provider::{self, GOOGLE, IMAP, MICROSOFT};

/// `[oauth]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth {
    /// `[oauth.google]`
    #[serde(deserialize_with = "google")]
    pub google: OAuthApp,
    /// `[oauth.microsoft]`
    #[serde(deserialize_with = "microsoft")]
    pub microsoft: OAuthApp,
    /// `[oauth.imap]`: any other server that takes tokens.
    #[serde(deserialize_with = "imap")]
    pub imap: OAuthApp,
}

impl Default for OAuth {
    fn default() -> Self {
        Self { google: OAuthApp::of(&GOOGLE), microsoft: OAuthApp::of(&MICROSOFT), imap: OAuthApp::of(&IMAP) }
    }
}

impl OAuth {
    /// The registration with a provider, if the provider is one of OAuth.
    pub fn app(&self, provider: Provider) -> Option<&OAuthApp> {
        match provider {
            Provider::Google => Some(&self.google),
            Provider::Microsoft => Some(&self.microsoft),
            Provider::Imap => Some(&self.imap).filter(|app| !app.token_url.is_empty()),
        }
    }
}

/// One registration. `{tenant}` in a URL stands for `tenant`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OAuthApp {
    /// The client id that the provider gave us.
    pub client_id: String,
    /// A file that holds the client secret.
    #[serde(with = "optional")]
    pub client_secret_file: Option<PathBuf>,
    /// The client secret by value; it goes before the file.
    #[serde(with = "optional")]
    pub client_secret: Option<Secret>,
    /// Where people consent.
    pub authorize_url: String,
    /// Where codes and refresh tokens become access tokens.
    pub token_url: String,
    /// Where a device flow starts.
    pub device_url: String,
    /// Where tokens are revoked; empty where the provider has no such place.
    pub revoke_url: String,
    /// The directory at Microsoft: an id, a domain, `common`, `organizations` or `consumers`.
    pub tenant: String,
    /// What to ask consent for, separated by spaces.
    pub scope: String,
    /// Where a browser on the machine of `mailtrail connect` brings the answer. Without a port a free one is taken.
    pub loopback_redirect_uri: String,
    /// Where an administrator consents for a whole organisation; empty where the provider has no such place.
    pub admin_consent_url: String,
    /// The JSON key of a Google service account, for accounts with `auth = "service"`.
    #[serde(with = "optional")]
    pub service_account_file: Option<PathBuf>,
    /// What a service identity asks for.
    pub service_scope: String,
}

impl OAuthApp {
    /// The defaults for a provider.
    fn of(provider: &provider::Provider) -> Self {
        Self {
            client_id: String::new(),
            client_secret_file: None,
            client_secret: None,
            authorize_url: provider.authorize_url.to_owned(),
            token_url: provider.token_url.to_owned(),
            device_url: provider.device_url.to_owned(),
            revoke_url: provider.revoke_url.to_owned(),
            tenant: provider.tenant.to_owned(),
            scope: provider.scope.to_owned(),
            loopback_redirect_uri: provider.loopback_redirect_uri.to_owned(),
            admin_consent_url: provider.admin_consent_url.to_owned(),
            service_account_file: None,
            service_scope: provider.service_scope.to_owned(),
        }
    }

    /// A URL of this registration with the tenant put in.
    pub fn with_tenant(&self, url: &str) -> String {
        url.replace("{tenant}", &self.tenant)
    }
}

/// What the file says of a registration; the provider's table says the rest.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Said {
    client_id: String,
    #[serde(with = "optional")]
    client_secret_file: Option<PathBuf>,
    #[serde(with = "optional")]
    client_secret: Option<Secret>,
    authorize_url: Option<String>,
    token_url: Option<String>,
    device_url: Option<String>,
    revoke_url: Option<String>,
    tenant: Option<String>,
    scope: Option<String>,
    loopback_redirect_uri: Option<String>,
    admin_consent_url: Option<String>,
    #[serde(with = "optional")]
    service_account_file: Option<PathBuf>,
    service_scope: Option<String>,
}

fn google<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OAuthApp, D::Error> {
    Said::deserialize(deserializer).map(|said| said.over(&GOOGLE))
}

fn microsoft<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OAuthApp, D::Error> {
    Said::deserialize(deserializer).map(|said| said.over(&MICROSOFT))
}

fn imap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OAuthApp, D::Error> {
    Said::deserialize(deserializer).map(|said| said.over(&IMAP))
}

impl Said {
    fn over(self, provider: &provider::Provider) -> OAuthApp {
        let default = OAuthApp::of(provider);
        OAuthApp {
            client_id: self.client_id,
            client_secret_file: self.client_secret_file,
            client_secret: self.client_secret,
            authorize_url: self.authorize_url.unwrap_or(default.authorize_url),
            token_url: self.token_url.unwrap_or(default.token_url),
            device_url: self.device_url.unwrap_or(default.device_url),
            revoke_url: self.revoke_url.unwrap_or(default.revoke_url),
            tenant: self.tenant.unwrap_or(default.tenant),
            scope: self.scope.unwrap_or(default.scope),
            loopback_redirect_uri: self.loopback_redirect_uri.unwrap_or(default.loopback_redirect_uri),
            admin_consent_url: self.admin_consent_url.unwrap_or(default.admin_consent_url),
            service_account_file: self.service_account_file,
            service_scope: self.service_scope.unwrap_or(default.service_scope),
        }
    }
}
