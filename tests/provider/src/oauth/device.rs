//! /device: a flow that begins on a machine without a browser (RFC 8628).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;
use super::endpoints::{Fields, field};
use super::failure::Refusal;

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) async fn begin(State(shared): State<Arc<Shared>>, Form(form): Form<Fields>) -> Response {
    if field(&form, "client_id") != shared.settings.client_id {
        return Refusal::invalid_client().into_response();
    }
    let (device_code, user_code) = shared.tokens().new_device(field(&form, "scope"));
    let body = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": format!("{}/activate", shared.base),
        "expires_in": 900,
        "interval": 1,
    });
    Json(body).into_response()
}
