//! An IMAP4rev1 server on loopback, over TLS or plain.

mod auth;
mod command;
mod fault;
mod fetch;
mod folders;
mod header;
mod listener;
mod mailbox;
mod messages;
mod names;
mod profile;
mod response;
mod search;
mod server;
mod session;
mod state;
mod wire;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

pub use self::command::Command;
use self::command::Request;
use self::fault::Faults;
pub use self::fault::{Fault, When};
pub use self::mailbox::UidNext;
pub use self::profile::Profile;
use self::response::End;
pub use self::server::{Logins, MailServer, MailSettings};
use self::state::State;
use crate::lock;
use crate::oauth::OAuthHandle;

/// What the sessions share.
pub(crate) struct Server {
    profile: Profile,
    oauth: Option<OAuthHandle>,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    /// Counts changes, to wake those that IDLE.
    changes: watch::Sender<u64>,
    log: watch::Sender<Vec<Command>>,
    pushes: broadcast::Sender<Push>,
    sent: AtomicU64,
    sessions: AtomicU64,
    stop: CancellationToken,
}

/// Said to sessions out of turn.
#[derive(Clone, Debug)]
struct Push {
    /// To whose sessions; to all.
    user: Option<String>,
    line: Option<String>,
    end: End,
}

impl Server {
    fn new(profile: Profile, oauth: Option<OAuthHandle>) -> Arc<Self> {
        Arc::new(Self {
            profile,
            oauth,
            state: Mutex::new(State::new(profile)),
            faults: Mutex::default(),
            changes: watch::Sender::default(),
            log: watch::Sender::default(),
            pushes: broadcast::Sender::new(64),
            sent: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            stop: CancellationToken::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn note(&self, command: Command) {
        self.log.send_modify(|log| log.push(command));
    }

    fn take_fault(&self, command: &Command, request: Option<&Request>) -> Option<Fault> {
        lock(&self.faults).take(command, request)
    }
}
