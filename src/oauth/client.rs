//! Our registration with a provider as the `oauth2` crate wants it.

use std::sync::OnceLock;
use std::time::Duration;

use futures::future::BoxFuture;
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest,
    HttpResponse, StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::client_secret;
use super::http::{Http, HttpError};
use super::refresh::Refusal;
use crate::config::{OAuthApp, Provider};
use crate::trouble::Trouble;

/// What a token endpoint answers (RFC 6749 section 5.1).
pub(super) type Answer = StandardTokenResponse<IdToken, BasicTokenType>;

/// What OpenID Connect adds to it (Core 1.0 section 3.1.3.3).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IdToken {
    #[serde(default)]
    pub(super) id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

/// A client that knows where tokens are given.
pub(super) type Client = oauth2::Client<
    Refusal,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Our registration with `provider`.
pub(super) fn client(provider: Provider, app: &OAuthApp) -> Result<Client, Trouble> {
    let provider = provider.as_str();
    if app.client_id.is_empty() {
        return Err(Trouble::operator(format!(
            "oauth.{provider}.client_id is empty: register an application with the provider and write its id there"
        )));
    }
    let url = TokenUrl::new(app.with_tenant(&app.token_url))
        .map_err(|_| Trouble::operator(format!("oauth.{provider}.token_url is no URL")))?;
    let client = oauth2::Client::new(ClientId::new(app.client_id.clone()))
        .set_token_uri(url)
        // Both providers document the body; not every server takes the header.
        .set_auth_type(AuthType::RequestBody);
    Ok(match client_secret(provider, app)? {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    })
}

/// One request. Keeps the wish to wait, which is in the headers and which the crate drops.
pub(super) struct Call {
    http: Http,
    wish: OnceLock<Duration>,
}

impl Call {
    pub(super) fn new(http: &Http) -> Self {
        Self { http: http.clone(), wish: OnceLock::new() }
    }

    /// The trouble, with the wish that came along with it.
    pub(super) fn with_wish(&self, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Retry { after: None, reason } => Trouble::Retry { after: self.wish.get().copied(), reason },
            other => other,
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Call {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.http.send(request).await?;
            if let Some(wish) = self.http.retry_after(answer.headers()) {
                let _ = self.wish.set(wish);
            }
            Ok(answer)
        })
    }
}

/// What an account that nobody can consent for lacks.
pub(super) fn no_registration() -> Trouble {
    Trouble::operator(
        "the account logs in by OAuth, but nothing says where its server takes tokens from: set oauth.imap.token_url, or \
         add the account with --auth password",
    )
}
