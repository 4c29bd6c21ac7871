//! One delivery: a signed POST over verified TLS or to this machine, no redirects, bounded in time and size.

use std::time::Duration;

use bytes::Bytes;
use entity::webhook;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;
use url::Url;
use uuid::Uuid;

use super::signature::SigningSecret;
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::http::retry_after;
use crate::oauth::is_safe;
use crate::oauth::vault::{Place, Vault};
use crate::tls;
use crate::trouble::Trouble;

/// Of an answer's body so much is read, to use the connection again; nothing in it counts.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Where events are sent, and how they are signed.
pub struct Target {
    /// The URL.
    pub url: Url,
    /// The secret.
    pub secret: SigningSecret,
}

impl Target {
    /// Where a webhook is, and its secret.
    pub fn of(vault: &Vault, row: &webhook::Model) -> Result<Self, Trouble> {
        let url = checked(&row.url).map_err(|why| Trouble::operator(format!("the URL of a webhook: {why}")))?;
        let clear = vault.open(Place::of_webhook(row.id), &row.secret)?;
        let secret = SigningSecret::of(clear.expose_secret().to_vec());
        let damaged =
            || Trouble::operator("the stored secret of a webhook is damaged: remove the webhook and add it again");
        Ok(Self { url, secret: secret.ok_or_else(damaged)? })
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was taken (2xx).
    Taken(u16),
    /// Nothing is to be sent there any more (410).
    Gone,
    /// Another status, and how long the receiver wants to be left alone, if it said (429, 503).
    Refused(u16, Option<Duration>),
    /// There was no answer.
    Away(&'static str),
}

impl Answer {
    /// The word in metrics.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Taken(_) => "delivered",
            Self::Gone => "gone",
            Self::Refused(..) => "refused",
            Self::Away(_) => "away",
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken(status) | Self::Refused(status, _) => write!(f, "it answers HTTP {status}"),
            Self::Gone => f.write_str("it answers HTTP 410, which says that it is gone"),
            Self::Away(why) => write!(f, "no answer: {why}"),
        }
    }
}

/// A client for webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    clock: Clock,
}

/// The URL of a webhook, or why it is none.
pub fn checked(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no URL: write https://crm.example/hooks/mail")?;
    if !is_safe(&url) {
        return Err("events name people: they are sent by https://, or by http:// to this machine");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a password, which lists and proxies would show: the signature says who sends");
    }
    if url.fragment().is_some() {
        return Err("leave out the # and what is behind it: it is never sent");
    }
    Ok(url)
}

impl Sender {
    /// A client that trusts the public certificates and those of `tls.ca_file`.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Trouble> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(config.tls.ca_file.as_deref())?)
            .redirect(Policy::none())
            .timeout(config.events.timeout())
            .connect_timeout(config.events.connect_timeout())
            .user_agent(concat!("mailtrail/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Trouble::operator(format!("cannot set up HTTPS: {error}")))?;
        Ok(Self { client, clock })
    }

    /// Sends one event once.
    pub async fn send(&self, target: &Target, id: Uuid, body: Bytes) -> Answer {
        let answer = self.attempt(target, id, body).await;
        crate::metrics::delivered(answer.outcome(), 1);
        answer
    }

    async fn attempt(&self, target: &Target, id: Uuid, body: Bytes) -> Answer {
        let now = self.clock.now();
        let request = self
            .client
            .post(target.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id.to_string())
            .header("webhook-timestamp", now.timestamp().to_string())
            .header("webhook-signature", target.secret.sign(id, now.timestamp(), &body))
            .body(body);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::Away(why(&error)),
        };
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > LARGEST_ANSWER {
                break;
            }
        }
        match status.as_u16() {
            410 => Answer::Gone,
            taken @ 200..=299 => Answer::Taken(taken),
            status => {
                let said = headers.get(RETRY_AFTER).filter(|_| matches!(status, 429 | 503));
                let wish = said.and_then(|said| retry_after(said.to_str().ok()?, self.clock.now()));
                Answer::Refused(status, wish)
            }
        }
    }
}

/// Nothing of the URL: its path may be a secret.
fn why(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it takes too long"
    } else if error.is_connect() {
        "there is no connection (network, DNS, certificate)"
    } else {
        "the connection broke"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_leave_this_machine_by_tls_only_and_no_url_holds_a_password() {
        for good in ["https://crm.example/hooks?a=b", "http://127.0.0.1:8080/", "http://localhost/x", "http://[::1]/"] {
            assert!(checked(good).is_ok(), "{good}");
        }
        let bad = [
            "http://crm.example/",
            "http://localhost.crm.example/",
            "https://user:pass@crm.example/",
            "https://user@crm.example/",
            "https://crm.example/#part",
            "ftp://crm.example/",
            "crm.example/hooks",
            "",
        ];
        for bad in bad {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
