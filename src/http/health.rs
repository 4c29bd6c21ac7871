//! Whether the service is alive, and whether it is ready, for whoever restarts it or sends it visitors.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Told;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// `/healthz`: whether the main loop turns. A database that is away is no reason to restart the service.
pub(super) async fn alive(State(told): State<Arc<Told>>) -> Response {
    let seconds = told.pulse.age().as_secs();
    if told.pulse.hangs() {
        let reason = format!("the main loop has not turned for {seconds} s: restart the service, and report this");
        return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"alive": false, "reason": reason}));
    }
    answer(StatusCode::OK, &json!({"alive": true, "last_turn_seconds": seconds}))
}

/// `/readyz`: whether the database answers and the accounts are known.
pub(super) async fn ready(State(told): State<Arc<Told>>) -> Response {
    let reason = match timeout(PATIENCE, told.worker.store.ping()).await {
        Err(_) => Some(format!("the database does not answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(())) if !told.pulse.has_looked() => Some("the list of accounts has not been read yet".to_owned()),
        Ok(Ok(())) => None,
    };
    match reason {
        None => answer(StatusCode::OK, &json!({"ready": true})),
        Some(reason) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"ready": false, "reason": reason})),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, kind, format!("{body}\n")).into_response()
}
