//! Client credentials (RFC 6749 section 4.4): the application speaks for itself, in one directory.

use url::form_urlencoded;
use zeroize::Zeroizing;

use super::Question;
use crate::config::{OAuthApp, Provider};
use crate::oauth::client_secret;
use crate::trouble::Trouble;

/// Not one directory, but all of them, or none.
const MANY: &[&str] = &["", "common", "organizations", "consumers"];

pub(super) fn question(provider: Provider, app: &OAuthApp) -> Result<Question, Trouble> {
    check(provider, app)?;
    let secret = client_secret(provider.as_str(), app)?.ok_or_else(|| no_secret(provider))?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &app.client_id)
        .append_pair("client_secret", secret.expose());
    if !app.service_scope.is_empty() {
        form.append_pair("scope", &app.service_scope);
    }
    Ok(Question { url: app.with_tenant(&app.token_url), form: Zeroizing::new(form.finish()) })
}

pub(super) fn check(provider: Provider, app: &OAuthApp) -> Result<(), Trouble> {
    let name = provider.as_str();
    if app.client_id.is_empty() {
        return Err(Trouble::operator(format!(
            "oauth.{name}.client_id is empty: register an application with the provider and write its id there"
        )));
    }
    if client_secret(name, app)?.is_none_or(|secret| secret.expose().is_empty()) {
        return Err(no_secret(provider));
    }
    if provider == Provider::Microsoft && MANY.contains(&app.tenant.to_ascii_lowercase().as_str()) {
        return Err(Trouble::operator(format!(
            "oauth.microsoft.tenant is {:?}: an application logs in to one directory; write the id of yours there (Entra \
             admin center → Overview → Tenant ID)",
            app.tenant
        )));
    }
    Ok(())
}

fn no_secret(provider: Provider) -> Trouble {
    let name = provider.as_str();
    Trouble::operator(format!(
        "oauth.{name}.client_secret_file is empty: an application that logs in by itself needs its secret; make one with \
         the provider and name a file that holds it"
    ))
}
