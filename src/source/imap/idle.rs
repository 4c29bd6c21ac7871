//! Waiting for news (RFC 2177).

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::wire::{Fault, Tag, Wire, accepted};
use crate::source::plan::Selected;
use crate::trouble::Trouble;

/// What waiting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// New messages have come.
    Changed,
    /// None have.
    Quiet,
}

/// How long one IDLE lasts: network devices forget a quiet connection long before the 29 minutes RFC 2177 allows.
const ONE_IDLE: Duration = Duration::from_secs(9 * 60);

pub(super) async fn wait(wire: &mut Wire, span: Duration) -> Result<Waited, Fault> {
    wire.idle()?;
    let end = Instant::now() + span;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if wire.news || left.is_zero() {
            return Ok(waited(wire));
        }
        if !one_idle(wire, left.min(ONE_IDLE)).await? {
            // A server that ends IDLE at once would be asked without pause.
            let left = end.saturating_duration_since(Instant::now());
            return sleep(wire, left).await;
        }
    }
}

/// What a poll in IDLE came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Nothing came to the examined mailbox. IDLE goes on; this is what STATUS says of the others, in order.
    Quiet(Vec<Selected>),
    /// Messages have come. IDLE is over.
    Changed,
    /// The server ended IDLE of its own accord; it was asked for news when the time was over.
    Ended,
}

/// Waits up to `span` in IDLE, which is begun if it is not under way; then asks for news in one write that begins the next
/// IDLE as well: a server that falls silent in IDLE still tells its news when it is asked. `asks` are STATUS commands.
pub(super) async fn poll(wire: &mut Wire, span: Duration, asks: &[String]) -> Result<Polled, Fault> {
    let tag = match wire.idling.take() {
        Some(tag) => tag,
        None => {
            wire.idle()?;
            if wire.news {
                return Ok(Polled::Changed);
            }
            match begin(wire).await? {
                Some(tag) => tag,
                // A server that ends IDLE at once would be asked without pause.
                None => return sleep(wire, span).await.map(|_| Polled::Ended),
            }
        }
    };
    let end = Instant::now() + span.min(ONE_IDLE);
    while !wire.news {
        let left = end.saturating_duration_since(Instant::now());
        match wire.next_within(left).await? {
            Some(Answer::Done(done)) => {
                accepted(done)?;
                return sleep(wire, left).await.map(|_| Polled::Ended);
            }
            Some(_) => {}
            None => return ask(wire, asks).await,
        }
    }
    finish(wire, &tag).await?;
    Ok(Polled::Changed)
}

/// Ends the IDLE that a poll left under way.
pub(super) async fn leave(wire: &mut Wire) -> Result<(), Fault> {
    match wire.idling.take() {
        Some(tag) => finish(wire, &tag).await,
        None => Ok(()),
    }
}

/// Asks in between two IDLEs.
async fn ask(wire: &mut Wire, asks: &[String]) -> Result<Polled, Fault> {
    let commands: Vec<&str> = ["NOOP"].into_iter().chain(asks.iter().map(String::as_str)).chain(["IDLE"]).collect();
    let span = wire.command_timeout();
    let exchange = async {
        let tags = wire.send_after_idle(&commands).await?;
        let mut told = Vec::with_capacity(asks.len());
        loop {
            match wire.next().await? {
                Answer::Continue(_) => break,
                Answer::Status(selected) => told.push(selected),
                Answer::Done(done) => {
                    let is_idle = tags.last().is_some_and(|tag| *tag == done.tag);
                    accepted(done)?;
                    if is_idle {
                        return Ok(Polled::Ended);
                    }
                }
                _ => {}
            }
        }
        match tags.last() {
            Some(tag) if wire.news => {
                finish(wire, tag).await?;
                Ok(Polled::Changed)
            }
            tag => {
                wire.idling = tag.cloned();
                Ok(Polled::Quiet(told))
            }
        }
    };
    match timeout(span, exchange).await {
        Ok(polled) => polled,
        Err(_) => Err(Fault::Lost(Trouble::reconnect("the server does not answer after IDLE"))),
    }
}

/// Where there is no IDLE: sleeps and looks once.
pub(super) async fn sleep(wire: &mut Wire, span: Duration) -> Result<Waited, Fault> {
    wire.idle()?;
    if !wire.news {
        tokio::time::sleep(span).await;
        wire.run("NOOP", |_| {}).await?;
    }
    Ok(waited(wire))
}

fn waited(wire: &Wire) -> Waited {
    if wire.news { Waited::Changed } else { Waited::Quiet }
}

/// One IDLE until there is news or `span` is over; false if the server ended it.
async fn one_idle(wire: &mut Wire, span: Duration) -> Result<bool, Fault> {
    let Some(tag) = begin(wire).await? else { return Ok(false) };
    let end = Instant::now() + span;
    while !wire.news {
        let left = end.saturating_duration_since(Instant::now());
        match wire.next_within(left).await? {
            Some(Answer::Done(done)) => return accepted(done).map(|_| false),
            Some(_) => {}
            None => break,
        }
    }
    finish(wire, &tag).await?;
    Ok(true)
}

/// Begins IDLE; none if the server ended it at once.
async fn begin(wire: &mut Wire) -> Result<Option<Tag>, Fault> {
    let tag = wire.send("IDLE").await?;
    loop {
        match wire.next().await? {
            Answer::Continue(_) => return Ok(Some(tag)),
            // A refusal comes instead of the `+`.
            Answer::Done(done) => return accepted(done).map(|_| None),
            _ => {}
        }
    }
}

async fn finish(wire: &mut Wire, tag: &Tag) -> Result<(), Fault> {
    wire.line("DONE").await?;
    match timeout(wire.command_timeout(), wire.finish(tag, &mut |_| {})).await {
        Ok(result) => result.map(|_| ()),
        Err(_) => Err(Fault::Lost(Trouble::reconnect("the server does not end IDLE when asked to"))),
    }
}
