//! The configuration: one TOML file, overlaid by the environment, every key with a default.
//!
//! A key is written `section.name` in the file and `MAILTRAIL_SECTION__NAME` in the environment. `config.example.toml`
//! lists them all; a test keeps it equal to [`Config::default`].

mod account;
mod audit;
mod check;
mod day;
mod dns;
mod events;
mod http;
mod load;
mod oauth;
mod optional;
mod policy;
mod smtp;
mod storage;
mod value;
mod watch;
mod worker;

pub use account::{
    Account, AccountKind, Auth, Provider, Security, Visibility, Workspace, WorkspaceDeclaration, is_workspace_name,
};
pub use audit::Audit;
pub use check::Problem;
pub use dns::Dns;
pub use events::Events;
pub use http::Http;
pub use load::{ConfigError, DEFAULT_FILE, Loaded};
pub use oauth::{OAuth, OAuthApp};
pub use policy::{
    AutoReplies, ForwardOwn, LoggingRule, NeverLog, Participants, Policy, SenderAuthentication, SubjectPolicy,
};
use serde::{Deserialize, Serialize};
pub use smtp::{Smtp, SmtpAuth, SmtpSecurity};
pub use storage::{Attachments, BodyOverLimit, Database, Limits, Secrets, Tls};
pub use value::{DatabaseUrl, Secret};
pub use watch::Watch;
pub use worker::{Log, LogFormat, Worker};

/// Everything an operator can set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where records are kept.
    pub database: Database,
    /// Whom to trust on the wire.
    pub tls: Tls,
    /// Who is asked about domains.
    pub dns: Dns,
    /// Where attachments are kept.
    pub attachments: Attachments,
    /// What is too big or too much.
    pub limits: Limits,
    /// The key that seals tokens.
    pub secrets: Secrets,
    /// The workspace named "default".
    pub workspace: Workspace,
    /// Our registrations with the providers.
    pub oauth: OAuth,
    /// The service's own pages.
    pub http: Http,
    /// By which server notices leave.
    pub smtp: Smtp,
    /// What is logged, and how.
    pub policy: Policy,
    /// Personal inboxes.
    pub watch: Watch,
    /// How often the server is held against the ledger.
    pub audit: Audit,
    /// How events reach other programs.
    pub events: Events,
    /// Pace and patience.
    pub worker: Worker,
    /// What the program says about itself.
    pub log: Log,
    /// Further workspaces.
    pub workspaces: Vec<WorkspaceDeclaration>,
    /// Declared BCC and forwarding accounts.
    pub accounts: Vec<Account>,
}

impl Config {
    /// The effective configuration as TOML, secrets redacted.
    pub fn redacted(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

#[cfg(test)]
mod tests;
