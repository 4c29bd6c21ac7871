//! The service's own pages, by which people connect their inboxes.
//!
//! ```text
//! mailtrail connect A --link ──► GET /connect/LINK ──► POST (begins an attempt) ──► provider ──► GET /oauth/callback
//! ```
//!
//! A link is followed by mail scanners and previews too: looking at it does nothing.

mod connect;
mod link;
pub mod loopback;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use connect::{CALLBACK, new_link};
pub use pages::{Page, Way};

use crate::worker::Worker;

/// Serves the pages until `stop`. An address that is taken costs the pages, and not the mail.
pub async fn serve(worker: Worker, stop: CancellationToken) {
    let Some(address) = worker.config.http.address() else { return };
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!(%address, "the pages for connecting inboxes are served");
            let shutdown = stop.cancelled_owned();
            if let Err(error) = axum::serve(listener, router(worker)).with_graceful_shutdown(shutdown).await {
                tracing::warn!(%error, "the pages are served no more");
            }
        }
        Err(error) => tracing::warn!(
            %address, %error,
            "links of `mailtrail connect --link` do not work: choose another http.listen, or \"\" for none"
        ),
    }
}

/// Every page.
fn router(worker: Worker) -> Router {
    Router::new()
        .route("/connect/{link}", get(connect::ask).post(connect::begin))
        .route(CALLBACK, get(connect::answer))
        .fallback(connect::nothing)
        .with_state(Arc::new(worker))
}
