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
mod visits;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use connect::{CALLBACK, new_link};
pub use pages::{Page, Way};

use crate::worker::Worker;
use visits::Visits;

/// How long a page that is under way may take when the service ends.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// Serves the pages until `stop`. An address that is taken costs the pages, and not the mail.
pub async fn serve(worker: Worker, stop: CancellationToken) {
    let Some(address) = worker.config.http.address() else { return };
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!(%address, "the pages for connecting inboxes are served");
            let served = axum::serve(Visits::new(listener), router(worker))
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
