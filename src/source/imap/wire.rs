//! One command after the other over one connection: the only place that sends and reads.
//!
//! Every command is read up to its tagged result. A command that was begun and not finished (a timeout, a dropped
//! future) leaves the wire unusable, since nobody can tell any more whose answer comes next.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_imap::Client;
use futures::FutureExt;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::answer::{Answer, Done, Tagged};
use super::guard::{Guard, Io};
use super::meter::Meter;
use super::quirks;
use super::response_code::Notice;
use super::scan::{Bounds, Excess};
use crate::source::Limits;
use crate::trouble::Trouble;

/// What must come of a long answer within [`Limits::trickle_timeout`].
const TRICKLE: u64 = 64 * 1024;

/// The first pause after a request to slow down, and the longest: each further request doubles it.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(16)];

/// How far a session has come, which decides what a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
    /// Logging in with an access token.
    Token,
    /// Logging in with a password.
    Password,
    /// Logged in, but no mailbox has answered yet.
    Unproven,
    Proven,
}

impl Stage {
    pub(super) fn logged_in(self) -> bool {
        matches!(self, Self::Unproven | Self::Proven)
    }
}

/// Why a command has no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// A tagged NO or BAD; the session goes on.
    Refused { no: bool, notice: Notice },
    /// What came cannot be read; the session is over.
    Garbled(String),
    /// The session is over.
    Lost(Trouble),
}

pub(super) type Tag = String;

/// A connection, and what has been asked over it.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client<Guard>,
    pub(super) stage: Stage,
    command_timeout: Duration,
    read_timeout: Duration,
    trickle_timeout: Duration,
    meter: Arc<Meter>,
    next_tag: u64,
    /// Commands without a tagged result yet, oldest first.
    pending: VecDeque<Tag>,
    over: bool,
    throttled: bool,
    /// How long to wait before the next command, since the last was answered with a request to slow down.
    pause: Option<Duration>,
    has_worked: bool,
    /// How many messages the examined mailbox has, once told.
    pub(super) exists: Option<u32>,
    /// How many of those are no news, where that is known.
    pub(super) read: Option<u32>,
    /// The IDLE that is under way between two polls.
    pub(super) idling: Option<Tag>,
    /// Whether messages have come since that was last cleared. Servers tell it in between the answers to any command,
    /// and do not tell it again (RFC 3501 section 7).
    pub(super) news: bool,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>, limits: &Limits) -> Self {
        let bounds = Bounds {
            literal: u64::from(limits.literal_bytes),
            line: u64::from(limits.line_bytes),
            nesting: u32::from(limits.nesting),
        };
        Self {
            client: Client::new(Guard::new(io, bounds, Arc::clone(&limits.meter))),
            stage: Stage::Greeting,
            command_timeout: limits.command_timeout,
            read_timeout: limits.idle_read_timeout,
            trickle_timeout: limits.trickle_timeout,
            meter: Arc::clone(&limits.meter),
            next_tag: 0,
            pending: VecDeque::new(),
            over: false,
            throttled: false,
            pause: None,
            has_worked: limits.has_worked,
            exists: None,
            read: None,
            idling: None,
            news: false,
        }
    }

    /// Whether the server asked us to slow down while it still answered.
    pub(super) fn throttled(&self) -> bool {
        self.throttled
    }

    pub(super) fn command_timeout(&self) -> Duration {
        self.command_timeout
    }

    pub(super) fn trouble(&self, fault: Fault) -> Trouble {
        match fault {
            Fault::Refused { no, notice } => self.refusal(no, &notice),
            // Not a reconnect, which would meet the same answer at once.
            Fault::Garbled(reason) => Trouble::retry(reason),
            Fault::Lost(trouble) => trouble,
        }
    }

    /// What a refusal asks for, when it is not about a particular message.
    pub(super) fn refusal(&self, no: bool, notice: &Notice) -> Trouble {
        quirks::refusal(self.stage, self.has_worked, no, notice)
    }

    /// Runs a command with a short answer: `on` sees every answer, the whole may take `command_timeout`.
    pub(super) async fn run(&mut self, command: &str, mut on: impl FnMut(Answer)) -> Result<Done, Fault> {
        self.idle()?;
        let span = self.command_timeout;
        let exchange = async {
            let tag = self.send(command).await?;
            self.finish(&tag, &mut on).await
        };
        match timeout(span, exchange).await {
            Ok(result) => result,
            Err(_) => Err(self.lost(silent(span))),
        }
    }

    /// Runs a command with a long answer: it may take any time, as long as something keeps coming.
    pub(super) async fn stream(&mut self, command: &str, mut on: impl FnMut(Answer)) -> Result<Done, Fault> {
        self.idle()?;
        let tag = self.send(command).await?;
        self.finish(&tag, &mut on).await
    }

    /// Reads up to the tagged result of `tag`; NO and BAD are faults.
    pub(super) async fn finish(&mut self, tag: &Tag, on: &mut impl FnMut(Answer)) -> Result<Done, Fault> {
        loop {
            match self.next().await? {
                Answer::Done(done) if done.tag == *tag => return accepted(done),
                answer => on(answer),
            }
        }
    }

    /// Fails unless every command has been answered to its end.
    pub(super) fn idle(&self) -> Result<(), Fault> {
        if self.over || !self.pending.is_empty() {
            return Err(Fault::Lost(Trouble::reconnect("the session was cut short; a new one is needed")));
        }
        Ok(())
    }

    /// Sends a command and does not wait for its answer.
    pub(super) async fn send(&mut self, command: &str) -> Result<Tag, Fault> {
        self.afford()?;
        if let Some(pause) = self.pause {
            tokio::time::sleep(pause).await;
        }
        let tag = self.tag();
        self.line(&Zeroizing::new(format!("{tag} {command}"))).await?;
        Ok(tag)
    }

    /// Ends the IDLE under way and sends further commands, all in one write (RFC 3501 section 5.5).
    pub(super) async fn send_after_idle(&mut self, commands: &[&str]) -> Result<Vec<Tag>, Fault> {
        self.afford()?;
        let mut lines = "DONE".to_owned();
        let mut tags = Vec::with_capacity(commands.len());
        for command in commands {
            let tag = self.tag();
            lines.push_str(&format!("\r\n{tag} {command}"));
            tags.push(tag);
        }
        self.line(&lines).await?;
        Ok(tags)
    }

    fn tag(&mut self) -> Tag {
        self.next_tag += 1;
        self.meter.asked();
        let tag = format!("M{}", self.next_tag);
        self.pending.push_back(tag.clone());
        tag
    }

    /// Fails where nothing is left of what the account may cost its server in a day.
    fn afford(&mut self) -> Result<(), Fault> {
        self.meter.afford().map_err(|trouble| {
            self.over = true;
            Fault::Lost(trouble)
        })
    }

    /// Sends a line that continues a command. It may hold a secret.
    pub(super) async fn line(&mut self, line: &str) -> Result<(), Fault> {
        let bytes = Zeroizing::new([line.as_bytes(), b"\r\n"].concat());
        let stream = self.client.get_mut();
        let written = timeout(self.read_timeout, async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.cut(&error)),
            Err(_) => Err(self.lost("the server does not take what we send".to_owned())),
        }
    }

    /// The next answer, however long it takes as long as bytes keep coming, and not one by one.
    pub(super) async fn next(&mut self) -> Result<Answer, Fault> {
        let (silence, trickle) = (self.read_timeout, self.trickle_timeout);
        let received = |wire: &Self| (Instant::now(), wire.client.get_ref().received());
        let (mut heard, mut got_on) = (received(self), received(self));
        loop {
            if let Some(answer) = self.next_within(silence.min(trickle)).await? {
                return Ok(answer);
            }
            let now = received(self);
            if now.1 > heard.1 {
                heard = now;
            } else if now.0 - heard.0 >= silence {
                return Err(self.lost(silent(silence)));
            }
            if now.1 - got_on.1 >= TRICKLE {
                got_on = now;
            } else if now.0 - got_on.0 >= trickle {
                return Err(self.lost(format!("the server let an answer trickle for {trickle:?}")));
            }
        }
    }

    /// The next answer, or nothing if none is complete within `span`; reading may go on after that.
    pub(super) async fn next_within(&mut self, span: Duration) -> Result<Option<Answer>, Fault> {
        if self.over {
            return Err(Fault::Lost(Trouble::reconnect("the session is over; a new one is needed")));
        }
        // imap-proto panics on some input, e.g. INTERNALDATE NIL.
        let reading = AssertUnwindSafe(self.client.read_response()).catch_unwind();
        let answer = match timeout(span, reading).await {
            Err(_) => return Ok(None),
            Ok(Ok(Ok(Some(response)))) => Ok(Answer::of(response.parsed())),
            Ok(Ok(Ok(None))) => Err(None),
            Ok(Ok(Err(error))) => Err(Some(error)),
            Ok(Err(_panic)) => return Err(self.garbled("the server sent an answer our parser cannot take".to_owned())),
        };
        match answer {
            Ok(answer) => self.heard(answer).map(Some),
            Err(Some(error)) => Err(self.cut(&error)),
            Err(None) => Err(self.lost("the server closed the connection".to_owned())),
        }
    }

    fn heard(&mut self, answer: Answer) -> Result<Answer, Fault> {
        match &answer {
            Answer::Exists(exists) => {
                self.news |= self.exists.is_none_or(|before| *exists > before);
                self.exists = Some(*exists);
                Ok(answer)
            }
            Answer::Expunged => {
                self.exists = self.exists.map(|exists| exists.saturating_sub(1));
                self.read = self.read.map(|read| read.saturating_sub(1));
                Ok(answer)
            }
            Answer::Bye(notice) => {
                self.over = true;
                Err(Fault::Lost(quirks::farewell(self.stage, self.has_worked, notice)))
            }
            Answer::Done(done) => {
                // Not always the oldest: a server may work on several at once (RFC 3501 section 5.5).
                let Some(at) = self.pending.iter().position(|tag| *tag == done.tag) else {
                    return Err(self.garbled("the server answered a command it was not asked".to_owned()));
                };
                self.pending.remove(at);
                self.meter.stepped();
                let asks = done.status == Tagged::Ok && quirks::slow_down(&done.notice);
                let [shortest, longest] = PAUSES;
                self.pause = asks.then(|| self.pause.map_or(shortest, |pause| (pause * 2).min(longest)));
                // A command must have time left to be answered.
                self.pause = self.pause.map(|pause| pause.min(self.command_timeout / 2));
                self.throttled |= asks;
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    /// Tells a broken answer from a broken connection. The parser's error holds what it could not read, that is mail:
    /// it is never shown.
    fn cut(&mut self, error: &std::io::Error) -> Fault {
        let excess = error.get_ref().and_then(|inner| inner.downcast_ref::<Excess>()).copied();
        match excess.or(self.client.get_ref().broken()) {
            Some(excess) => self.garbled(excess.to_string()),
            None if error.kind() == std::io::ErrorKind::Other => {
                self.garbled("the server sent an answer that is not IMAP as we know it".to_owned())
            }
            None => self.lost(format!("the connection broke ({})", error.kind())),
        }
    }

    fn garbled(&mut self, reason: String) -> Fault {
        self.over = true;
        Fault::Garbled(reason)
    }

    /// Before the login a lost connection is no session to take up again at once.
    fn lost(&mut self, reason: String) -> Fault {
        self.over = true;
        Fault::Lost(if self.stage.logged_in() { Trouble::reconnect(reason) } else { Trouble::retry(reason) })
    }
}

/// A tagged NO or BAD as a fault.
pub(super) fn accepted(done: Done) -> Result<Done, Fault> {
    match done.status {
        Tagged::Ok => Ok(done),
        status => Err(Fault::Refused { no: status == Tagged::No, notice: done.notice }),
    }
}

fn silent(span: Duration) -> String {
    format!("the server did not answer within {span:?}")
}
