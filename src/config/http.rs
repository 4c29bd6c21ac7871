//! The service's own pages, and what it tells about itself.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use url::Url;

/// `[http]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where the service listens: an address and a port; empty: nowhere.
    pub listen: String,
    /// What people reach it by, where that is not `http://` and `listen`: a proxy that adds TLS.
    pub public_url: String,
    /// Whether `/metrics` is served there.
    pub metrics: bool,
    /// How many hours a link of `mailtrail connect --link` holds.
    pub link_hours: u32,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8460".to_owned(), public_url: String::new(), metrics: true, link_hours: 72 }
    }
}

impl Http {
    /// Where to listen, if anywhere. [`Self::problems`] tells of what is no address.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }

    /// A page of ours as people reach it.
    pub fn url(&self, path: &str) -> Option<Url> {
        let base = match self.public_url.as_str() {
            "" => format!("http://{}", self.address()?),
            url => url.trim_end_matches('/').to_owned(),
        };
        Url::parse(&format!("{base}{path}")).ok()
    }

    /// What is wrong with it: the key, what, and the cure.
    pub fn problems(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let mut problems = Vec::new();
        if !self.listen.is_empty() && self.address().is_none() {
            problems.push(("http.listen", "is no address with a port", "write it as in \"127.0.0.1:8460\""));
        }
        if self.public_url.is_empty() && self.address().is_some_and(|address| !address.ip().is_loopback()) {
            let cure = "add TLS by a proxy and name it, or listen on this machine only";
            problems.push(("http.public_url", "is empty, so links would lead to http.listen without TLS", cure));
        }
        let is_safe = |url: Url| crate::oauth::is_safe(&url) && url.query().is_none() && url.username().is_empty();
        if !self.public_url.is_empty() && !Url::parse(&self.public_url).is_ok_and(is_safe) {
            let cure = "consents travel by https://, or by http:// on this machine; write no query";
            problems.push(("http.public_url", "is no URL that people can safely use", cure));
        }
        problems
    }
}
