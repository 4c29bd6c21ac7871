//! How the server is started.

use std::time::Duration;

use super::service::ServiceAccount;

/// When a code brings a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRule {
    /// Always.
    Always,
    /// Google: with `access_type=offline`, and on later consents only with `prompt=consent`.
    AccessTypeOffline,
    /// Microsoft: with the scope `offline_access`.
    OfflineAccessScope,
    /// OpenID Connect Core section 11, to the letter: with `offline_access` and `prompt=consent`.
    ConsentScreen,
}

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct OAuthSettings {
    /// The one client it knows.
    pub client_id: String,
    /// Its secret; `None` is a public client, of which none is asked.
    pub client_secret: Option<String>,
    /// Life of an access token.
    pub expires_in: Duration,
    /// A new refresh token with every refresh.
    pub rotate: bool,
    /// With `rotate`: the second use of a refresh token ends its grant.
    pub reuse_detection: bool,
    /// When a code brings a refresh token.
    pub refresh_rule: RefreshRule,
    /// The scope granted whatever is asked, as when the user un-ticks one.
    pub granted_scope: Option<String>,
    /// The service account that may speak for users.
    pub service_account: ServiceAccount,
    /// The directory under whose name `/{tenant}/token` answers.
    pub tenant: String,
    /// Who consents when the request has no `login_hint`.
    pub default_user: Option<String>,
}

impl Default for OAuthSettings {
    fn default() -> Self {
        Self {
            client_id: "mailtrail-client".to_owned(),
            client_secret: Some("mailtrail-secret-of-the-client".to_owned()),
            expires_in: Duration::from_secs(3599),
            rotate: false,
            reuse_detection: false,
            refresh_rule: RefreshRule::Always,
            granted_scope: None,
            service_account: ServiceAccount::default(),
            tenant: "00000000-0000-0000-0000-00000000c0de".to_owned(),
            default_user: None,
        }
    }
}

impl OAuthSettings {
    /// No rotation; refresh tokens for `access_type=offline`.
    pub fn google() -> Self {
        Self { refresh_rule: RefreshRule::AccessTypeOffline, ..Self::default() }
    }

    /// A new refresh token each time, the old one stays alive; `offline_access` is asked for.
    pub fn microsoft() -> Self {
        Self { rotate: true, refresh_rule: RefreshRule::OfflineAccessScope, ..Self::default() }
    }
}
