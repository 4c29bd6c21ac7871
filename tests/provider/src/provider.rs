//! Both servers in one, and what a client needs to reach them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::imap::{Logins, MailServer, MailSettings, Profile};
use crate::oauth::{OAuthServer, OAuthSettings};
use crate::{Certificate, must};

/// A mail server and the OAuth server that guards it. Dropping it stops both.
pub struct Provider {
    /// Mailboxes, faults, the record of commands.
    pub mail: MailServer,
    /// Grants and tokens.
    pub oauth: OAuthServer,
}

/// What goes into a configuration.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `localhost`.
    pub host: String,
    /// The port of the mail server.
    pub port: u16,
    /// A file with the authority that signed its certificate.
    pub ca_file: PathBuf,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret; empty for a public client.
    pub client_secret: String,
    /// The secret in a file.
    pub client_secret_file: PathBuf,
    /// Where a browser is sent.
    pub authorize_url: String,
    /// Where a device flow begins.
    pub device_url: String,
    /// Where tokens come from.
    pub token_url: String,
    /// RFC 7009.
    pub revoke_url: String,
    /// RFC 7662.
    pub introspect_url: String,
}

impl Provider {
    /// With OAuth as this profile's provider does it.
    pub async fn start(profile: Profile) -> Self {
        let oauth = match profile {
            Profile::Gmail => OAuthSettings::google(),
            Profile::Exchange => OAuthSettings::microsoft(),
            Profile::Plain => OAuthSettings::default(),
        };
        Self::start_with(profile, oauth, Certificate::Good).await
    }

    /// With other settings, or a certificate that should not be trusted.
    pub async fn start_with(profile: Profile, oauth: OAuthSettings, certificate: Certificate) -> Self {
        let oauth = OAuthServer::start(oauth).await;
        let logins = Logins::OAuth(oauth.handle());
        let mail = MailServer::start_with(MailSettings { profile, logins, certificate: Some(certificate) }).await;
        Self { mail, oauth }
    }

    /// A user with mailboxes and a grant: its refresh token.
    pub fn create_user(&self, address: &str) -> String {
        self.mail.create_user(address, None);
        self.oauth.grant(address)
    }

    /// What a client needs, with the authority and the client secret written to this folder.
    pub fn connection(&self, folder: &Path) -> Connection {
        let settings = self.oauth.settings();
        let client_secret = settings.client_secret.clone().unwrap_or_default();
        let port = self.mail.port();
        Connection {
            host: "localhost".to_owned(),
            port,
            ca_file: write(folder, &format!("ca-{port}.pem"), self.mail.ca_pem()),
            client_id: settings.client_id.clone(),
            client_secret_file: write(folder, &format!("client-secret-{port}"), &client_secret),
            client_secret,
            authorize_url: self.oauth.authorize_url(),
            device_url: self.oauth.device_url(),
            token_url: self.oauth.token_url(),
            revoke_url: self.oauth.revoke_url(),
            introspect_url: self.oauth.introspect_url(),
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    must(fs::write(&path, text), "the folder cannot be written");
    #[cfg(unix)]
    must(fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)), "its mode cannot be set");
    path
}
