//! A listed run of messages, from the server to the database: fetch, parse, decide and commit at the same time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, Utc};
use entity::{account, mailbox};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::account::until;
use super::commit_stage::{self, Progress};
use super::judge::Judge;
use super::parse_stage::{Parsed, Wants};
use super::{Worker, judge_stage, parse_stage};
use crate::decide::{Code, Finding, Trace};
use crate::source::{Bodies, Listed, Meter, Session};
use crate::store::StoreError;
use crate::store::commit::{Batch, Casualty, CommitPolicy, Committed, Entry, Outcome};
use crate::trouble::Trouble;

/// Runs of parsed messages that may wait to be judged.
const WAITING: usize = judge_stage::BATCH / parse_stage::BATCH;

/// How far a listing reaches the next time that could not be read and had no end.
const WIDE: u32 = 1_023;

/// Reads runs of one mailbox and remembers where the cursor stands.
pub(super) struct Intake {
    pub(super) shared: Arc<Shared>,
    pub(super) row: mailbox::Model,
    pub(super) cursor: u32,
    attempts: BTreeMap<u32, u32>,
    /// Ranges after the cursor that have a verdict already.
    judged: Vec<(i64, i64)>,
    /// Up to this message the database refused a batch: each is fetched alone, so that the one to blame is found.
    refused: u32,
    /// Ends the reading between two commits.
    pub(super) stop: CancellationToken,
}

/// What the stages of an intake share.
pub(super) struct Shared {
    pub(super) worker: Worker,
    pub(super) judge: Judge,
    pub(super) account: uuid::Uuid,
    pub(super) mailbox: uuid::Uuid,
    pub(super) uid_validity: u32,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) commit: CommitPolicy,
    pub(super) meter: Arc<Meter>,
}

impl Shared {
    /// What is wanted of a message of this mailbox besides the mail.
    pub(super) fn wants(&self, bytes: bool) -> Wants {
        Wants { bytes, forward: self.judge.policy.forwarding.is_some() }
    }
}

impl Intake {
    pub(super) async fn new(
        worker: &Worker,
        account: &account::Model,
        row: &mailbox::Model,
        stop: &CancellationToken,
    ) -> Result<Self, Trouble> {
        let judge = worker.judge(account).await?;
        let shared = Shared {
            worker: worker.clone(),
            judge,
            account: account.id,
            mailbox: row.id,
            uid_validity: u32::try_from(row.uid_validity).unwrap_or_default(),
            since: account.since.map(|day| day.and_time(NaiveTime::MIN).and_utc()),
            commit: worker.commit_policy(),
            meter: worker.common.usage.meter(account.id),
        };
        let attempts = worker.store.attempts(row).await?;
        let cursor = u32::try_from(row.cursor).unwrap_or(u32::MAX);
        let judged = worker.store.judged_after(row, cursor).await?;
        Ok(Self {
            shared: Arc::new(shared),
            row: row.clone(),
            cursor,
            attempts,
            judged,
            refused: 0,
            stop: stop.clone(),
        })
    }

    /// The verdict on bytes that were kept when the message was set aside.
    pub(super) async fn judge_kept(
        &self,
        uid: u32,
        bytes: Vec<u8>,
        received: DateTime<Utc>,
    ) -> Result<Vec<Entry>, Trouble> {
        let parsed = Parsed { uid, received, what: parse_stage::parse(bytes, self.shared.wants(false)), permit: None };
        let facts = self.shared.judge.facts_on_mails(parsed.mail().into_iter()).await?;
        let deposit = self.shared.worker.blobs.deposit();
        let (entries, ..) = judge_stage::judge(&self.shared, parsed, &facts, &deposit).await?;
        deposit.settle().await?;
        Ok(entries)
    }

    /// Puts a new verdict on a message that was passed in the place of the old one.
    pub(super) async fn replace(&self, entries: Vec<Entry>) -> Result<Code, StoreError> {
        let code = Code::of_several(entries.iter().map(Entry::code));
        let mut batch = self.batch(entries, self.cursor);
        batch.replaces = true;
        self.shared.worker.store.commit(batch, self.shared.commit, &self.shared.worker.clock).await?;
        Ok(code)
    }

    /// Gives every listed message its verdict, in UID order.
    pub(super) async fn take_in(
        &mut self,
        session: &mut Session,
        listed: &[Listed],
        done: &mut Committed,
    ) -> Result<(), Trouble> {
        let fresh: Vec<Listed> = listed.iter().filter(|item| !self.is_judged(item.uid)).copied().collect();
        let mut rest = fresh.as_slice();
        while let Some((class, run, after)) = self.next_run(rest) {
            self.take_turns().await?;
            match class {
                Class::Early => *done += self.skip(run, Code::BeforeStart, Finding::BeforeStart).await?,
                Class::TooLarge => *done += self.skip(run, Code::MessageTooLarge, Finding::TooLarge).await?,
                Class::Hopeless => *done += self.give_up(run).await?,
                Class::Large => *done += self.large(session, run).await?,
                Class::Plain | Class::Suspect => self.stream(session, run, done).await?,
            }
            // A batch that the database refused is gone through again, one by one; one that was cut short goes on.
            let again = fresh.get(fresh.partition_point(|item| item.uid <= self.cursor)..).unwrap_or_default();
            let is_left = run.last().is_some_and(|last| self.cursor < last.uid);
            rest = if is_left || self.cursor < self.refused { again } else { after };
        }
        // Messages at the end that had a verdict before are passed as well.
        match listed.last() {
            Some(last) if last.uid > self.cursor => *done += self.pass(last.uid).await?,
            _ => {}
        }
        Ok(())
    }

    /// Lets other accounts go first that wait, unless the reading is to end.
    pub(super) async fn take_turns(&self) -> Result<(), Trouble> {
        if self.stop.is_cancelled() {
            return Err(Trouble::ended("the program was told to stop"));
        }
        until(&self.stop, async {
            self.shared.worker.turn.pass().await;
            Ok(())
        })
        .await
    }

    /// Whether a resync left a verdict in place.
    pub(super) fn is_judged(&self, uid: u32) -> bool {
        let uid = i64::from(uid);
        let at = self.judged.partition_point(|(_, last)| *last < uid);
        self.judged.get(at).is_some_and(|(first, _)| *first <= uid)
    }

    /// Whether nothing after the cursor has a verdict.
    pub(super) fn is_unbroken(&self) -> bool {
        self.judged.is_empty()
    }

    /// The longest run at the front that is treated alike; what went wrong before is treated one by one.
    fn next_run<'a>(&self, listed: &'a [Listed]) -> Option<(Class, &'a [Listed], &'a [Listed])> {
        let class = self.class(listed.first()?);
        let alone = matches!(class, Class::Suspect | Class::Large | Class::Hopeless);
        let length = listed.iter().take_while(|item| self.class(item) == class).count();
        let (run, after) = listed.split_at_checked(if alone { 1 } else { length })?;
        Some((class, run, after))
    }

    fn class(&self, item: &Listed) -> Class {
        let config = &self.shared.worker.config;
        let attempts = self.attempts.get(&item.uid).copied().unwrap_or(0);
        match item {
            _ if self.is_early(item) => Class::Early,
            _ if attempts >= config.limits.attempts => Class::Hopeless,
            _ if u64::from(item.size) > config.limits.message_bytes => Class::TooLarge,
            _ if u64::from(item.size) > config.worker.slice_bytes => Class::Large,
            _ if item.uid <= self.last_suspect().max(self.refused) => Class::Suspect,
            _ => Class::Plain,
        }
    }

    pub(super) fn is_early(&self, item: &Listed) -> bool {
        matches!((self.shared.since, item.internal_date), (Some(since), Some(date)) if date < since)
    }

    /// Bodies stream through parse and commit while the next ones are still on the wire.
    async fn stream(&mut self, session: &mut Session, run: &[Listed], total: &mut Committed) -> Result<(), Trouble> {
        let received: HashMap<u32, Option<DateTime<Utc>>> =
            run.iter().map(|item| (item.uid, item.internal_date)).collect();
        let (bodies, arriving) = Bodies::channel(&self.shared.worker.memory);
        let (parsed, deciding) = mpsc::channel(WAITING);
        let (judged, verdicts) = mpsc::channel(1);
        let (committed, done) = watch::channel(0);
        let alone = run.len() == 1;
        let bodies = bodies.unless(self.shared.worker.turn.clone());
        // A session that is dropped takes its stages along, and what they hold of the memory.
        let judge =
            AbortOnDropHandle::new(tokio::spawn(judge_stage::run(Arc::clone(&self.shared), deciding, judged, done)));
        let committer = commit_stage::run(Arc::clone(&self.shared), self.cursor, verdicts, committed);
        let committer = AbortOnDropHandle::new(tokio::spawn(committer));
        let stop = self.stop.clone();
        let line = &mut *session;
        let fetch = async move {
            // Stopped, what has arrived is still committed.
            let fetched = until(&stop, line.bodies(run, &bodies)).await;
            drop(bodies);
            fetched
        };
        // In one task: what arrives is parsed where it is, without waking another thread for every message.
        let parse =
            parse_stage::run(arriving, received, self.shared.worker.clock.clone(), self.shared.wants(alone), parsed);
        let (fetched, ()) = tokio::join!(fetch, parse);
        let judged = judge.await.map_err(|_| Trouble::retry("The judging of a batch ended in a panic."))?;
        let Progress { cursor, done, refused, trouble } =
            committer.await.map_err(|_| Trouble::retry("The commit of a batch ended in a panic."))?;
        self.cursor = cursor;
        *total += done;
        self.refused = self.refused.max(refused.unwrap_or_default());
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        judged?;
        match fetched {
            Ok(()) => Ok(()),
            Err(trouble) => Err(self.blame(session, run, trouble).await),
        }
    }

    /// Holds a failure that may be about a message against the first one that did not come. A lost connection is mostly
    /// the network's doing: it counts only where it was lost over this message alone, and has only made it a suspect
    /// before. A session that the server ended for its own reasons says nothing about any message, and a refusal only
    /// where the server hands out others.
    pub(super) async fn blame(&self, session: &mut Session, run: &[Listed], trouble: Trouble) -> Trouble {
        let trouble = self.weigh(session, trouble).await;
        let Some(uid) = run.iter().map(|item| item.uid).find(|uid| *uid > self.cursor) else { return trouble };
        let counts = match &trouble {
            Trouble::Message { .. } => true,
            Trouble::Reconnect { ended: false, .. } => run.len() == 1 && uid <= self.last_suspect(),
            _ => return trouble,
        };
        match self.suspect(run, uid, &trouble, counts).await {
            Ok(()) => trouble,
            Err(error) => error.into(),
        }
    }

    /// Has the messages that were asked for from `uid` on tried alone, and counts the attempt at `uid` if it `counts`: the
    /// failure may be about any of them, and finding out one message a connection takes as many time-outs as there are
    /// messages.
    async fn suspect(&self, run: &[Listed], uid: u32, trouble: &Trouble, counts: bool) -> Result<(), StoreError> {
        let Worker { store, clock, config, .. } = &self.shared.worker;
        if counts {
            store.attempted(&self.row, uid, &trouble.to_string(), clock).await?;
        }
        let asked = run.iter().map(|item| item.uid).filter(|asked| *asked >= uid);
        match asked.take(config.worker.batch_messages.saturating_add(1)).last() {
            Some(last) => store.suspected(&self.row, last, clock).await,
            None => Ok(()),
        }
    }

    /// Every message up to this one is fetched alone.
    pub(super) fn last_suspect(&self) -> u32 {
        self.attempts.last_key_value().map_or(0, |(uid, _)| *uid)
    }

    /// The end of the window that begins at `first`: the next message that is suspected ends it.
    pub(super) fn window_end(&self, first: u32, last: Option<u32>) -> Option<u32> {
        let suspect = self.attempts.range(first..).next().map(|(uid, _)| *uid);
        last.into_iter().chain(suspect).min()
    }

    /// Whether a message was tried so often, if only to list it, that it is set aside unseen.
    pub(super) fn is_hopeless(&self, uid: u32) -> bool {
        self.attempts.get(&uid).is_some_and(|count| *count >= self.shared.worker.config.limits.attempts)
    }

    /// A window whose listing cannot be read is halved, a session each time, down to the message that is to blame.
    pub(super) async fn unlistable(&self, first: u32, last: Option<u32>, trouble: Trouble) -> Trouble {
        if !matches!(trouble, Trouble::Message { .. }) {
            return trouble;
        }
        let Worker { store, clock, .. } = &self.shared.worker;
        let held = match last {
            Some(last) if last <= first => store.attempted(&self.row, first, &trouble.to_string(), clock).await,
            Some(last) => store.suspected(&self.row, first + (last - first) / 2, clock).await,
            None => store.suspected(&self.row, first.saturating_add(WIDE), clock).await,
        };
        held.map_or_else(Into::into, |()| trouble)
    }

    /// One verdict for messages whose bodies are not wanted.
    pub(super) async fn skip(&mut self, run: &[Listed], code: Code, finding: Finding) -> Result<Committed, Trouble> {
        let entries = run.iter().map(|item| {
            let mut trace = Trace::default();
            trace.found(finding);
            Entry { uid: item.uid, outcome: Outcome::Skip(code), trace, message_hash: None }
        });
        self.commit(entries.collect()).await
    }

    /// A message that failed too often is set aside, and the mailbox goes on (L16).
    pub(super) async fn give_up(&mut self, run: &[Listed]) -> Result<Committed, Trouble> {
        let reason = self.shared.worker.store.last_reason(&self.row, run.first().map_or(0, |item| item.uid)).await?;
        let entries = run.iter().map(|item| {
            let mut trace = Trace::default();
            trace.found_by(Finding::SetAside, &reason);
            let casualty = Casualty { reason: reason.clone(), sha256: None, size: Some(u64::from(item.size)) };
            Entry { uid: item.uid, outcome: Outcome::Quarantine(casualty), trace, message_hash: None }
        });
        self.commit(entries.collect()).await
    }

    pub(super) async fn commit(&mut self, entries: Vec<Entry>) -> Result<Committed, Trouble> {
        let Some(to) = entries.last().map(|entry| entry.uid) else { return Ok(Committed::default()) };
        let shared = &self.shared;
        let committed = shared.worker.store.commit(self.batch(entries, to), shared.commit, &shared.worker.clock).await;
        let done = committed.map_err(|error| match error {
            // What the database will not take it will not take the next time either (L16).
            StoreError::Data(_) | StoreError::Constraint(_) => Trouble::Message { uid: to, reason: error.to_string() },
            error => error.into(),
        })?;
        self.cursor = to;
        Ok(done)
    }

    /// Moves the cursor past messages that have their verdicts.
    pub(super) async fn pass(&mut self, to: u32) -> Result<Committed, Trouble> {
        let shared = &self.shared;
        let done = shared.worker.store.commit(self.batch(Vec::new(), to), shared.commit, &shared.worker.clock).await?;
        self.cursor = to;
        Ok(done)
    }

    fn batch(&self, entries: Vec<Entry>, to: u32) -> Batch {
        let Shared { account, mailbox, uid_validity, .. } = *self.shared;
        Batch { account, mailbox, uid_validity, from: self.cursor, to, entries, replaces: false }
    }
}

/// How a listed message is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Older than the day the account starts from.
    Early,
    /// Over the size limit.
    TooLarge,
    /// Tried too often.
    Hopeless,
    /// Worth a look at its header before its body is fetched.
    Large,
    /// At or before a message that failed: fetched alone, so that a failure is surely its own.
    Suspect,
    /// Fetched whole, with its neighbours.
    Plain,
}
