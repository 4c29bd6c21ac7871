//! An OAuth 2.0 authorization server on loopback, over plain HTTP.

mod authorize;
mod device;
mod endpoints;
mod failure;
mod service;
mod settings;
mod tokens;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::failure::Failure;
pub use self::service::ServiceAccount;
pub use self::settings::{OAuthSettings, RefreshRule};
pub use self::tokens::Live;
use self::tokens::Tokens;
use crate::{lock, must};

/// One request the token endpoint saw, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// `grant_type` of the form.
    pub grant_type: String,
    /// Whose grant it is, where known.
    pub user: Option<String>,
    /// `scope` of the form.
    pub scope: Option<String>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The error word of the answer.
    pub error: Option<String>,
}

/// What Microsoft grants to a program that reads mail.
const MICROSOFT_SCOPE: &str = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access openid email";

pub(crate) struct Shared {
    pub settings: OAuthSettings,
    pub base: String,
    pub stop: CancellationToken,
    tokens: Mutex<Tokens>,
    ahead: Mutex<Duration>,
    failures: Mutex<VecDeque<Failure>>,
    denials: Mutex<VecDeque<String>>,
    others: Mutex<VecDeque<String>>,
    requests: watch::Sender<Vec<TokenRequest>>,
    authorizations: Mutex<Vec<BTreeMap<String, String>>>,
}

impl Shared {
    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        wall_clock() + *lock(&self.ahead)
    }

    /// Who signs in instead of whoever was asked for.
    pub(crate) fn take_other(&self) -> Option<String> {
        lock(&self.others).pop_front()
    }

    pub(crate) fn take_failure(&self) -> Option<Failure> {
        lock(&self.failures).pop_front()
    }

    pub(crate) fn take_denial(&self) -> Option<String> {
        lock(&self.denials).pop_front()
    }

    pub(crate) fn note_token_request(&self, request: TokenRequest) {
        self.requests.send_modify(|requests| requests.push(request));
    }

    pub(crate) fn note_authorization(&self, query: &BTreeMap<String, String>) {
        lock(&self.authorizations).push(query.clone());
    }
}

/// What a mail server needs to check tokens.
#[derive(Clone)]
pub struct OAuthHandle(Arc<Shared>);

impl OAuthHandle {
    /// What this access token stands for, if it is alive.
    pub fn live(&self, token: &str) -> Option<Live> {
        self.0.tokens().live(token, self.0.now())
    }
}

/// The running server; dropping it stops it.
pub struct OAuthServer {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl OAuthServer {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start(settings: OAuthSettings) -> Self {
        let listener = must(TcpListener::bind("127.0.0.1:0").await, "no free port on 127.0.0.1");
        let address = must(listener.local_addr(), "the listener has no address");
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            settings,
            base: format!("http://{address}"),
            stop: stop.clone(),
            tokens: Mutex::default(),
            ahead: Mutex::default(),
            failures: Mutex::default(),
            denials: Mutex::default(),
            others: Mutex::default(),
            requests: watch::Sender::default(),
            authorizations: Mutex::default(),
        });
        let server = axum::serve(listener, endpoints::router(Arc::clone(&shared)));
        tokio::spawn(server.with_graceful_shutdown(stop.clone().cancelled_owned()).into_future());
        Self { shared, _stop: stop.drop_guard() }
    }

    /// Where the browser is sent.
    pub fn authorize_url(&self) -> String {
        self.url("authorize")
    }

    /// Where codes and refresh tokens are exchanged.
    pub fn token_url(&self) -> String {
        self.url("token")
    }

    /// Where a device flow begins (RFC 8628).
    pub fn device_url(&self) -> String {
        self.url("device")
    }

    /// The user types the code of a device, and consents. Whether there is such a code.
    pub fn approve_device(&self, user_code: &str, user: &str) -> bool {
        self.shared.tokens().decide(user_code, Some(user))
    }

    /// The user types the code of a device, and does not consent. Whether there is such a code.
    pub fn deny_device(&self, user_code: &str) -> bool {
        self.shared.tokens().decide(user_code, None)
    }

    /// The token endpoint of one directory, as Microsoft has it.
    pub fn tenant_token_url(&self) -> String {
        self.url("{tenant}/token")
    }

    /// RFC 7009.
    pub fn revoke_url(&self) -> String {
        self.url("revoke")
    }

    /// RFC 7662.
    pub fn introspect_url(&self) -> String {
        self.url("introspect")
    }

    /// The settings it was started with (client id and secret among them).
    pub fn settings(&self) -> &OAuthSettings {
        &self.shared.settings
    }

    /// For a mail server that checks tokens against this server.
    pub fn handle(&self) -> OAuthHandle {
        OAuthHandle(Arc::clone(&self.shared))
    }

    /// A refresh token as if the user had consented.
    pub fn grant(&self, user: &str) -> String {
        let mut tokens = self.shared.tokens();
        tokens.first_consent(user);
        let grant = tokens.new_grant(Some(user), self.scope());
        tokens.new_refresh(&grant)
    }

    /// A live access token of the user, without asking the token endpoint.
    pub fn access_token(&self, user: &str) -> String {
        let expires_at = self.shared.now() + self.shared.settings.expires_in;
        let mut tokens = self.shared.tokens();
        let grant = tokens.new_grant(Some(user), self.scope());
        tokens.new_access(&grant, expires_at)
    }

    /// Ends the life of every access token of the user; the refresh tokens stay.
    pub fn expire_access(&self, user: &str) {
        let now = self.shared.now();
        self.shared.tokens().expire_user(user, now);
    }

    /// Whether this refresh token would still be taken.
    pub fn is_alive(&self, refresh_token: &str) -> bool {
        self.shared.tokens().owner(refresh_token).is_some()
    }

    /// Ends every grant of the user.
    pub fn revoke(&self, user: &str) {
        self.shared.tokens().revoke_user(user);
    }

    /// Sets the clock of this server forward.
    pub fn advance(&self, by: Duration) {
        *lock(&self.shared.ahead) += by;
    }

    /// The next `n` token requests fail so. Calls add up in order.
    pub fn fail_next(&self, n: usize, failure: Failure) {
        lock(&self.shared.failures).extend(std::iter::repeat_n(failure, n));
    }

    /// The next authorization comes back with this error (for instance `access_denied`).
    pub fn deny_next(&self, error: &str) {
        lock(&self.shared.denials).push_back(error.to_owned());
    }

    /// At the next authorization somebody else signs in than was asked for.
    pub fn sign_in_next(&self, user: &str) {
        lock(&self.shared.others).push_back(user.to_owned());
    }

    /// Every code and token ever issued: what no log and no database may hold in clear.
    pub fn issued(&self) -> Vec<String> {
        self.shared.tokens().issued()
    }

    /// Every token request so far.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.requests.borrow().clone()
    }

    /// Waits until there were at least `n` token requests.
    pub async fn wait_for_token_requests(&self, n: usize) {
        let mut requests = self.shared.requests.subscribe();
        must(requests.wait_for(|requests| requests.len() >= n).await.map(drop), "the server is gone");
    }

    /// The queries of every authorization request so far.
    pub fn authorizations(&self) -> Vec<BTreeMap<String, String>> {
        lock(&self.shared.authorizations).clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.shared.base)
    }

    fn scope(&self) -> &str {
        let usual = match self.shared.settings.refresh_rule {
            RefreshRule::OfflineAccessScope | RefreshRule::ConsentScreen => MICROSOFT_SCOPE,
            RefreshRule::Always | RefreshRule::AccessTypeOffline => "https://mail.google.com/ openid email",
        };
        self.shared.settings.granted_scope.as_deref().unwrap_or(usual)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where this crate reads the time")]
fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}
