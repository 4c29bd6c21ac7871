//! Consent and its tokens: where they come from, how they are kept and when they are renewed. The only user of `oauth2`.

pub mod hash_key;
pub mod host;
pub mod http;
pub mod provider;
pub mod refresh;
pub mod rekey;
pub mod tokens;
pub mod vault;

use url::{Host, Url};

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
