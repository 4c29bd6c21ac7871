//! The service's own pages, by which people connect their inboxes.
//!
//! ```text
//! mailtrail connect A --link ──► GET /connect/LINK ──► POST (begins an attempt) ──► provider ──► GET /oauth/callback
//! ```
//!
//! A link is followed by mail scanners and previews too: looking at it does nothing.
//!
//! Beside them, for operators and never for the outside: `/healthz`, `/readyz` and `/metrics`.

mod connect;
mod health;
mod link;
pub mod loopback;
mod metrics;
mod pages;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use connect::{CALLBACK, new_link};
pub use pages::{Page, Way};

use self::metrics::{Known, scraped};
use crate::worker::Worker;
use crate::worker::pulse::Pulse;
use visits::Visits;

/// How long a page that is under way may take when the service ends.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// What the service is asked about.
struct Told {
    worker: Worker,
    pulse: Pulse,
    known: Known,
}

/// Serves the pages until `stop`. An address that is taken costs the pages, and not the mail.
pub async fn serve(worker: Worker, pulse: Pulse, stop: CancellationToken) {
    let Some(address) = worker.config.http.address() else { return };
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!(%address, "the pages for connecting inboxes are served, and /healthz, /readyz and /metrics");
            let served = axum::serve(Visits::new(listener), router(worker, pulse))
                .with_graceful_shutdown(stop.clone().cancelled_owned());
            let late = async {
                stop.cancelled().await;
                tokio::time::sleep(LAST_PAGE).await;
            };
            // A slow browser does not hold up the service.
            tokio::select! {
                served = served => if let Err(error) = served {
                    tracing::warn!(%error, "the pages are served no more");
                },
                () = late => {}
            }
        }
        // Where another process of ours has the address, that one's pages work, and its metrics are its own.
        Err(error) => tracing::warn!(
            %address, %error,
            "this process has no pages for connecting inboxes, no /healthz, no /readyz and no /metrics: give it an address \
             of its own (http.listen, or MAILTRAIL_HTTP__LISTEN where several share a file), or \"\" for none"
        ),
    }
}

/// Every page.
fn router(worker: Worker, pulse: Pulse) -> Router {
    let pages = Router::new()
        .route("/connect/{link}", get(connect::ask).post(connect::begin))
        .route(CALLBACK, get(connect::answer))
        .fallback(connect::nothing)
        .with_state(Arc::new(worker.clone()));
    let mut told = Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready));
    if worker.config.http.metrics {
        told = told.route("/metrics", get(scraped));
    }
    pages.merge(told.with_state(Arc::new(Told { worker, pulse, known: Known::default() })))
}
