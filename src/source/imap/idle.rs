//! Waiting for news (RFC 2177).

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::fetch::note;
use super::wire::{Fault, Tag, Wire, accepted};
use crate::source::plan::Selected;
use crate::trouble::Trouble;

/// What waiting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The number of messages changed.
    Changed,
    /// Nothing was heard.
    Quiet,
}

/// How long one IDLE lasts: network devices forget a quiet connection long before the 29 minutes RFC 2177 allows.
const ONE_IDLE: Duration = Duration::from_secs(9 * 60);

pub(super) async fn wait(wire: &mut Wire, selected: &mut Selected, span: Duration) -> Result<Waited, Fault> {
    let end = Instant::now() + span;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let waited = one_idle(wire, selected, left.min(ONE_IDLE)).await?;
        if waited == Waited::Changed || Instant::now() >= end {
            return Ok(waited);
        }
    }
}

/// Where there is no IDLE: sleeps and looks once.
pub(super) async fn sleep(wire: &mut Wire, selected: &mut Selected, span: Duration) -> Result<Waited, Fault> {
    wire.idle()?;
    tokio::time::sleep(span).await;
    let mut waited = Waited::Quiet;
    wire.run("NOOP", |answer| watch(selected, &mut waited, &answer)).await?;
    Ok(waited)
}

fn watch(selected: &mut Selected, waited: &mut Waited, answer: &Answer) {
    let before = selected.exists;
    note(selected, answer);
    if selected.exists != before {
        *waited = Waited::Changed;
    }
}

async fn one_idle(wire: &mut Wire, selected: &mut Selected, span: Duration) -> Result<Waited, Fault> {
    wire.idle()?;
    let mut waited = Waited::Quiet;
    let tag = wire.send("IDLE").await?;
    loop {
        match wire.next().await? {
            Answer::Continue(_) => break,
            // A refusal comes instead of the `+`.
            Answer::Done(done) => return accepted(done).map(|_| waited),
            answer => watch(selected, &mut waited, &answer),
        }
    }
    let end = Instant::now() + span;
    while waited == Waited::Quiet {
        let left = end.saturating_duration_since(Instant::now());
        match wire.next_within(left).await? {
            Some(Answer::Done(done)) => return accepted(done).map(|_| waited),
            Some(answer) => watch(selected, &mut waited, &answer),
            None => break,
        }
    }
    finish(wire, selected, &tag, &mut waited).await?;
    Ok(waited)
}

async fn finish(wire: &mut Wire, selected: &mut Selected, tag: &Tag, waited: &mut Waited) -> Result<(), Fault> {
    wire.line("DONE").await?;
    let patience = wire.command_timeout();
    let mut each = |answer| watch(selected, waited, &answer);
    match timeout(patience, wire.finish(tag, &mut each)).await {
        Ok(result) => result.map(|_| ()),
        Err(_) => Err(Fault::Lost(Trouble::reconnect("the server does not end IDLE when asked to"))),
    }
}
