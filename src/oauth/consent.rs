//! Asking a person for consent: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636), or by a device (RFC 8628).
//!
//! ```text
//! attempt() ──► browser, at the provider ──► answer ──► redeem(): code for tokens ──► whose? what for? ──► Consented
//! device()  ──► a browser anywhere ────────► wait()  ───────────────────────────────────┘
//! ```

mod device;
pub mod identity;
mod refused;

use std::time::Duration;

use entity::account;
use oauth2::{
    AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

pub use device::Device;
pub use refused::Refused;

use super::client::{self, Call, no_registration};
use super::http::Http;
use super::provider;
use super::refresh::{Class, trouble};
use crate::clock::Clock;
use crate::config::{OAuth, OAuthApp, Provider};
use crate::trouble::Trouble;

/// What a person consented to.
pub struct Consented {
    /// Brings new access tokens.
    pub refresh_token: SecretString,
    /// The first access token.
    pub access_token: SecretString,
    /// How long that lives, if the provider said so.
    pub expires_in: Option<Duration>,
    /// What was granted, if the provider said so.
    pub scope: Option<String>,
    /// Who consented, as the provider names people for good.
    pub subject: Option<String>,
}

/// Whose consent is wanted, and where the answer goes.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The provider.
    pub provider: Provider,
    /// The address that the person signs in with.
    pub signs_in_as: String,
    /// Where the browser brings the answer.
    pub redirect_uri: Url,
}

impl Wanted {
    /// A consent for `account`, by its own person or by another who may open it.
    pub fn of(account: &account::Model, signs_in_as: Option<&str>, redirect_uri: Url) -> Result<Self, Trouble> {
        Ok(Self {
            provider: provider_of(account)?,
            signs_in_as: signs_in_as.unwrap_or(&account.address).to_owned(),
            redirect_uri,
        })
    }
}

fn provider_of(account: &account::Model) -> Result<Provider, Trouble> {
    Provider::named(&account.provider).ok_or_else(no_registration)
}

/// One request for consent.
pub struct Attempt {
    /// Where the person's browser goes.
    pub url: Url,
    /// What the answer must bring back (RFC 6749 section 10.12).
    pub state: SecretString,
    /// What is needed to redeem the answer.
    pub secrets: Secrets,
}

/// What only whoever asked knows.
#[derive(Serialize, Deserialize)]
pub struct Secrets {
    verifier: String,
    nonce: String,
}

/// What the browser brings back (RFC 6749 section 4.1.2).
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The code, if the person consented.
    pub code: Option<String>,
    /// The state of the request.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Whom the answer is from (RFC 9207).
    pub iss: Option<String>,
    /// That an administrator consented (Microsoft).
    pub admin_consent: Option<String>,
}

/// Asks for consents.
#[derive(Clone)]
pub struct Consents {
    config: OAuth,
    http: Http,
    clock: Clock,
}

impl Consents {
    /// With the registrations of `config`.
    pub fn new(config: OAuth, http: Http, clock: Clock) -> Self {
        Self { config, http, clock }
    }

    fn app(&self, provider: Provider) -> Result<&OAuthApp, Trouble> {
        self.config.app(provider).ok_or_else(no_registration)
    }

    /// Where a browser on this machine brings the answer.
    pub fn loopback(&self, account: &account::Model) -> Result<Url, Trouble> {
        let provider = provider_of(account)?;
        let app = self.app(provider)?;
        url(provider, "loopback_redirect_uri", &app.loopback_redirect_uri)
    }

    /// A request for consent. Providers give a refresh token only with some consents; `insist` asks for the screen that
    /// brings one.
    pub fn attempt(&self, wanted: &Wanted, insist: bool) -> Result<Attempt, Trouble> {
        let app = self.app(wanted.provider)?;
        let authorize = url(wanted.provider, "authorize_url", &app.with_tenant(&app.authorize_url))?;
        let client = client::client(wanted.provider, app)?
            .set_auth_uri(AuthUrl::from_url(authorize))
            .set_redirect_uri(RedirectUrl::from_url(wanted.redirect_uri.clone()));
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .set_pkce_challenge(challenge)
            .add_scopes(scopes(app))
            .add_extra_param("nonce", nonce.secret().clone())
            .add_extra_param("login_hint", wanted.signs_in_as.clone());
        for (name, value) in provider::of(wanted.provider).authorize_parameters {
            if !(insist && *name == "prompt") {
                request = request.add_extra_param(*name, *value);
            }
        }
        if insist {
            request = request.add_extra_param("prompt", "consent");
        }
        let (url, state) = request.url();
        let secrets = Secrets { verifier: verifier.into_secret(), nonce: nonce.into_secret() };
        Ok(Attempt { url, state: state.into_secret().into(), secrets })
    }

    /// Turns an answer, whose `state` has been checked, into tokens; refuses those of the wrong person, for the wrong
    /// thing, or that do not last.
    pub async fn redeem(&self, wanted: &Wanted, secrets: Secrets, answer: Answer) -> Result<Consented, Refused> {
        let code = self.code(wanted, answer)?;
        let app = self.app(wanted.provider)?;
        let client =
            client::client(wanted.provider, app)?.set_redirect_uri(RedirectUrl::from_url(wanted.redirect_uri.clone()));
        let call = Call::new(&self.http);
        let code = AuthorizationCode::new(code);
        let request = client.exchange_code(code).set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier));
        let tokens = request.request_async(&call).await;
        let tokens = tokens.map_err(|error| call.with_wish(trouble(wanted.provider.as_str(), &error)))?;
        self.checked(wanted.provider, &wanted.signs_in_as, Some(&secrets.nonce), &tokens)
    }

    fn code(&self, wanted: &Wanted, answer: Answer) -> Result<String, Refused> {
        if let Some(error) = &answer.error {
            return Err(self.declined(wanted, error)?);
        }
        let app = self.app(wanted.provider)?;
        if answer
            .iss
            .is_some_and(|iss| identity::issuer(wanted.provider, app).is_some_and(|ours| !ours.fits(&iss, None)))
        {
            return Err(Refused::Forged);
        }
        answer.code.filter(|code| !code.is_empty()).ok_or(Refused::Forged)
    }

    fn declined(&self, wanted: &Wanted, error: &str) -> Result<Refused, Trouble> {
        let admin = self.admin_link(wanted)?;
        Ok(match Class::of(error) {
            Class::AdminConsent if admin.is_some() => Refused::NeedsAdminConsent { link: admin },
            Class::Registration => Refused::Trouble(Trouble::operator(format!(
                "{} refused our registration ({}): check oauth.{}.client_id, scope, tenant, and that {} is a redirect URI \
                 of the registration",
                wanted.provider.as_str(),
                word(error),
                wanted.provider.as_str(),
                wanted.redirect_uri
            ))),
            Class::Later => Refused::Trouble(Trouble::retry(format!(
                "{} could not ask for consent ({})",
                wanted.provider.as_str(),
                word(error)
            ))),
            Class::Consent | Class::AdminConsent => Refused::Declined { error: word(error), admin },
        })
    }

    /// Where an administrator consents for the whole organisation.
    pub fn admin_link(&self, wanted: &Wanted) -> Result<Option<Url>, Trouble> {
        let app = self.app(wanted.provider)?;
        if app.admin_consent_url.is_empty() {
            return Ok(None);
        }
        // Microsoft takes no `common` here: an administrator is one of an organisation.
        let tenant = if app.tenant == "common" { "organizations" } else { &app.tenant };
        let text = app.admin_consent_url.replace("{tenant}", tenant);
        let mut link = url(wanted.provider, "admin_consent_url", &text)?;
        link.query_pairs_mut()
            .append_pair("client_id", &app.client_id)
            .append_pair("redirect_uri", wanted.redirect_uri.as_str())
            .append_pair("scope", &mail_scopes(app).collect::<Vec<_>>().join(" "));
        Ok(Some(link))
    }

    fn checked(
        &self,
        provider: Provider,
        signs_in_as: &str,
        nonce: Option<&str>,
        tokens: &client::Answer,
    ) -> Result<Consented, Refused> {
        let app = self.app(provider)?;
        let wanted = identity::Wanted { provider, app, address: signs_in_as, nonce, now: self.clock.now() };
        let subject = identity::check(&wanted, tokens.extra_fields().id_token.as_deref())?;
        let scope = tokens.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
        if let Some(granted) = &scope {
            let has = |wanted: &str| granted.iter().any(|granted| granted.eq_ignore_ascii_case(wanted));
            if let Some(missing) = mail_scopes(app).find(|wanted| !has(wanted)) {
                return Err(Refused::Scope { missing: missing.to_owned() });
            }
        }
        let refresh = tokens.refresh_token().map(|token| token.secret().as_str()).filter(|token| !token.is_empty());
        Ok(Consented {
            refresh_token: refresh.ok_or(Refused::NotLasting)?.into(),
            access_token: tokens.access_token().secret().as_str().into(),
            expires_in: tokens.expires_in(),
            scope: scope.map(|scopes| scopes.join(" ")),
            subject: Some(subject),
        })
    }
}

/// A provider's word as RFC 6749 spells them, and no more of what it may have said.
fn word(error: &str) -> String {
    error.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(64).collect()
}

fn url(provider: Provider, key: &str, text: &str) -> Result<Url, Trouble> {
    let provider = provider.as_str();
    if text.is_empty() {
        return Err(Trouble::operator(format!("oauth.{provider}.{key} is empty, and without it nobody can consent")));
    }
    Url::parse(text).map_err(|_| Trouble::operator(format!("oauth.{provider}.{key} is no URL")))
}

fn scopes(app: &OAuthApp) -> impl Iterator<Item = Scope> {
    app.scope.split_ascii_whitespace().map(|scope| Scope::new(scope.to_owned()))
}

/// The scopes that open a mailbox: those that are not OpenID Connect's own.
fn mail_scopes(app: &OAuthApp) -> impl Iterator<Item = &str> {
    let of_identity = ["openid", "email", "profile", "offline_access"];
    app.scope.split_ascii_whitespace().filter(move |scope| !of_identity.contains(scope))
}
