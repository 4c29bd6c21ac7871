//! What is said out of turn: news during IDLE, and the words a test puts into the server's mouth.

use std::io;

use tokio::sync::broadcast::error::RecvError;

use super::Push;
use super::response::{End, Reply, Untagged};
use super::session::Session;

impl Session {
    /// RFC 2177: news at once, until DONE.
    pub(crate) async fn idle(&mut self) -> io::Result<Reply> {
        self.wire.send(b"+ idling\r\n").await?;
        loop {
            self.changes.borrow_and_update();
            let news = self.news();
            self.write_untagged(news).await?;
            tokio::select! {
                biased;
                push = self.pushes.recv() => match self.pushed(push).await? {
                    End::Open => {},
                    end => return Ok(Reply::nothing(end)),
                },
                // The server itself holds the sender, so this cannot fail.
                _ = self.changes.changed() => {},
                line = self.wire.line() => return Ok(match line? {
                    Some(line) if line.eq_ignore_ascii_case(b"DONE") => Reply::tagged("OK IDLE terminated."),
                    Some(_) => Reply::tagged("BAD Expected DONE."),
                    None => Reply::nothing(End::Cut),
                }),
            }
        }
    }

    /// What the test says out of turn.
    pub(crate) async fn pushed(&mut self, push: Result<Push, RecvError>) -> io::Result<End> {
        let Ok(push) = push else { return Ok(End::Open) };
        let user = self.login.as_ref().map(|login| login.user.as_str());
        if push.user.is_some() && push.user.as_deref() != user {
            return Ok(End::Open);
        }
        if let Some(line) = push.line {
            self.wire.send(format!("{line}\r\n").as_bytes()).await?;
        }
        Ok(push.end)
    }

    async fn write_untagged(&mut self, untagged: Vec<Untagged>) -> io::Result<()> {
        let mut bytes = Vec::new();
        untagged.iter().for_each(|untagged| untagged.write(&mut bytes));
        if bytes.is_empty() { Ok(()) } else { self.wire.send(&bytes).await }
    }
}
