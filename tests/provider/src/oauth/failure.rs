//! How the token endpoint can be told to fail.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What one of the next token requests is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 429, with `Retry-After` in seconds when given.
    TooManyRequests(Option<u64>),
    /// 503, with `Retry-After` in seconds when given.
    Unavailable(Option<u64>),
    /// 400 `invalid_grant`: the grant is dead.
    InvalidGrant,
    /// 401 `invalid_client`: the operator's secret is wrong or expired.
    InvalidClient,
    /// 400 with any other error word, for instance `consent_required` or `temporarily_unavailable`.
    Error(String),
    /// 200 with a body that stops in the middle.
    MalformedJson,
    /// No answer at all.
    Hang,
}

/// A refusal in the shape of RFC 6749 section 5.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub error: String,
    pub description: String,
    pub retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn bad(error: &str, description: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.to_owned(),
            description: description.to_owned(),
            retry_after: None,
        }
    }

    /// Google's words for every way a refresh token can be dead.
    pub(crate) fn dead_grant() -> Self {
        Self::bad("invalid_grant", "Token has been expired or revoked.")
    }

    pub(crate) fn unauthorized_client(description: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::bad("unauthorized_client", description) }
    }

    pub(crate) fn invalid_client() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::bad("invalid_client", "The client is not who it says it is.") }
    }

    fn busy(status: StatusCode, retry_after: Option<u64>) -> Self {
        Self { status, retry_after, ..Self::bad("temporarily_unavailable", "Try again later.") }
    }
}

impl Failure {
    /// The refusal this failure is, if it is one.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::TooManyRequests(after) => Some(Refusal::busy(StatusCode::TOO_MANY_REQUESTS, *after)),
            Self::Unavailable(after) => Some(Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, *after)),
            Self::InvalidGrant => Some(Refusal::dead_grant()),
            Self::InvalidClient => Some(Refusal::invalid_client()),
            Self::Error(error) => Some(Refusal::bad(error, "As the test asked.")),
            Self::MalformedJson | Self::Hang => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
