//! Sends events to webhooks, beside all else: small reads, no transaction while somebody is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::endpoint::{self, Until};
use super::lanes::Rules;
use super::sender::Sender;
use crate::clock::Clock;
use crate::oauth::tokens::Tokens;
use crate::store::webhooks::{self, Claim};
use crate::store::{Store, StoreError, outbox};
use crate::trouble::Trouble;
use crate::worker::Worker;

/// How often it is looked whether other processes committed something, and webhooks came or went.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Commits that follow one another this closely are looked at together.
const TOGETHER: Duration = Duration::from_millis(20);

/// How often old events are looked for; where there are many, a few go every second.
const TIDY_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long an endpoint whose task has failed is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// Old events that `run --once` removes at most, in steps.
const STEPS: usize = 40;

/// What the tasks of all endpoints share.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) tokens: Arc<Tokens>,
    pub(super) sender: Sender,
    pub(super) rules: Rules,
    pub(super) claim: Claim,
    pub(super) clock: Clock,
}

impl Shared {
    fn of(worker: &Worker) -> Result<Arc<Self>, Trouble> {
        let config = &worker.config;
        Ok(Arc::new(Self {
            store: worker.store.clone(),
            tokens: Arc::clone(&worker.tokens),
            sender: Sender::new(config, worker.clock.clone())?,
            rules: config.events.rules(),
            claim: Claim { by: worker.clock.id(), life: config.events.claim() },
            clock: worker.clock.clone(),
        }))
    }
}

/// Delivers what is due, once; what fails is tried again another time.
pub async fn once(worker: &Worker, stop: &CancellationToken) -> Result<(), Trouble> {
    let shared = Shared::of(worker)?;
    webhooks::forget_claims(&shared.store).await?;
    let all = webhooks::enabled(&shared.store).await?;
    if !all.is_empty() {
        let (_keep, last) = watch::channel(shared.store.number_events().await?);
        let tasks = all.iter().map(|row| {
            let (id, shared, last) = (row.id, Arc::clone(&shared), last.clone());
            async move { (id, endpoint::deliver(shared, id, last, Until::Idle, stop).await) }
        });
        for (webhook, done) in futures::future::join_all(tasks).await {
            if let Err(trouble) = done {
                tracing::warn!(%webhook, %trouble, "events cannot be delivered");
            }
        }
    }
    for _ in 0..STEPS {
        if stop.is_cancelled() || tidy(worker).await? < outbox::REMOVED {
            break;
        }
    }
    Ok(())
}

/// Delivers until it is told to stop.
pub async fn run(worker: Worker, stop: CancellationToken) {
    let shared = match Shared::of(&worker) {
        Ok(shared) => shared,
        Err(trouble) => return tracing::error!(%trouble, "events cannot be delivered"),
    };
    let mut relay =
        Relay { shared, last: watch::channel(0).0, tasks: BTreeMap::new(), stop: stop.clone(), has_begun: false };
    let mut tidy_at = Instant::now();
    while !stop.is_cancelled() {
        if let Err(error) = relay.look().await {
            tracing::warn!(%error, "the list of webhooks cannot be read");
        }
        if Instant::now() >= tidy_at {
            let removed = tidy(&worker).await.unwrap_or_default();
            tidy_at = Instant::now() + if removed < outbox::REMOVED { TIDY_EVERY } else { LOOK_EVERY };
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = worker.store.committed.notified() => tokio::time::sleep(TOGETHER).await,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    for (_, task) in relay.tasks.into_values() {
        // Each has seen the token, and releases its claim.
        let _ = task.await;
    }
}

/// A task for every webhook that is at work.
struct Relay {
    shared: Arc<Shared>,
    last: watch::Sender<i64>,
    tasks: BTreeMap<Uuid, (CancellationToken, JoinHandle<()>)>,
    stop: CancellationToken,
    has_begun: bool,
}

impl Relay {
    /// Numbers what was committed, and looks which webhooks there are.
    async fn look(&mut self) -> Result<(), StoreError> {
        let store = &self.shared.store;
        if !self.has_begun {
            webhooks::forget_claims(store).await?;
            self.has_begun = true;
        }
        let wanted: BTreeSet<Uuid> = webhooks::enabled(store).await?.into_iter().map(|row| row.id).collect();
        if !wanted.is_empty() {
            let last = store.number_events().await?;
            self.last.send_if_modified(|known| std::mem::replace(known, last) != last);
        }
        for (_, (stop, _)) in self.tasks.iter().filter(|(id, _)| !wanted.contains(id)) {
            stop.cancel();
        }
        self.tasks.retain(|_, (_, task)| !task.is_finished());
        for id in wanted {
            let (shared, last, stop) = (&self.shared, &self.last, &self.stop);
            self.tasks.entry(id).or_insert_with(|| {
                let stop = stop.child_token();
                let task = attend(Arc::clone(shared), id, last.subscribe(), stop.clone());
                (stop, tokio::spawn(task))
            });
        }
        Ok(())
    }
}

/// Delivers to one endpoint. What ended ends here: the relay begins anew where it is still wanted.
async fn attend(shared: Arc<Shared>, webhook: Uuid, last: watch::Receiver<i64>, stop: CancellationToken) {
    if let Err(trouble) = endpoint::deliver(shared, webhook, last, Until::Stopped, &stop).await {
        tracing::warn!(%webhook, %trouble, "events cannot be delivered");
        let _ = tokio::time::timeout(PAUSE, stop.cancelled()).await;
    }
}

/// Removes some of the events that are old and that nobody waits for. How many.
async fn tidy(worker: &Worker) -> Result<u64, StoreError> {
    let days = chrono::TimeDelta::days(worker.config.events.keep_days.into());
    let removed = worker.store.remove_events(worker.clock.now() - days).await;
    if let Err(error) = &removed {
        tracing::warn!(%error, "old events cannot be removed");
    }
    removed
}
