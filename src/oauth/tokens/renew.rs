//! One refresh (RFC 6749 section 6).

use entity::{account, grant};
use oauth2::{RefreshToken, TokenResponse};
use secrecy::{ExposeSecret, SecretString};

use super::{ACCESS, Inner, REFRESH};
use crate::config::Provider;
use crate::oauth::client::{Answer, Call, Client, client, no_registration};
use crate::oauth::refresh::{expiry, trouble};
use crate::oauth::vault::Place;
use crate::trouble::Trouble;

/// What a refresh brought.
pub(super) struct Renewed {
    /// The grant with the new tokens in place of the old ones.
    pub(super) grant: grant::Model,
    /// The new access token.
    pub(super) access: SecretString,
    /// The refresh token that was shown for it.
    pub(super) spent: SecretString,
}

impl Inner {
    /// Turns the refresh token into new tokens.
    pub(super) async fn renew(&self, account: &account::Model, grant: &grant::Model) -> Result<Renewed, Trouble> {
        let Some(provider) = Provider::named(&account.provider) else { return Err(no_registration()) };
        let app = self.config.app(provider).ok_or_else(no_registration)?;
        let client = client(provider, app)?;
        let place = Place::of_account(grant.account_id, REFRESH);
        let token = self.vault.open_text(place, &grant.refresh_token)?;
        let answer = self.ask(provider, &client, &token).await?;
        self.next(grant, token, &answer)
    }

    async fn ask(&self, provider: Provider, client: &Client, token: &SecretString) -> Result<Answer, Trouble> {
        let token = RefreshToken::new(token.expose_secret().to_owned());
        let call = Call::new(&self.http);
        let answer = client.exchange_refresh_token(&token).request_async(&call).await;
        answer.map_err(|error| call.with_wish(trouble(provider.as_str(), &error)))
    }

    /// The grant with the new tokens. Where the answer has no refresh token, the old one stays (Google); it is sealed
    /// anew, so that a new key reaches every grant in time.
    fn next(&self, grant: &grant::Model, token: SecretString, answer: &Answer) -> Result<Renewed, Trouble> {
        let now = self.clock.now();
        let access = SecretString::from(answer.access_token().secret().as_str());
        let rotated = answer.refresh_token().map(|token| SecretString::from(token.secret().as_str()));
        let refresh = rotated.filter(|token| !token.expose_secret().is_empty());
        let refresh = refresh.as_ref().unwrap_or(&token);
        let scopes = answer.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
        let place = |field| Place::of_account(grant.account_id, field);
        let next = grant::Model {
            key_id: self.vault.key_id(),
            refresh_token: self.vault.seal_text(place(REFRESH), refresh)?,
            access_token: Some(self.vault.seal_text(place(ACCESS), &access)?),
            access_expires_at: Some(expiry(now, answer.expires_in())),
            scope: scopes.map(|scopes| scopes.join(" ")).or_else(|| grant.scope.clone()),
            updated_at: now,
            ..grant.clone()
        };
        Ok(Renewed { grant: next, access, spent: token })
    }
}
