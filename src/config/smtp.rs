//! By which server notices to users leave.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::optional;

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpSecurity {
    /// TLS begins with STARTTLS (RFC 3207); a server without it is refused.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None; to this machine only.
    PlaintextLoopback,
}

/// How the program logs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpAuth {
    /// Not at all: the server knows this machine.
    None,
    /// With a password from a file.
    #[default]
    Password,
    /// XOAUTH2, with the tokens of an account that is connected.
    #[serde(rename = "oauth")]
    OAuth,
}

/// `[smtp]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// The server that takes our mail; empty: notices wait.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// From whom the notices are.
    pub from: String,
    /// The name beside it.
    pub from_name: String,
    /// How the program logs in.
    pub auth: SmtpAuth,
    /// The login; empty: `from`, or with `oauth` the account.
    pub user: String,
    /// A file with the password.
    #[serde(with = "optional")]
    pub password_file: Option<PathBuf>,
    /// The connected account whose tokens are used.
    pub account: String,
    /// Whether the envelope names no sender, so that nobody answers a notice with a bounce.
    pub empty_sender: bool,
    /// Notices that one person gets in 24 hours at most; the rest waits.
    pub daily_per_recipient: u64,
    /// A notice that is older is not sent any more.
    pub max_age_hours: u32,
    /// Seconds until the server must have answered.
    pub timeout_seconds: u64,
}

impl Smtp {
    /// Whether notices are sent at all.
    pub fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// [`Self::max_age_hours`] as a duration.
    pub fn max_age(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.max_age_hours))
    }

    /// [`Self::timeout_seconds`] as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// Who logs in.
    pub fn login(&self) -> &str {
        let usual = if self.auth == SmtpAuth::OAuth { &self.account } else { &self.from };
        if self.user.is_empty() { usual } else { &self.user }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            security: SmtpSecurity::default(),
            from: String::new(),
            from_name: "mailtrail".to_owned(),
            auth: SmtpAuth::default(),
            user: String::new(),
            password_file: None,
            account: String::new(),
            empty_sender: true,
            daily_per_recipient: 20,
            max_age_hours: 72,
            timeout_seconds: 60,
        }
    }
}
