//! Declared accounts.

use std::collections::HashSet;

use super::{Problems, is_domain};
use crate::config::{Account, AccountKind, Auth, Config, Security};
use crate::oauth::service::lacks;

pub(super) fn check(config: &Config, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (at, account) in config.accounts.iter().enumerate() {
        let key = |name: &str| format!("accounts[{at}].{name}");
        address(account, &key, problems);
        if !seen.insert(account.address.to_lowercase()) {
            problems.add(key("address"), "is declared twice", "declare it once, with all its workspaces");
        }
        served(config, account, &key, problems);
        wire(config, account, &key, problems);
        match account.auth() {
            Auth::Password => password(account, &key, problems),
            Auth::OAuth => oauth(config, account, &key, problems),
            Auth::Service => service(config, account, &key, problems),
        }
    }
}

fn address(account: &Account, key: &dyn Fn(&str) -> String, problems: &mut Problems) {
    let whole = account.address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain));
    if !whole {
        problems.add(key("address"), "is no mail address", "write log@ours.example");
    }
    if !matches!(account.kind, AccountKind::Bcc | AccountKind::Forwarding) {
        let cure = "declare only bcc and forwarding; add others with `mailtrail account add`, which knows their users";
        problems.add(key("kind"), "belongs to users", cure);
    }
}

fn served(config: &Config, account: &Account, key: &dyn Fn(&str) -> String, problems: &mut Problems) {
    if account.workspaces.is_empty() {
        problems.add(key("workspaces"), "is empty", "name the workspaces that the account serves");
    }
    for name in account.workspaces.iter().filter(|name| !config.has_workspace(name)) {
        problems.add(key("workspaces"), format!("{name:?} is not declared"), "add it under [[workspaces]]");
    }
}

fn wire(config: &Config, account: &Account, key: &dyn Fn(&str) -> String, problems: &mut Problems) {
    let Some(host) = account.host() else {
        problems.add(key("host"), "is empty", "name the IMAP server");
        return;
    };
    if account.security != Security::Plaintext {
        return;
    }
    if !is_loopback(host) {
        problems.add(key("security"), "would send the mail in clear over the network", "set security = \"tls\"");
    } else if !config.tls.allow_plaintext_loopback {
        problems.add(key("security"), "is not allowed", "set tls.allow_plaintext_loopback = true");
    }
}

fn password(account: &Account, key: &dyn Fn(&str) -> String, problems: &mut Problems) {
    match &account.password_file {
        None => problems.add(key("password_file"), "is empty", "name a file that holds the password"),
        Some(file) => problems.readable(key("password_file"), Some(file)),
    }
}

fn oauth(config: &Config, account: &Account, key: &dyn Fn(&str) -> String, problems: &mut Problems) {
    let Some(app) = config.oauth.app(account.provider) else {
        let cure = "set oauth.imap.token_url, or auth = \"password\"";
        problems.add(key("auth"), "a plain IMAP server gives no tokens", cure);
        return;
    };
    if app.client_id.is_empty() {
        let provider = account.provider.as_str();
        problems.add(
            format!("oauth.{provider}.client_id"),
            format!("is empty, but {} needs it", key("auth")),
            "register an application with the provider and write its client id here",
        );
    }
    if account.refresh_token.is_some() && account.refresh_token_file.is_some() {
        problems.add(key("refresh_token"), "is given by value and by file", "keep one of them");
    }
    problems.readable(key("refresh_token_file"), account.refresh_token_file.as_deref());
}

fn service(config: &Config, account: &Account, key: &dyn Fn(&str) -> String, problems: &mut Problems) {
    let Some(app) = config.oauth.app(account.provider) else {
        let cure = "set oauth.imap.token_url, or auth = \"password\"";
        problems.add(key("auth"), "a plain IMAP server gives no tokens", cure);
        return;
    };
    if let Err(trouble) = lacks(account.provider, app) {
        problems.add(key("auth"), trouble.to_string(), "or choose another auth");
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
