//! Mails to verdicts to rows.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::intake::Shared;
use super::judge::independent;
use super::parse_stage::{Parsed, What};
use super::prepare::prepare;
use crate::decide::facts::Facts;
use crate::decide::{Code, Finding, Trace, Verdict};
use crate::store::StoreError;
use crate::store::commit::{Batch, Casualty, Committed, Entry, Outcome};
use crate::trouble::Trouble;

/// Messages whose attachments are written at the same time: each write waits for the disk.
const AT_ONCE: usize = 16;

/// Messages a commit takes if they are there: enough to share its fixed costs, few enough to bound memory.
const BATCH: usize = 64;

/// How far a run came.
pub(super) struct Progress {
    pub(super) cursor: u32,
    pub(super) done: Committed,
    pub(super) trouble: Option<Trouble>,
}

/// Commits what arrives, in order. A database that fails ends the run; what was not committed is fetched again.
pub(super) async fn run(shared: Arc<Shared>, cursor: u32, mut parsed: mpsc::Receiver<Vec<Parsed>>) -> Progress {
    let mut progress = Progress { cursor, done: Committed::default(), trouble: None };
    while let Some(mut batch) = parsed.recv().await {
        while batch.len() < BATCH
            && let Ok(more) = parsed.try_recv()
        {
            batch.extend(more);
        }
        tracing::debug!(messages = batch.len(), "commit");
        if let Err(trouble) = progress.take(&shared, batch).await {
            progress.trouble = Some(trouble);
            break;
        }
    }
    progress
}

impl Progress {
    async fn take(&mut self, shared: &Shared, mut parsed: Vec<Parsed>) -> Result<(), Trouble> {
        while !parsed.is_empty() {
            let facts = shared.judge.facts(parsed.iter().filter_map(Parsed::envelope)).await?;
            let rest = parsed.split_off(independent(parsed.iter().map(Parsed::envelope), &facts));
            let judged = stream::iter(parsed).map(|message| judge(shared, message, &facts)).buffered(AT_ONCE);
            let (entries, raws) = judged.try_collect::<Vec<_>>().await?.into_iter().unzip();
            self.commit(shared, entries, raws).await?;
            parsed = rest;
        }
        Ok(())
    }

    /// Commits a run as one batch; a message that the database will not take is found and set aside (L16).
    async fn commit(&mut self, shared: &Shared, entries: Vec<Entry>, raws: Vec<Raw>) -> Result<(), Trouble> {
        let Some(to) = entries.last().map(|entry| entry.uid) else { return Ok(()) };
        let mut batch = batch(shared, self.cursor, to, entries);
        match write(shared, &batch).await {
            Ok(done) => self.passed(to, done),
            Err(StoreError::Data(_) | StoreError::Constraint(_)) => {
                for (entry, raw) in std::mem::take(&mut batch.entries).into_iter().zip(raws) {
                    self.commit_alone(shared, entry, raw).await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn commit_alone(&mut self, shared: &Shared, entry: Entry, raw: Raw) -> Result<(), Trouble> {
        let uid = entry.uid;
        let alone = batch(shared, self.cursor, uid, vec![entry]);
        let done = match write(shared, &alone).await {
            Err(StoreError::Data(reason) | StoreError::Constraint(reason)) => {
                let entry =
                    casualty(shared, uid, format!("The database refuses the message: {reason}"), raw.bytes).await?;
                write(shared, &batch(shared, self.cursor, uid, vec![entry])).await?
            }
            other => other?,
        };
        self.passed(uid, done);
        Ok(())
    }

    fn passed(&mut self, uid: u32, done: Committed) {
        self.cursor = uid;
        self.done += done;
    }
}

/// A message's bytes, kept until it is stored, and its share of the memory budget.
pub(super) struct Raw {
    bytes: Vec<u8>,
    _permit: Option<crate::source::Permit>,
}

fn batch(shared: &Shared, from: u32, to: u32, entries: Vec<Entry>) -> Batch {
    let Shared { account, mailbox, uid_validity, .. } = *shared;
    Batch { account, mailbox, uid_validity, from, to, entries, replaces: false }
}

async fn write(shared: &Shared, batch: &Batch) -> Result<Committed, StoreError> {
    shared.worker.store.commit(batch, shared.commit, &shared.worker.clock).await
}

/// The verdict on one message, and its bytes.
pub(super) async fn judge(shared: &Shared, message: Parsed, facts: &Facts) -> Result<(Entry, Raw), Trouble> {
    let Parsed { uid, received, what, _permit } = message;
    let (mail, bytes) = match what {
        What::Mail(mail, bytes) => (mail, bytes),
        What::Unparsable(reason, bytes) => {
            let entry = casualty(shared, uid, reason, bytes).await?;
            return Ok((entry, Raw { bytes: Vec::new(), _permit }));
        }
        What::Gone => {
            let mut trace = Trace::default();
            trace.found(Finding::GoneFromServer);
            let entry = Entry { uid, outcome: Outcome::Skip(Code::Expunged), trace, message_hash: None };
            return Ok((entry, Raw { bytes: Vec::new(), _permit }));
        }
    };
    let message_hash = shared.judge.hash(&mail.envelope);
    let decision = shared.judge.decide(&mail.envelope, received, facts);
    let mut trace = decision.trace;
    let outcome = match decision.verdict {
        Verdict::Log(activity) => {
            let worker = &shared.worker;
            prepare(*activity, *mail, received, &worker.config, &worker.blobs, &mut trace).await?
        }
        Verdict::Sighting(activity) => Outcome::Sighting(activity),
        Verdict::Skip(code) => Outcome::Skip(code),
    };
    Ok((Entry { uid, outcome, trace, message_hash }, Raw { bytes, _permit }))
}

/// Sets a message aside with its bytes.
pub(super) async fn casualty(shared: &Shared, uid: u32, reason: String, bytes: Vec<u8>) -> Result<Entry, Trouble> {
    let size = Some(bytes.len() as u64);
    let sha256 = Some(shared.worker.blobs.put(bytes).await?.to_string());
    let mut trace = Trace::default();
    trace.found_by(Finding::SetAside, &reason);
    let outcome = Outcome::Quarantine(Casualty { reason, sha256, size });
    Ok(Entry { uid, outcome, trace, message_hash: None })
}

impl Parsed {
    pub(super) fn envelope(&self) -> Option<&crate::mail::envelope::Envelope> {
        match &self.what {
            What::Mail(mail, _) => Some(&mail.envelope),
            What::Unparsable(..) | What::Gone => None,
        }
    }
}
