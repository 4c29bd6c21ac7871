//! Registrations with the providers.

use url::Url;

use super::Problems;
use crate::config::{Config, OAuthApp, Provider};

pub(super) fn check(config: &Config, problems: &mut Problems) {
    for (key, what, cure) in config.http.problems() {
        problems.add(key, what, cure);
    }
    app("oauth.google", &config.oauth.google, problems);
    app("oauth.microsoft", &config.oauth.microsoft, problems);
    if let Some(imap) = config.oauth.app(Provider::Imap) {
        app("oauth.imap", imap, problems);
    }
}

fn app(section: &str, app: &OAuthApp, problems: &mut Problems) {
    let urls = [
        ("authorize_url", &app.authorize_url),
        ("token_url", &app.token_url),
        ("device_url", &app.device_url),
        ("revoke_url", &app.revoke_url),
        ("admin_consent_url", &app.admin_consent_url),
        ("loopback_redirect_uri", &app.loopback_redirect_uri),
    ];
    for (name, url) in urls {
        let optional = name != "token_url" && url.is_empty();
        if !optional && !is_safe(&app.with_tenant(url)) {
            problems.add(
                format!("{section}.{name}"),
                "tokens would leave this machine unprotected, or nowhere",
                "write an https:// URL (http:// is for this machine only)",
            );
        }
        if url.contains("{tenant}") && app.tenant.is_empty() {
            problems.add(format!("{section}.tenant"), format!("is empty, but {name} needs it"), "name the tenant");
        }
    }
    if app.client_secret.is_some() && app.client_secret_file.is_some() {
        problems.add(format!("{section}.client_secret"), "is given by value and by file", "keep one of them");
    }
    problems.readable(format!("{section}.client_secret_file"), app.client_secret_file.as_deref());
}

/// HTTPS, or HTTP that does not leave the machine.
fn is_safe(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| crate::oauth::is_safe(&url))
}
