//! What tells the program to end, or to look at its configuration again.

use crate::trouble::Trouble;

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Trouble> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|error| Trouble::operator(format!("Signals cannot be received: {error}.")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// SIGHUP.
pub(super) struct Hangups(tokio::signal::unix::Signal);

impl Hangups {
    pub(super) fn new() -> Result<Self, Trouble> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = signal(SignalKind::hangup());
        Ok(Self(hangup.map_err(|error| Trouble::operator(format!("Signals cannot be received: {error}.")))?))
    }

    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}
