//! One connection: reads commands, runs them, bends the answers that a fault asks for, writes them.

use std::io;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::command::{Command, Request};
use super::fault::Fault;
use super::profile::Profile;
use super::response::{End, Reply, Untagged};
use super::wire::{Io, Wire};
use super::{Push, Server};

/// Answers are written in pieces of about this size.
const PIECE: usize = 64 * 1024;

pub(crate) struct Session {
    pub server: Arc<Server>,
    pub wire: Wire,
    pub login: Option<Login>,
    pub selected: Option<Selected>,
    id: u64,
    pushes: broadcast::Receiver<Push>,
    changes: watch::Receiver<u64>,
}

pub(crate) struct Login {
    pub user: String,
    /// The access token, where it was one.
    pub token: Option<String>,
    /// Exchange says OK to a token without a right to the mailbox, and refuses every command after.
    pub connected: bool,
}

pub(crate) struct Selected {
    pub mailbox: String,
    pub read_only: bool,
    /// The UIDs this client knows of: their places are the sequence numbers.
    pub uids: Vec<u32>,
}

impl Session {
    pub(crate) fn new(server: &Arc<Server>, id: u64, stream: Box<dyn Io>) -> Self {
        Self {
            wire: Wire::new(stream, Arc::clone(server)),
            login: None,
            selected: None,
            id,
            pushes: server.pushes.subscribe(),
            changes: server.changes.subscribe(),
            server: Arc::clone(server),
        }
    }

    pub(crate) async fn run(mut self) -> io::Result<()> {
        let mut end = self.greet().await?;
        while end == End::Open {
            end = tokio::select! {
                line = self.wire.line() => match line? {
                    Some(line) => self.command(line).await?,
                    None => End::Cut,
                },
                push = self.pushes.recv() => self.pushed(push).await?,
            };
        }
        match end {
            End::Open | End::Cut => Ok(()),
            End::Close => self.wire.close().await,
            End::Hang => self.wire.wait_for_the_end().await,
            End::Endless => self.wire.endless_line().await,
        }
    }

    async fn greet(&mut self) -> io::Result<End> {
        let greeting = self.record("GREETING", "GREETING", None);
        let fault = self.server.take_fault(&greeting, None);
        let profile = self.server.profile;
        if let Some(Fault::Slow(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        let reply = match fault.as_ref().and_then(|fault| fault.instead(profile)) {
            Some(reply) => reply,
            None => {
                let reply = Reply { tagged: None, ..Reply::with([profile.greeting().to_owned()], "") };
                fault.into_iter().fold(reply, |reply, fault| fault.bend(reply, profile))
            }
        };
        self.write("*", reply).await
    }

    async fn command(&mut self, line: Vec<u8>) -> io::Result<End> {
        let Some(parts) = self.wire.rest(line).await? else { return Ok(End::Cut) };
        let Some(request) = Request::parse(&parts) else {
            self.wire.send(b"* BAD Null command\r\n").await?;
            return Ok(End::Open);
        };
        let command = self.record(&request.verb, &request.masked(), request.mailbox());
        let fault = self.server.take_fault(&command, Some(&request));
        self.server.note(command);
        let profile = self.server.profile;
        let reply = match fault.as_ref().and_then(|fault| fault.instead(profile)) {
            Some(reply) => reply,
            None => {
                self.before(fault.as_ref(), &request).await;
                let reply = self.answer(&request).await?;
                fault.into_iter().fold(reply, |reply, fault| fault.bend(reply, profile))
            }
        };
        self.write(&request.tag, reply).await
    }

    fn record(&self, verb: &str, line: &str, mailbox: Option<&str>) -> Command {
        let user = self.login.as_ref().map(|login| login.user.clone());
        let named = mailbox.map(|wire_name| {
            let state = self.server.state();
            let known = user.as_ref().and_then(|user| state.mailbox(user, wire_name));
            known.map_or_else(|| wire_name.to_owned(), |mailbox| mailbox.name.clone())
        });
        Command {
            session: self.id,
            mailbox: named.or_else(|| self.selected.as_ref().map(|selected| selected.mailbox.clone())),
            user,
            verb: verb.to_owned(),
            line: line.to_owned(),
        }
    }

    /// What a fault does before the command runs.
    async fn before(&mut self, fault: Option<&Fault>, request: &Request) {
        match fault {
            Some(Fault::Slow(delay)) => tokio::time::sleep(*delay).await,
            Some(Fault::ExpungeFirst) => self.expunge_asked(request),
            _ => {}
        }
    }

    async fn answer(&mut self, request: &Request) -> io::Result<Reply> {
        let profile = self.server.profile;
        let verb = request.verb.as_str();
        match verb {
            "CAPABILITY" => {
                let words = profile.capabilities(self.login.is_some());
                return Ok(Reply::with([format!("* CAPABILITY {words}")], "OK CAPABILITY completed."));
            }
            "LOGOUT" => {
                let reply = Reply::with(["* BYE LOGOUT requested".to_owned()], "OK LOGOUT completed.");
                return Ok(Reply { end: End::Close, ..reply });
            }
            "ID" => return Ok(Reply::with([profile.id().to_owned()], "OK ID completed.")),
            "NOOP" if self.login.is_none() => return Ok(Reply::tagged("OK NOOP completed.")),
            "AUTHENTICATE" if self.login.is_none() => return self.authenticate(request).await,
            "LOGIN" if self.login.is_none() => return Ok(self.login_with_password(request)),
            _ => {}
        }
        let Some(login) = &self.login else { return Ok(Reply::tagged(profile.unknown_command())) };
        if profile == Profile::Exchange && self.token_is_dead(login) {
            return Ok(Reply::bye(profile.session_expired()));
        }
        if !login.connected {
            return Ok(Reply::tagged("BAD User is authenticated but not connected."));
        }
        if verb == "IDLE" { self.idle().await } else { Ok(self.logged_in(request)) }
    }

    fn logged_in(&mut self, request: &Request) -> Reply {
        let profile = self.server.profile;
        match (request.verb.as_str(), self.selected.is_some()) {
            ("NOOP" | "CHECK", _) => self.with_news(Reply::tagged("OK NOOP completed.")),
            ("LIST", _) => self.list(request),
            ("EXAMINE", _) => self.open(request, true),
            ("SELECT", _) => self.open(request, false),
            ("STATUS", _) => self.status(request),
            ("ENABLE", _) if profile != Profile::Exchange => enable(request),
            ("UNSELECT" | "CLOSE", true) => {
                self.selected = None;
                Reply::tagged(format!("OK {} completed.", request.verb))
            }
            ("FETCH", true) => self.fetch(request, false),
            ("UID FETCH", true) => {
                let reply = self.fetch(request, true);
                self.with_news(reply)
            }
            ("SEARCH", true) => self.search(request, false),
            ("UID SEARCH", true) => {
                let reply = self.search(request, true);
                self.with_news(reply)
            }
            _ => Reply::tagged(profile.unknown_command()),
        }
    }

    /// RFC 2177: news at once, until DONE.
    async fn idle(&mut self) -> io::Result<Reply> {
        self.wire.send(b"+ idling\r\n").await?;
        loop {
            self.changes.borrow_and_update();
            let news = self.news();
            self.write_untagged(news).await?;
            tokio::select! {
                line = self.wire.line() => return Ok(match line? {
                    Some(line) if line.eq_ignore_ascii_case(b"DONE") => Reply::tagged("OK IDLE terminated."),
                    Some(_) => Reply::tagged("BAD Expected DONE."),
                    None => Reply::nothing(End::Cut),
                }),
                // The server itself holds the sender, so this cannot fail.
                _ = self.changes.changed() => {},
                push = self.pushes.recv() => match self.pushed(push).await? {
                    End::Open => {},
                    end => return Ok(Reply::nothing(end)),
                },
            }
        }
    }

    /// What the test says out of turn.
    async fn pushed(&mut self, push: Result<Push, broadcast::error::RecvError>) -> io::Result<End> {
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

    async fn write(&mut self, tag: &str, reply: Reply) -> io::Result<End> {
        let mut bytes = Vec::new();
        for untagged in reply.untagged {
            untagged.write(&mut bytes);
            if bytes.len() > PIECE {
                self.wire.send(&bytes).await?;
                bytes.clear();
            }
        }
        if let Some(tagged) = reply.tagged {
            bytes.extend_from_slice(format!("{tag} {tagged}\r\n").as_bytes());
        }
        self.wire.send(&bytes).await?;
        Ok(reply.end)
    }
}

/// RFC 5161. IMAP4rev2 is not on offer.
fn enable(request: &Request) -> Reply {
    let asked = request.arguments.iter().filter_map(|token| token.text()).map(str::to_uppercase);
    let known: Vec<String> = asked.filter(|word| word == "CONDSTORE").collect();
    Reply::with([format!("* ENABLED {}", known.join(" ")).trim_end().to_owned()], "OK ENABLE completed.")
}
