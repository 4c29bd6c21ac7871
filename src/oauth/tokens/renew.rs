//! One refresh (RFC 6749 section 6).

use std::sync::OnceLock;
use std::time::Duration;

use entity::{account, grant};
use futures::future::BoxFuture;
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RefreshToken, RequestTokenError, StandardRevocableToken, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};

use super::{ACCESS, Inner, REFRESH};
use crate::config::{OAuthApp, Provider};
use crate::oauth::client_secret;
use crate::oauth::http::{Http, HttpError};
use crate::oauth::refresh::{Refusal, expiry, trouble};
use crate::oauth::vault::Place;
use crate::trouble::Trouble;

type Client = oauth2::Client<
    Refusal,
    BasicTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Inner {
    /// Turns the refresh token into the next version of the grant and its access token.
    pub(super) async fn renew(
        &self,
        account: &account::Model,
        grant: &grant::Model,
    ) -> Result<(grant::Model, SecretString), Trouble> {
        let Some(provider) = Provider::named(&account.provider) else { return Err(no_registration()) };
        let app = self.config.app(provider).ok_or_else(no_registration)?;
        let client = client(provider, app)?;
        let place = Place::of_account(grant.account_id, REFRESH);
        let token = self.vault.open_text(place, &grant.refresh_token)?;
        let answer = self.ask(provider, &client, &token).await?;
        self.next(grant, &token, &answer)
    }

    async fn ask(
        &self,
        provider: Provider,
        client: &Client,
        token: &SecretString,
    ) -> Result<BasicTokenResponse, Trouble> {
        let token = RefreshToken::new(token.expose_secret().to_owned());
        let call = Call { http: self.http.clone(), wish: OnceLock::new() };
        let answer = client.exchange_refresh_token(&token).request_async(&call).await;
        answer.map_err(|error| with_wish(said(provider, &error), call.wish.get().copied()))
    }

    /// The next version of the grant. Where the answer has no refresh token, the old one stays (Google); it is sealed
    /// anew, so that a new key reaches every grant in time.
    fn next(
        &self,
        grant: &grant::Model,
        token: &SecretString,
        answer: &BasicTokenResponse,
    ) -> Result<(grant::Model, SecretString), Trouble> {
        let now = self.clock.now();
        let access = SecretString::from(answer.access_token().secret().as_str());
        let rotated = answer.refresh_token().map(|token| SecretString::from(token.secret().as_str()));
        let refresh = rotated.filter(|token| !token.expose_secret().is_empty());
        let refresh = refresh.as_ref().unwrap_or(token);
        let scopes = answer.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
        let next = grant::Model {
            account_id: grant.account_id,
            version: grant.version + 1,
            key_id: self.vault.key_id(),
            refresh_token: self.vault.seal_text(Place::of_account(grant.account_id, REFRESH), refresh)?,
            access_token: Some(self.vault.seal_text(Place::of_account(grant.account_id, ACCESS), &access)?),
            access_expires_at: Some(expiry(now, answer.expires_in())),
            scope: scopes.map(|scopes| scopes.join(" ")).or_else(|| grant.scope.clone()),
            source: grant.source.clone(),
            declared_mark: grant.declared_mark.clone(),
            updated_at: now,
        };
        Ok((next, access))
    }
}

/// One request. Keeps the wish to wait, which is in the headers and which the crate drops.
struct Call {
    http: Http,
    wish: OnceLock<Duration>,
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

fn client(provider: Provider, app: &OAuthApp) -> Result<Client, Trouble> {
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

fn said(provider: Provider, error: &RequestTokenError<HttpError, Refusal>) -> Trouble {
    trouble(provider.as_str(), error)
}

fn with_wish(trouble: Trouble, wish: Option<Duration>) -> Trouble {
    match trouble {
        Trouble::Retry { after: None, reason } => Trouble::Retry { after: wish, reason },
        other => other,
    }
}

fn no_registration() -> Trouble {
    Trouble::operator(
        "the account logs in by OAuth, but nothing says where its server takes tokens from: set oauth.imap.token_url, or add the account with --auth password",
    )
}
