//! The service: every account read again and again.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lease::{Holder, Leases};
use super::notify::Manager;
use super::pulse::Pulse;
use super::reload::Source;
use super::signals::{Hangups, Signals};
use super::supervisor::Supervisor;
use super::watch::late;
use super::{Worker, audit_loop, second_chance};
use crate::trouble::Trouble;

/// How often it is asked whether accounts came, went or were mended, and whether the configuration has changed.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(2);

/// Looks between two notes of what accounts have cost.
const LOOKS_BETWEEN_NOTES: u32 = 8;

/// Watches every account until SIGINT or SIGTERM; then what is under way may finish its commit, within a bound. `file` is
/// the configuration that was named, which is read again when it changes, and at SIGHUP.
pub async fn run(worker: &Worker, file: Option<&Path>) -> Result<(), Trouble> {
    let leases = if worker.store.is_shared() { Leases::shared() } else { Leases::alone() };
    let mut worker = Worker { leases, ..worker.clone() };
    let stop = CancellationToken::new();
    let life = worker.config.worker.lease();
    let holder = Holder::begin(&worker.leases, worker.store.clone(), worker.clock.clone(), life, stop.clone());
    let tracker = TaskTracker::new();
    let (mut signals, mut hangups) = (Signals::new()?, Hangups::new()?);
    let pulse = Pulse::default();
    crate::metrics::install();
    tracker.spawn(late::watch(worker.clone(), stop.clone()));
    tracker.spawn(tidy(worker.clone()));
    tracker.spawn(crate::notices::post(worker.clone(), stop.clone()));
    tracker.spawn(crate::http::serve(worker.clone(), pulse.clone(), stop.clone()));
    tracker.spawn(crate::events::relay::run(worker.clone(), stop.clone()));
    let mut supervisor = Supervisor::new(worker.clone(), stop.clone(), tracker.clone());
    let (mut source, manager) = (Source::new(file).await, Manager::new());
    tracker.spawn(audit_loop::watch(worker.clone(), supervisor.running(), stop.clone()));
    tracker.spawn(second_chance::watch(worker.clone(), supervisor.running(), stop.clone()));
    tracing::info!("watching");
    for look in 0_u32.. {
        let work = async {
            supervisor.look().await;
            pulse.turned(supervisor.has_looked());
            if look == 0 {
                manager.ready();
            }
            manager.alive().await;
            if look.is_multiple_of(LOOKS_BETWEEN_NOTES) {
                book(&worker, &manager).await;
            }
        };
        // A database that does not answer must not keep the program from ending.
        tokio::select! {
            biased;
            () = signals.next() => break,
            () = work => {}
        }
        let asked = tokio::select! {
            () = signals.next() => break,
            () = hangups.next() => true,
            () = supervisor.news() => false,
            () = tokio::time::sleep(ACCOUNTS_EVERY) => false,
        };
        if source.has_changed().await || asked {
            manager.reloading();
            tokio::select! {
                () = signals.next() => break,
                () = source.reload(&mut worker) => manager.ready(),
            }
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    manager.stopping();
    stop.cancel();
    tracker.close();
    let bound = worker.config.worker.shutdown();
    let drained = async {
        tracker.wait().await;
        book(&worker, &manager).await;
    };
    tokio::select! {
        () = drained => {}
        () = signals.next() => tracing::warn!("stopped at once; unfinished batches are read again"),
        () = tokio::time::sleep(bound) => tracing::warn!("stopped after {} s; unfinished batches are read again", bound.as_secs()),
    }
    holder.end().await;
    Ok(())
}

/// Writes down what accounts have cost their servers, and tells the service manager how many are well.
async fn book(worker: &Worker, manager: &Manager) {
    let now = worker.clock.now();
    if let Err(error) = worker.common.usage.flush(&worker.store, &worker.config.worker, now).await {
        tracing::warn!(%error, "what accounts have cost could not be written");
    }
    if !manager.listens() {
        return;
    }
    if let Ok((accounts, failing)) = worker.store.headcount().await {
        manager.status(accounts, failing);
    }
}

/// How old the file of an unfinished write is before it counts as left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what killed services left in the folder of attachments.
async fn tidy(worker: Worker) {
    let now = std::time::SystemTime::from(worker.clock.now());
    match worker.blobs.sweep(now - LEFT_BEHIND).await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "unfinished attachments of killed services are removed"),
        Err(trouble) => tracing::warn!(%trouble, "the folder of attachments cannot be tidied"),
    }
}
