//! /authorize: the browser's side, with a user who decides at once.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use super::endpoints::{Fields, field, words};
use super::failure::Refusal;
use super::tokens::Code;
use super::{RefreshRule, Shared};

/// RFC 6749 section 4.1.1. A wrong client or redirect URI is not redirected (section 4.1.2.1).
pub(crate) async fn authorize(State(shared): State<Arc<Shared>>, Query(query): Query<Fields>) -> Response {
    shared.note_authorization(&query);
    let Some(mut back) = query.get("redirect_uri").and_then(|uri| Url::parse(uri).ok()) else {
        return Refusal::bad("invalid_request", "redirect_uri is missing or no URL").into_response();
    };
    if field(&query, "client_id") != shared.settings.client_id {
        return Refusal::bad("unauthorized_client", "unknown client_id").into_response();
    }
    match consent(&shared, &query) {
        Ok(code) => back.query_pairs_mut().append_pair("code", &code),
        Err(refusal) => back
            .query_pairs_mut()
            .append_pair("error", &refusal.error)
            .append_pair("error_description", &refusal.description),
    };
    if let Some(state) = query.get("state") {
        back.query_pairs_mut().append_pair("state", state);
    }
    Redirect::to(back.as_str()).into_response()
}

fn consent(shared: &Shared, query: &Fields) -> Result<String, Refusal> {
    if let Some(error) = shared.take_denial() {
        return Err(Refusal::bad(&error, "The user did not consent."));
    }
    if field(query, "response_type") != "code" {
        return Err(Refusal::bad("unsupported_response_type", "only code"));
    }
    if field(query, "code_challenge_method") != "S256" || field(query, "code_challenge").is_empty() {
        return Err(Refusal::bad("invalid_request", "PKCE with S256 is required"));
    }
    let other = shared.take_other();
    let user = other.as_ref().or(query.get("login_hint")).or(shared.settings.default_user.as_ref());
    let user = user.ok_or_else(|| Refusal::bad("login_required", "no login_hint and no default user"))?;
    let scope = shared.settings.granted_scope.as_deref().unwrap_or(field(query, "scope"));
    let mut tokens = shared.tokens();
    let first = tokens.first_consent(user);
    let code = Code {
        grant: tokens.new_grant(Some(user), scope),
        redirect_uri: field(query, "redirect_uri").to_owned(),
        challenge: field(query, "code_challenge").to_owned(),
        nonce: query.get("nonce").cloned(),
        with_refresh: brings_refresh(shared.settings.refresh_rule, query, scope, first),
    };
    Ok(tokens.new_code(code))
}

fn brings_refresh(rule: RefreshRule, query: &Fields, scope: &str, first: bool) -> bool {
    match rule {
        RefreshRule::Always => true,
        RefreshRule::AccessTypeOffline => {
            field(query, "access_type") == "offline" && (first || field(query, "prompt").contains("consent"))
        }
        RefreshRule::OfflineAccessScope => words(scope, "offline_access"),
        RefreshRule::ConsentScreen => words(scope, "offline_access") && words(field(query, "prompt"), "consent"),
    }
}
