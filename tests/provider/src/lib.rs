//! A mail and OAuth provider on loopback, for tests and the demo: real protocols over real sockets, with the habits and
//! the failures of the providers it stands for.
//!
//! ```text
//!   test ── create_user, deliver, expunge ──► State ◄── LIST EXAMINE FETCH SEARCH IDLE ── Session ◄─ TLS ─ the worker
//!    │  └── inject(When, Fault) ────────────────────────────► bends the answer ──┘  │                         │
//!    │  ◄── commands(), wait_for_command() ◄──────────────────── records ───────────┘                         │
//!    └───── grant, expire_access, revoke, fail_next ──► Tokens ◄── /authorize /token /revoke /introspect ◄────┘
//! ```
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use provider::{Fault, Profile, Provider, When};
//!
//! let provider = Provider::start(Profile::Gmail).await;
//! let refresh_token = provider.create_user("anna@ours.example");
//! let uid = provider.mail.deliver("anna@ours.example", "INBOX", "Subject: hello\r\n\r\nHello.\r\n");
//! provider.mail.inject(When::verb("UID FETCH").uid(uid), Fault::CutInLiteral);
//! assert!(provider.oauth.issued().contains(&refresh_token));
//! # });
//! ```
//!
//! State is set at once and seen by the next command; nothing waits for time. What a provider cannot do (no such user,
//! no free port) panics, because a test could do nothing else.

pub mod dns;

pub mod imap;

pub mod oauth;

mod provider;

pub mod smtp;

mod tls;

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use dns::DnsServer;
pub use imap::{Command, Fault, Logins, MailServer, MailSettings, Profile, UidNext, When};
pub use oauth::{Failure, OAuthServer, OAuthSettings, RefreshRule, ServiceAccount, TokenRequest};
pub use provider::{Connection, Provider};
pub use smtp::{Hello, Mail, SmtpFault, SmtpServer, SmtpSettings};
pub use tls::Certificate;

/// The value, or the end of the test.
#[expect(clippy::panic, reason = "a provider that cannot be set up should fail its test, loudly")]
#[track_caller]
pub(crate) fn must<T, E: Debug>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("provider: {what}: {error:?}"))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
