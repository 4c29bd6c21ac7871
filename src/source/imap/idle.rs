//! Waiting for news (RFC 2177).

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::wire::{Fault, Tag, Wire, accepted};
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
    let tag = wire.send("IDLE").await?;
    loop {
        match wire.next().await? {
            Answer::Continue(_) => break,
            // A refusal comes instead of the `+`.
            Answer::Done(done) => return accepted(done).map(|_| false),
            _ => {}
        }
    }
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

async fn finish(wire: &mut Wire, tag: &Tag) -> Result<(), Fault> {
    wire.line("DONE").await?;
    match timeout(wire.command_timeout(), wire.finish(tag, &mut |_| {})).await {
        Ok(result) => result.map(|_| ()),
        Err(_) => Err(Fault::Lost(Trouble::reconnect("the server does not end IDLE when asked to"))),
    }
}
