//! Consent and its tokens: where they come from, how they are kept and when they are renewed. The only user of `oauth2`.

mod client;
pub mod consent;
pub mod examine;
pub mod hash_key;
pub mod host;
pub mod http;
pub mod provider;
pub mod refresh;
pub mod rekey;
pub mod service;
pub mod standing;
pub mod tokens;
pub mod vault;

use url::{Host, Url};

use crate::config::{OAuthApp, Secret};
use crate::trouble::Trouble;

/// Whether a token may be sent to `url`: over TLS, or to this machine.
pub fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

/// The secret of a registration. Read anew each time, so that it can be changed without a restart.
fn client_secret(provider: &str, app: &OAuthApp) -> Result<Option<Secret>, Trouble> {
    let Some(file) = &app.client_secret_file else { return Ok(app.client_secret.clone()) };
    match &app.client_secret {
        Some(secret) => Ok(Some(secret.clone())),
        None => Secret::read(file).map(Some).map_err(|error| {
            Trouble::operator(format!("cannot read oauth.{provider}.client_secret_file {}: {error}", file.display()))
        }),
    }
}
