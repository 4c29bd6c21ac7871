//! Codes, grants and tokens, and which of them are alive. Knows no HTTP.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::OAuthSettings;
use super::failure::Refusal;

/// A consent: who may be spoken for, and for what. An app-only grant has no user.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub id: u64,
    pub user: Option<String>,
    pub scope: String,
}

/// A code on its way through the browser.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub grant: Grant,
    pub redirect_uri: String,
    pub challenge: String,
    pub nonce: Option<String>,
    pub with_refresh: bool,
}

struct Refresh {
    grant: Grant,
    replaced: bool,
}

struct Access {
    grant: Grant,
    expires_at: DateTime<Utc>,
}

/// What a live access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The user who consented; none for a token of the client itself.
    pub user: Option<String>,
    /// The scopes, separated by spaces.
    pub scope: String,
    /// When the token ends.
    pub expires_at: DateTime<Utc>,
}

/// What a token request brings.
#[derive(Debug)]
pub(crate) struct Issued {
    pub grant: Grant,
    pub access: String,
    pub refresh: Option<String>,
    pub nonce: Option<String>,
}

/// A device that waits for its user (RFC 8628).
struct Device {
    user_code: String,
    scope: String,
    /// Who consented; `Some(None)` if the user did not.
    decided: Option<Option<String>>,
}

#[derive(Default)]
pub(crate) struct Tokens {
    devices: HashMap<String, Device>,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, Access>,
    grants: u64,
    consented: HashSet<String>,
    issued: Vec<String>,
}

impl Tokens {
    pub(crate) fn new_grant(&mut self, user: Option<&str>, scope: &str) -> Grant {
        self.grants += 1;
        Grant { id: self.grants, user: user.map(str::to_lowercase), scope: scope.to_owned() }
    }

    /// Remembers the consent; true when this user had not consented before.
    pub(crate) fn first_consent(&mut self, user: &str) -> bool {
        self.consented.insert(user.to_lowercase())
    }

    pub(crate) fn new_code(&mut self, code: Code) -> String {
        let name = self.mint("code");
        self.codes.insert(name.clone(), code);
        name
    }

    pub(crate) fn new_refresh(&mut self, grant: &Grant) -> String {
        let name = self.mint("refresh");
        self.refresh.insert(name.clone(), Refresh { grant: grant.clone(), replaced: false });
        name
    }

    pub(crate) fn new_access(&mut self, grant: &Grant, expires_at: DateTime<Utc>) -> String {
        let name = self.mint("access");
        self.access.insert(name.clone(), Access { grant: grant.clone(), expires_at });
        name
    }

    /// RFC 6749 section 4.1.3 and RFC 7636 section 4.6: a code works once, for its redirect URI and its verifier.
    pub(crate) fn redeem(
        &mut self,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<Issued, Refusal> {
        let code = self.codes.remove(code).ok_or_else(|| Refusal::bad("invalid_grant", "Unknown or used code."))?;
        if code.redirect_uri != redirect_uri {
            return Err(Refusal::bad("invalid_grant", "The redirect URI is not the one of the request."));
        }
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) != code.challenge {
            return Err(Refusal::bad("invalid_grant", "The code verifier does not fit the challenge."));
        }
        let refresh = code.with_refresh.then(|| self.new_refresh(&code.grant));
        let access = self.new_access(&code.grant, expires_at);
        Ok(Issued { grant: code.grant, access, refresh, nonce: code.nonce })
    }

    /// A refresh: with a new refresh token where the provider rotates them. The old one stays alive, unless its
    /// second use is taken for theft, which ends the whole grant (RFC 9700 section 4.14.2).
    pub(crate) fn renew(
        &mut self,
        token: &str,
        settings: &OAuthSettings,
        expires_at: DateTime<Utc>,
    ) -> Result<Issued, Refusal> {
        let known = self.refresh.get_mut(token).ok_or_else(Refusal::dead_grant)?;
        let grant = known.grant.clone();
        let reused = std::mem::replace(&mut known.replaced, settings.rotate);
        if reused && settings.reuse_detection {
            self.end_grant(grant.id);
            return Err(Refusal::dead_grant());
        }
        let refresh = settings.rotate.then(|| self.new_refresh(&grant));
        let access = self.new_access(&grant, expires_at);
        Ok(Issued { grant, access, refresh, nonce: None })
    }

    /// RFC 8628 section 3.2: the code of a device, and what its user types.
    pub(crate) fn new_device(&mut self, scope: &str) -> (String, String) {
        let device_code = self.mint("device");
        let user_code = format!("CODE-{}", self.devices.len() + 1);
        let device = Device { user_code: user_code.clone(), scope: scope.to_owned(), decided: None };
        self.devices.insert(device_code.clone(), device);
        (device_code, user_code)
    }

    pub(crate) fn decide(&mut self, user_code: &str, user: Option<&str>) -> bool {
        let device = self.devices.values_mut().find(|device| device.user_code == user_code);
        device.map(|device| device.decided = Some(user.map(str::to_owned))).is_some()
    }

    /// RFC 8628 section 3.5, in Microsoft's words where they are others.
    pub(crate) fn collect(
        &mut self,
        device_code: &str,
        settings: &OAuthSettings,
        expires_at: DateTime<Utc>,
    ) -> Result<Issued, Refusal> {
        let device = self.devices.get(device_code).ok_or_else(|| Refusal::bad("bad_verification_code", "Unknown."))?;
        let Some(decided) = device.decided.clone() else {
            return Err(Refusal::bad("authorization_pending", "The user has not decided."));
        };
        let scope = settings.granted_scope.clone().unwrap_or_else(|| device.scope.clone());
        self.devices.remove(device_code);
        let user = decided.ok_or_else(|| Refusal::bad("authorization_declined", "The user did not consent."))?;
        let grant = self.new_grant(Some(&user), &scope);
        let (refresh, access) = (self.new_refresh(&grant), self.new_access(&grant, expires_at));
        Ok(Issued { grant, access, refresh: Some(refresh), nonce: None })
    }

    pub(crate) fn live(&self, token: &str, now: DateTime<Utc>) -> Option<Live> {
        let access = self.access.get(token).filter(|access| access.expires_at > now)?;
        Some(Live { user: access.grant.user.clone(), scope: access.grant.scope.clone(), expires_at: access.expires_at })
    }

    /// RFC 7009: either token of a grant ends the grant.
    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        let refresh = self.refresh.get(token).map(|refresh| refresh.grant.id);
        let found = refresh.or_else(|| self.access.get(token).map(|access| access.grant.id));
        found.inspect(|id| self.end_grant(*id)).is_some()
    }

    pub(crate) fn revoke_user(&mut self, user: &str) {
        let user = Some(user.to_lowercase());
        self.refresh.retain(|_, refresh| refresh.grant.user != user);
        self.access.retain(|_, access| access.grant.user != user);
        self.consented.retain(|consented| Some(consented) != user.as_ref());
    }

    pub(crate) fn expire_user(&mut self, user: &str, now: DateTime<Utc>) {
        let user = Some(user.to_lowercase());
        for access in self.access.values_mut().filter(|access| access.grant.user == user) {
            access.expires_at = now - TimeDelta::seconds(1);
        }
    }

    pub(crate) fn issued(&self) -> Vec<String> {
        self.issued.clone()
    }

    pub(crate) fn note_issued(&mut self, token: &str) {
        self.issued.push(token.to_owned());
    }

    /// Whose refresh token this is or was, for the log of requests.
    pub(crate) fn owner(&self, refresh: &str) -> Option<String> {
        self.refresh.get(refresh).and_then(|refresh| refresh.grant.user.clone())
    }

    fn end_grant(&mut self, id: u64) {
        self.refresh.retain(|_, refresh| refresh.grant.id != id);
        self.access.retain(|_, access| access.grant.id != id);
    }

    fn mint(&mut self, kind: &str) -> String {
        let mut bytes = [0_u8; 32];
        crate::must(getrandom::fill(&mut bytes), "the system has no randomness");
        let token = format!("{kind}.{}", URL_SAFE_NO_PAD.encode(bytes));
        self.note_issued(&token);
        token
    }
}
