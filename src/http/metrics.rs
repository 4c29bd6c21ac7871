//! `/metrics`: what Prometheus reads.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Told;
use crate::metrics::Usual;
use crate::metrics::exposition::{MEDIA_TYPE, render};
use crate::store::health::Health;
use crate::worker::Worker;

/// However many ask, the database is asked this often at most.
const FRESH: Duration = Duration::from_secs(5);

/// How long the database may take: what this process counted is worth an answer, too.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the database said last. Of many who ask, one asks the database.
#[derive(Default)]
pub(super) struct Known(Mutex<Option<(Instant, Option<Health>)>>);

pub(super) async fn scraped(State(told): State<Arc<Told>>) -> Response {
    let Told { worker, known, .. } = &*told;
    let (usual, now) = (Usual::of(&worker.config.worker.pace()), worker.clock.now());
    let mut known = known.0.lock().await;
    let (_, health) = match known.take().filter(|(at, _)| at.elapsed() < FRESH) {
        Some(fresh) => known.insert(fresh),
        None => {
            let health = ask(worker, &usual).await;
            known.insert((Instant::now(), health))
        }
    };
    let text = render(health.as_ref(), &usual, now);
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

async fn ask(worker: &Worker, usual: &Usual) -> Option<Health> {
    match timeout(PATIENCE, worker.store.health(usual, worker.clock.now())).await {
        Ok(Ok(health)) => Some(health),
        Ok(Err(error)) => {
            tracing::warn!(%error, "metrics lack what the database knows");
            None
        }
        Err(_) => {
            tracing::warn!("metrics lack what the database knows: it takes too long to answer");
            None
        }
    }
}
