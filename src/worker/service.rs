//! The service: every account read again and again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Worker;
use super::signals::Signals;
use super::supervisor::Supervisor;
use super::watch::late;
use crate::trouble::Trouble;

/// How often it is asked whether accounts came, went or were mended.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(2);

/// Watches every account until SIGINT or SIGTERM; then what is under way may finish its commit, within a bound.
pub async fn run(worker: &Worker) -> Result<(), Trouble> {
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    let mut signals = Signals::new()?;
    tracker.spawn(late::watch(worker.clone(), stop.clone()));
    tracker.spawn(tidy(worker.clone()));
    tracker.spawn(crate::notices::post(worker.clone(), stop.clone()));
    tracker.spawn(crate::http::serve(worker.clone(), stop.clone()));
    let mut supervisor = Supervisor::new(worker.clone(), stop.clone(), tracker.clone());
    tracing::info!("watching");
    loop {
        supervisor.look().await;
        tokio::select! {
            () = signals.next() => break,
            () = tokio::time::sleep(ACCOUNTS_EVERY) => {}
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    stop.cancel();
    tracker.close();
    let bound = worker.config.worker.shutdown();
    tokio::select! {
        () = tracker.wait() => {}
        () = signals.next() => tracing::warn!("stopped at once; unfinished batches are read again"),
        () = tokio::time::sleep(bound) => tracing::warn!("stopped after {} s; unfinished batches are read again", bound.as_secs()),
    }
    Ok(())
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
