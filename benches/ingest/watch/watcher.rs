//! The floor: a client that waits in IDLE and notes when it hears of a message.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use crate::drain::Drain;
use crate::support::dovecot::PASSWORD;

/// Watches the user's `INBOX` from now on, in a thread of its own; every `EXISTS` gives a moment.
pub fn watch(port: u16, ca_file: PathBuf, user: String) -> Receiver<Instant> {
    let (heard, moments) = channel();
    let (ready, is_ready) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut client = Drain::connect(port, &ca_file).await;
            client.command(&format!("LOGIN \"{user}\" \"{PASSWORD}\"")).await;
            client.command("EXAMINE INBOX").await;
            client.send("a IDLE").await;
            client.next_line().await;
            let _ = ready.send(());
            while let Some(line) = client.next_line().await {
                if line.ends_with(b" EXISTS\r\n") && heard.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
    });
    is_ready.recv().expect("the watcher waits");
    moments
}
