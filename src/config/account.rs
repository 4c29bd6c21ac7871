//! Workspaces and accounts that are declared rather than added by command.

use std::io;
use std::path::PathBuf;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::value::Secret;
use super::{day, optional};
use crate::oauth::provider;

/// Who may see an activity (G5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody who may see the contact.
    #[default]
    Everyone,
    /// The team of the attributed user.
    Team,
    /// The attributed user.
    Owner,
}

impl Visibility {
    /// The word the database and the configuration use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Team => "team",
            Self::Owner => "owner",
        }
    }
}

/// `[workspace]`: the workspace named "default".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workspace {
    /// Domains whose people are colleagues (F9).
    pub own_domains: Vec<String>,
    /// Who may see what is logged.
    pub visibility: Visibility,
}

/// Whether a workspace may have this name: it becomes the tag of a mail address, as in `log+sales@ours.example`.
pub fn is_workspace_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// `[[workspaces]]`: one more workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceDeclaration {
    /// Its name, as in `--workspace`.
    pub name: String,
    /// As in [`Workspace`].
    #[serde(default)]
    pub own_domains: Vec<String>,
    /// As in [`Workspace`].
    #[serde(default)]
    pub visibility: Visibility,
}

/// What an account is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// Mail that users sent with the log address in Bcc (A1).
    Bcc,
    /// Mail that users forward (B1).
    Forwarding,
    /// A user's own mailbox.
    Personal,
    /// A mailbox of several users.
    Team,
}

impl AccountKind {
    /// The word the database, the commands and the configuration use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bcc => "bcc",
            Self::Forwarding => "forwarding",
            Self::Personal => "personal",
            Self::Team => "team",
        }
    }
}

/// Who hosts an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Gmail and Google Workspace.
    Google,
    /// Exchange Online and outlook.com.
    Microsoft,
    /// Any other IMAP server.
    Imap,
}

impl Provider {
    /// The provider of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Google, Self::Microsoft, Self::Imap].into_iter().find(|provider| provider.as_str() == name)
    }

    /// The word the database, the commands and the configuration use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::Imap => "imap",
        }
    }
}

/// How an account logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// XOAUTH2 with a token of the provider.
    #[serde(rename = "oauth")]
    #[value(name = "oauth")]
    OAuth,
    /// A password from a file.
    Password,
    /// XOAUTH2 with a token that the program gets by itself: a Google service account, or an application at Microsoft.
    Service,
}

impl Auth {
    /// The word the database, the commands and the configuration use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::Password => "password",
            Self::Service => "service",
        }
    }
}

/// How the wire is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// None; only to this machine and only with `tls.allow_plaintext_loopback`.
    Plaintext,
}

impl Security {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Plaintext => "plaintext",
        }
    }
}

/// `[[accounts]]`: a BCC or forwarding account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `bcc` or `forwarding`.
    pub kind: AccountKind,
    /// Who hosts it.
    pub provider: Provider,
    /// Its mail address.
    pub address: String,
    /// The workspaces it serves (A18).
    #[serde(default = "default_workspaces")]
    pub workspaces: Vec<String>,
    /// IMAP host; the provider's where it is empty.
    #[serde(default, with = "optional")]
    pub host: Option<String>,
    /// IMAP port.
    #[serde(default = "imaps")]
    pub port: u16,
    /// How it logs in; by OAuth at Google and Microsoft, by password elsewhere, where it is empty.
    #[serde(default, with = "optional")]
    pub auth: Option<Auth>,
    /// A file that holds the password.
    #[serde(default, with = "optional")]
    pub password_file: Option<PathBuf>,
    /// A refresh token to start from.
    #[serde(default, with = "optional")]
    pub refresh_token: Option<Secret>,
    /// A file that holds a refresh token to start from.
    #[serde(default, with = "optional")]
    pub refresh_token_file: Option<PathBuf>,
    /// The IMAP login; the address where it is empty.
    #[serde(default, with = "optional")]
    pub imap_user: Option<String>,
    /// Take mail from this day on; from the first where it is empty.
    #[serde(default, with = "day")]
    pub since: Option<NaiveDate>,
    /// How the wire is protected.
    #[serde(default)]
    pub security: Security,
}

impl Account {
    /// The host to connect to: the one that is set, else the provider's.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref().or_else(|| provider::imap_host(self.provider))
    }

    /// How to log in: as set, else as is usual at the provider.
    pub fn auth(&self) -> Auth {
        self.auth.unwrap_or(if self.provider == Provider::Imap { Auth::Password } else { Auth::OAuth })
    }

    /// The refresh token to start from, by value or from its file.
    pub fn refresh_token(&self) -> io::Result<Option<Secret>> {
        match (&self.refresh_token, &self.refresh_token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(file)) => Secret::read(file).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn default_workspaces() -> Vec<String> {
    vec!["default".to_owned()]
}

fn imaps() -> u16 {
    993
}
