//! Where to connect, as whom, and what we put up with.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::meter::Meter;
use crate::trouble::Trouble;

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name, which its certificate must bear, or its IP address.
    pub host: String,
    /// Its port, usually 993.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// How a connection is protected. There is no STARTTLS: what can be stripped off protects nobody (RFC 8314).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// None; only to this machine itself.
    Plaintext,
}

impl Endpoint {
    /// Refuses what would send a credential over a network in the clear.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        let loopback = self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match self.security {
            Security::Plaintext if !loopback => Err(Trouble::operator(format!(
                "{} is to be reached without TLS, which is allowed only for this machine itself: use TLS (port 993)",
                self.host
            ))),
            _ => Ok(()),
        }
    }
}

/// How to log in. Its Debug output shows no secret.
#[derive(Debug, Clone)]
pub enum Login {
    /// SASL XOAUTH2 with an access token.
    XOAuth2 {
        /// The mailbox's login.
        user: String,
        /// The access token.
        token: SecretString,
    },
    /// AUTHENTICATE PLAIN, or LOGIN where the server has nothing better.
    Password {
        /// The mailbox's login.
        user: String,
        /// Its password.
        password: SecretString,
    },
}

/// What a session puts up with. What a server sends beyond it ends the connection.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long it may take until the connection stands, TLS included.
    pub connect_timeout: Duration,
    /// How long the greeting, and how long any command with a short answer, may take.
    pub command_timeout: Duration,
    /// How long a server may be silent in the middle of a long answer.
    pub idle_read_timeout: Duration,
    /// How long a server may take for 64 KiB in the middle of a long answer: not for ever, a byte at a time.
    pub trickle_timeout: Duration,
    /// The most bytes of literals in one answer: the longest message that is fetched in one piece.
    pub literal_bytes: u32,
    /// The longest line, literals not counted.
    pub line_bytes: u32,
    /// The most parentheses one answer may open.
    pub nesting: u16,
    /// A message announced as longer than this is fetched alone and in slices of this length.
    pub slice_bytes: u32,
    /// The longest message that is fetched at all.
    pub message_bytes: u32,
    /// How many announced bytes are asked for in one command.
    pub batch_bytes: u64,
    /// How many messages are asked for in one command.
    pub batch_messages: usize,
    /// Whether the account has ever been read. Then words that mean a missing permission or too many connections are
    /// taken for the latter.
    pub has_worked: bool,
    /// Where it is counted what the session costs.
    pub meter: Arc<Meter>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            command_timeout: Duration::from_secs(60),
            idle_read_timeout: Duration::from_secs(60),
            trickle_timeout: Duration::from_secs(150),
            literal_bytes: 8 << 20,
            line_bytes: 1 << 20,
            nesting: 32,
            slice_bytes: 1 << 20,
            message_bytes: 160 << 20,
            batch_bytes: 4 << 20,
            batch_messages: 500,
            has_worked: false,
            meter: Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_goes_to_this_machine_only() {
        let endpoint = |host: &str, security| Endpoint { host: host.to_owned(), port: 143, security };
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert_eq!(endpoint(host, Security::Plaintext).check(), Ok(()));
        }
        for host in ["mail.example", "10.0.0.1", "localhost.mail.example"] {
            assert!(matches!(endpoint(host, Security::Plaintext).check(), Err(Trouble::Operator { .. })));
            assert_eq!(endpoint(host, Security::Tls).check(), Ok(()));
        }
    }

    #[test]
    fn a_login_shows_no_secret() {
        let login = Login::XOAuth2 { user: "anna@ours.example".to_owned(), token: "sesame".to_owned().into() };
        assert!(!format!("{login:?}").contains("sesame"));
    }
}
