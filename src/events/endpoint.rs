//! Delivery to one endpoint, by one process at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::webhook;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::body;
use super::lanes::{GiveUp, Lanes, Standing, Step};
use super::relay::Shared;
use super::sender::{Answer, Target};
use crate::store::StoreError;
use crate::store::outbox::Window;
use crate::store::webhooks::{self, Then};
use crate::trouble::Trouble;

/// Events read at once, of all lanes and of one.
const PAGE: u64 = 512;
const PAGE_OF_LANE: u64 = 32;

/// How often it is written how far an endpoint is, while it moves: a crash repeats what was delivered since.
const KEEP_EVERY: Duration = Duration::from_millis(250);

/// How long deliveries under way get to end.
const SETTLE: Duration = Duration::from_secs(5);

/// When to stop by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// When it is told to.
    Stopped,
    /// When nothing is due.
    Idle,
}

/// An event on its way.
#[derive(Clone)]
struct Letter {
    id: Uuid,
    body: Bytes,
}

/// What became of one.
type Landed = (Uuid, i64, Answer);

struct Endpoint {
    shared: Arc<Shared>,
    row: webhook::Model,
    kinds: Vec<String>,
    target: Arc<Target>,
    lanes: Lanes<Letter>,
    flying: JoinSet<Landed>,
    /// When it was last written how far it is, and the claim renewed.
    kept: Instant,
    succeeded: bool,
    /// What came of the last delivery that failed, if none has succeeded since.
    failing: Option<String>,
}

/// Delivers until `until`, or until it is told to stop, the endpoint is given up, or it is another process's. `last` is the
/// last number that an event has.
pub(super) async fn deliver(
    shared: Arc<Shared>,
    id: Uuid,
    last: watch::Receiver<i64>,
    until: Until,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let Some((row, apart)) = webhooks::claim(&shared.store, id, shared.claim).await? else {
        tracing::debug!(webhook = %id, "another process delivers to it");
        if until == Until::Stopped {
            let _ = tokio::time::timeout(shared.claim.life / 4, stop.cancelled()).await;
        }
        return Ok(());
    };
    let target = Arc::new(Target::of(shared.tokens.vault(), &row)?);
    let standing = Standing {
        rounds: u32::try_from(row.failures).unwrap_or(0),
        rest_until: row.next_try,
        since: row.failing_since,
    };
    let lanes = Lanes::new(shared.rules, row.cursor, standing, apart);
    let kinds = webhooks::kinds(&row).unwrap_or_default();
    let (flying, kept) = (JoinSet::new(), Instant::now());
    let mut endpoint = Endpoint { shared, row, kinds, target, lanes, flying, kept, succeeded: false, failing: None };
    endpoint.run(last, until, stop).await
}

impl Endpoint {
    async fn run(
        &mut self,
        mut last: watch::Receiver<i64>,
        until: Until,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        loop {
            let newest = *last.borrow_and_update();
            // Before anything is sent: a process that was asleep may have lost its claim.
            if self.must_keep() && !self.keep(Then::GoOn).await? {
                return Ok(());
            }
            self.fill(newest).await?;
            if until == Until::Idle && self.is_idle(newest) {
                break;
            }
            let nap = self.nap();
            let landed = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(landed) = self.flying.join_next() => landed,
                Ok(()) = last.changed() => continue,
                () = tokio::time::sleep(nap) => continue,
            };
            let landed = landed.map_err(|_| Trouble::retry("a delivery ended in a panic"))?;
            if let Some(reason) = self.note(landed) {
                return self.give_up(reason).await;
            }
        }
        self.settle().await;
        self.keep(Then::Release).await?;
        Ok(())
    }

    /// Reads what is wanted, and sends what may go.
    async fn fill(&mut self, newest: i64) -> Result<(), Trouble> {
        let now = self.shared.clock.now();
        if self.lanes.read_to() < newest && self.lanes.wants_more(now) {
            self.read(newest).await?;
        }
        while let Some(step) = self.lanes.next(now) {
            match step {
                Step::Send { lane, seq, event } => {
                    let (sender, target) = (self.shared.sender.clone(), Arc::clone(&self.target));
                    self.flying.spawn(async move { (lane, seq, sender.send(&target, event.id, event.body).await) });
                }
                Step::Read { lane, after, to } => self.read_lane(lane, after, to).await?,
            }
        }
        Ok(())
    }

    async fn read(&mut self, newest: i64) -> Result<(), StoreError> {
        let window =
            Window { after: self.lanes.read_to(), to: newest, lane: None, limit: PAGE, kinds: self.kinds.clone() };
        let (letters, is_full) = self.letters(&window).await?;
        let to = letters.last().filter(|_| is_full).map_or(newest, |(seq, ..)| *seq);
        self.lanes.read(letters, to);
        Ok(())
    }

    async fn read_lane(&mut self, lane: Uuid, after: i64, to: i64) -> Result<(), StoreError> {
        let window = Window { after, to, lane: Some(lane), limit: PAGE_OF_LANE, kinds: self.kinds.clone() };
        let (letters, _) = self.letters(&window).await?;
        self.lanes.read_lane(lane, letters.into_iter().map(|(seq, _, letter)| (seq, letter)));
        Ok(())
    }

    /// Events as they are sent, and whether there may be more.
    async fn letters(&self, window: &Window) -> Result<(Vec<(i64, Uuid, Letter)>, bool), StoreError> {
        let store = &self.shared.store;
        let events = store.numbered_events(self.row.workspace_id, window).await?;
        let told = if events.is_empty() { body::Told::default() } else { store.told(&events).await? };
        let is_full = u64::try_from(events.len()).unwrap_or(u64::MAX) >= window.limit;
        let letters = events.iter().map(|event| {
            let body = Bytes::from(body::of(event, &told).to_string());
            (event.seq.unwrap_or_default(), event.account_id.unwrap_or_default(), Letter { id: event.id, body })
        });
        Ok((letters.collect(), is_full))
    }

    /// Takes an answer; why the endpoint is to be given up, if it is.
    fn note(&mut self, (lane, seq, answer): Landed) -> Option<String> {
        let (clock, now) = (&self.shared.clock, self.shared.clock.now());
        let wish = match answer {
            Answer::Taken(_) => {
                (self.succeeded, self.failing) = (true, None);
                self.lanes.delivered(lane, seq, now);
                return None;
            }
            Answer::Refused(_, wish) => wish,
            Answer::Gone | Answer::Away(_) => None,
        };
        let host = self.target.url.host_str().unwrap_or_default();
        if self.failing.is_none() && self.row.failing_since.is_none() {
            tracing::warn!(webhook = %self.row.id, host, %answer, "a webhook fails; it is tried again by itself");
        } else {
            tracing::debug!(webhook = %self.row.id, host, %answer, "an event was not delivered");
        }
        self.failing = Some(answer.to_string());
        let failed = self.lanes.failed(lane, seq, wish, now, |wait| clock.jittered(wait));
        match (answer, failed) {
            (Answer::Gone, _) => Some(answer.to_string()),
            (_, Err(GiveUp)) => {
                let hours = self.shared.rules.give_up.as_secs() / 3_600;
                Some(format!("deliveries fail for {hours} hours, the last one because {answer}"))
            }
            (_, Ok(())) => None,
        }
    }

    /// An endpoint that is not reached is left alone, until a person says that it is mended.
    async fn give_up(&mut self, reason: String) -> Result<(), Trouble> {
        self.settle().await;
        let host = self.target.url.host_str().unwrap_or_default().to_owned();
        tracing::warn!(
            webhook = %self.row.id,
            host,
            reason,
            "a webhook is disabled; `mailtrail webhook enable` sends it what it missed"
        );
        self.keep(Then::GiveUp(host, reason)).await?;
        Ok(())
    }

    /// Lets deliveries under way end; of those that do not, it stays open whether they arrived.
    async fn settle(&mut self) {
        let bound = Instant::now() + SETTLE;
        while let Ok(Some(landed)) = tokio::time::timeout_at(bound, self.flying.join_next()).await {
            if let Ok(landed) = landed {
                self.note(landed);
            }
        }
        self.flying.abort_all();
    }

    /// Writes how far it is; whether it is still this process's.
    async fn keep(&mut self, then: Then) -> Result<bool, StoreError> {
        let last_success = std::mem::take(&mut self.succeeded).then(|| self.shared.clock.now());
        let (claim, changes) = (self.shared.claim, self.lanes.take_changes());
        // Counted from before the database has done it: the claim must not seem to last longer than it does.
        self.kept = Instant::now();
        let store = &self.shared.store;
        let told = (last_success, self.failing.clone());
        webhooks::keep(store, (self.row.id, claim), changes, told, then, &self.shared.clock).await
    }

    fn must_keep(&self) -> bool {
        self.kept.elapsed() >= self.keep_after()
    }

    fn keep_after(&self) -> Duration {
        let renewal = self.shared.claim.life / 3;
        if self.lanes.has_changed() { KEEP_EVERY.min(renewal) } else { renewal }
    }

    fn is_idle(&self, newest: i64) -> bool {
        let now = self.shared.clock.now();
        let rests = !self.lanes.wants_more(now);
        !self.lanes.is_flying()
            && (rests || self.lanes.read_to() >= newest)
            && self.lanes.wake_at(now).is_none_or(|at| at > now)
    }

    /// How long nothing is to be done, where nothing happens.
    fn nap(&self) -> Duration {
        let now = self.shared.clock.now();
        let due = self.lanes.wake_at(now).map(|at| (at - now).to_std().unwrap_or_default());
        let keep = self.keep_after().saturating_sub(self.kept.elapsed());
        // A wake-up that is due all the time, while the database or the clock stands still, is no busy loop.
        due.map_or(keep, |due| due.min(keep)).max(Duration::from_millis(1))
    }
}
