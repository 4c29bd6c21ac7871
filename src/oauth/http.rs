//! The HTTP that tokens travel by: verified TLS or this machine, no redirects, bounded in time and size.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oauth2::http::header::RETRY_AFTER;
use oauth2::http::{HeaderMap, Response};
use oauth2::{HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use url::Url;

use crate::clock::Clock;
use crate::config::Tls;
use crate::tls;
use crate::trouble::Trouble;

/// Token answers take a few kilobytes; whatever is larger is something else.
const LARGEST_BODY: usize = 256 * 1024;

/// No server's wish keeps us waiting longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A client for token endpoints. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    timeout: Duration,
    clock: Clock,
}

/// Why there is no answer. Holds neither URL nor body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The URL is neither HTTPS nor on this machine.
    #[error("tokens travel only by https://, or by http:// on this machine: correct the URLs under [oauth]")]
    Unsafe,
    /// The server is busy or broken (429, 5xx), whatever its body says.
    #[error("the token endpoint answered HTTP {status}")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` said.
        after: Option<Duration>,
    },
    /// There is no whole answer: DNS, connection, TLS, time.
    #[error("no answer from the token endpoint: {0}")]
    Away(&'static str),
    /// The body is too large to be an answer.
    #[error("the token endpoint sent more than an answer can hold")]
    TooLarge,
}

impl HttpError {
    /// What the failure asks for. Never a new consent: a server that is away has said nothing about it.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Unsafe => Trouble::operator(self),
            Self::Busy { after, .. } => Trouble::Retry { after: *after, reason: self.to_string() },
            Self::Away(_) | Self::TooLarge => Trouble::retry(self),
        }
    }
}

impl Http {
    /// A client that trusts the public certificates and those of `tls.ca_file`.
    pub fn new(settings: &Tls, timeout: Duration, clock: Clock) -> Result<Self, Trouble> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(settings.ca_file.as_deref())?)
            .redirect(Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .user_agent(concat!("mailtrail/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Trouble::operator(format!("cannot set up HTTPS: {error}")))?;
        Ok(Self { client, timeout, clock })
    }

    /// How long a request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends one request. An answer of any status but 429 and 5xx is an answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| HttpError::Unsafe)?;
        if !super::is_safe(&url) {
            return Err(HttpError::Unsafe);
        }
        let request = reqwest::Request::try_from(request).map_err(|error| away(&error))?;
        let mut response = self.client.execute(request).await.map_err(|error| away(&error))?;
        let status = response.status();
        if status.as_u16() == 429 || status.is_server_error() {
            return Err(HttpError::Busy { status: status.as_u16(), after: self.retry_after(response.headers()) });
        }
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// What `Retry-After` asks for: seconds, or a date (RFC 9110 section 10.2.3).
    pub fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, self.clock.now())
    }
}

/// The wait that a `Retry-After` of this text asks for, within a day.
pub(crate) fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

fn away(error: &reqwest::Error) -> HttpError {
    HttpError::Away(if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "cannot connect; check the network, DNS, and tls.ca_file if the server has a certificate of its own"
    } else {
        "the connection broke"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<u64> {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        retry_after(text, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wish_to_wait_is_seconds_or_a_date() {
        assert_eq!(wait("17"), Some(17));
        assert_eq!(wait("Sun, 22 Nov 2026 10:00:30 GMT"), Some(30));
        assert_eq!(wait("Sun, 22 Nov 2026 09:00:00 GMT"), Some(0));
        assert_eq!(wait("99999999999"), Some(86_400));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }

    #[tokio::test]
    async fn a_token_never_leaves_in_clear() {
        let http = Http::new(&Tls::default(), Duration::from_secs(1), Clock::system()).unwrap();
        for url in ["http://tokens.example/", "http://localhost.tokens.example/", "http://127.0.0.1@tokens.example/"] {
            let request = oauth2::http::Request::post(url).body(Vec::new()).unwrap();
            assert_eq!(http.send(request).await.unwrap_err(), HttpError::Unsafe, "{url}");
        }
    }
}
