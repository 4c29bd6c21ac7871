//! What lies between us and the providers: names, TLS, clocks, and whether our registrations are taken.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entity::account::Model as Account;
use futures::StreamExt as _;
use futures::stream;

use super::report::Finding;
use super::{AT_ONCE, Scene};
use crate::cli::host::{self, Agreement};
use crate::config::{Auth, OAuthApp, Provider, Secret};
use crate::http::CALLBACK;
use crate::mail::address::Address;
use crate::oauth::examine::{Examined, examine};
use crate::oauth::provider::{self, Service};
use crate::oauth::service::lacks;
use crate::oauth::vault::open_to_others;
use crate::source;
use crate::worker::login::{endpoint, limits};

/// A difference of clocks that logins survive, and one that they may not.
const OFF: TimeDelta = TimeDelta::seconds(30);
const FAR_OFF: TimeDelta = TimeDelta::minutes(5);

/// The mail exchanges of the accounts' domains, each domain once.
pub(super) async fn names(scene: &Scene) -> Vec<Finding> {
    let mut asked = BTreeSet::new();
    let mut each = Vec::new();
    for account in &scene.accounts {
        let (said, address) = (Provider::named(&account.provider), Address::parse(&account.address));
        let (Some(said), Some(address)) = (said, address) else { continue };
        let usual = provider::imap_host(said).is_some_and(|usual| usual.eq_ignore_ascii_case(&account.host));
        if asked.insert((address.domain().to_owned(), said.as_str(), usual)) {
            each.push(name(scene, account, address, said, usual));
        }
    }
    stream::iter(each).buffered(AT_ONCE).collect().await
}

async fn name(scene: &Scene, account: &Account, address: Address, said: Provider, usual: bool) -> Finding {
    const CHECK: &str = "dns";
    if !usual {
        return Finding::skip(CHECK, format!("{} has a server of its own, {}", address.domain(), account.host));
    }
    match host::agreement(&scene.config.dns, &address, said).await {
        Agreement::Agreed(what) => Finding::ok(CHECK, what),
        Agreement::Unclear(what) => Finding::warn(CHECK, what, format!("nothing, if {} hosts it", said.as_str())),
        Agreement::Contradicted(what, cure) => Finding::fail(CHECK, what, cure),
    }
}

/// TLS to every mail server, each once.
pub(super) async fn mail_servers(scene: &Scene) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let watched = scene.accounts.iter().filter(|account| account.state != "paused" && account.kind != "team");
    let each: Vec<_> = watched
        .filter(|account| seen.insert((account.host.clone(), account.port)))
        .map(|account| mail_server(scene, account))
        .collect();
    stream::iter(each).buffered(AT_ONCE).collect().await
}

async fn mail_server(scene: &Scene, account: &Account) -> Finding {
    const CHECK: &str = "tls";
    let reached = match (endpoint(account), &scene.tls) {
        (Ok(endpoint), Ok(tls)) => source::reach(&endpoint, tls, &limits(&scene.config, account)).await,
        (Err(trouble), _) => Err(trouble),
        (_, Err(trouble)) => Err(trouble.clone()),
    };
    match reached {
        Ok(()) => Finding::ok(CHECK, format!("{}:{} answers", account.host, account.port)),
        Err(trouble) => Finding::failed(CHECK, &trouble, "check host, port and network"),
    }
}

/// The registrations that accounts use: what is configured, the token endpoint, its clock, and whether it knows us.
pub(super) async fn registrations(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for provider in [Provider::Google, Provider::Microsoft, Provider::Imap] {
        let uses = |auth: Auth| scene.uses(provider, auth);
        let Some(app) = scene.config.oauth.app(provider) else { continue };
        if uses(Auth::OAuth) {
            findings.push(registered(provider, app));
            findings.push(redirect(scene, app));
        }
        if uses(Auth::Service) {
            findings.push(service(provider, app));
        }
        if uses(Auth::OAuth) || uses(Auth::Service) {
            findings.extend(asked(scene, provider, app).await);
        }
    }
    findings
}

fn registered(provider: Provider, app: &OAuthApp) -> Finding {
    const CHECK: &str = "registration";
    let name = provider.as_str();
    if app.client_id.is_empty() {
        let cure = format!("register an application with the provider and write its id to oauth.{name}.client_id");
        return Finding::fail(CHECK, format!("oauth.{name}.client_id is empty"), cure);
    }
    let file = app.client_secret_file.as_deref().filter(|_| app.client_secret.is_none());
    if let Some(Err(error)) = file.map(Secret::read) {
        let what = format!("oauth.{name}.client_secret_file cannot be read ({error})");
        return Finding::fail(CHECK, what, "check the path and its permissions");
    }
    if let Some(file) = file.filter(|file| open_to_others(file).is_some_and(|mode| mode & 0o007 != 0)) {
        let what = format!("every user of this machine can read the secret of {name}");
        return Finding::warn(CHECK, what, format!("chmod 600 {}", file.display()));
    }
    if file.is_none() && app.client_secret.is_none() && provider == Provider::Google {
        let cure = "Google wants the secret of desktop applications, too: write it to oauth.google.client_secret_file";
        return Finding::fail(CHECK, "oauth.google has no client secret", cure);
    }
    Finding::ok(CHECK, format!("oauth.{name} has a client id"))
}

/// Where consents come back to; whether the provider knows it, only a browser can tell.
fn redirect(scene: &Scene, app: &OAuthApp) -> Finding {
    const CHECK: &str = "redirect";
    let here = &app.loopback_redirect_uri;
    match scene.config.http.url(CALLBACK) {
        Some(link) => Finding::ok(CHECK, format!("to be registered: {here} for `connect`, {link} for links")),
        None => {
            Finding::ok(CHECK, format!("to be registered: {here} for `connect`; http.listen is empty, so no links"))
        }
    }
}

fn service(provider: Provider, app: &OAuthApp) -> Finding {
    const CHECK: &str = "service";
    let name = provider.as_str();
    if let Err(trouble) = lacks(provider, app) {
        return Finding::failed(CHECK, &trouble, "set up the service identity as config.example.toml says");
    }
    let file = app.service_account_file.as_deref().filter(|_| provider::service(provider) == Service::Assertion);
    if let Some(file) = file.filter(|file| open_to_others(file).is_some_and(|mode| mode & 0o007 != 0)) {
        let what = "every user of this machine can read the key of the service account";
        return Finding::warn(CHECK, what, format!("chmod 600 {}", file.display()));
    }
    Finding::ok(CHECK, format!("oauth.{name} has a service identity"))
}

async fn asked(scene: &Scene, provider: Provider, app: &OAuthApp) -> Vec<Finding> {
    let name = provider.as_str();
    let http = match &scene.http {
        Ok(http) => http,
        Err(trouble) => return vec![Finding::failed("token endpoint", trouble, "check tls.ca_file")],
    };
    let before = scene.clock.now();
    let Examined { reached, date, client } = examine(http, provider, app).await;
    let now = before + (scene.clock.now() - before) / 2;
    if let Err(trouble) = reached {
        let cure = "check the network, DNS and tls.ca_file";
        return vec![Finding::failed("token endpoint", &trouble, cure)];
    }
    let mut findings = vec![Finding::ok("token endpoint", format!("that of {name} answers"))];
    if let Some(Err(refusal)) = client {
        let what = format!("{name} does not know oauth.{name}.client_id with this secret ({refusal})");
        let cure = "compare both with the provider's console; a secret may have expired";
        findings.push(Finding::fail("registration", what, cure));
    }
    findings.extend(date.map(|date| clock(name, date - now)));
    findings
}

fn clock(name: &str, ahead: TimeDelta) -> Finding {
    const CHECK: &str = "clock";
    let seconds = ahead.num_seconds();
    let word = if seconds < 0 { "ahead of" } else { "behind" };
    let what = format!("this machine's clock is {} s {word} that of {name}", seconds.abs());
    let cure = "set the clock, and keep it right by NTP (timedatectl set-ntp true)";
    match ahead.abs() {
        off if off > FAR_OFF => Finding::fail(CHECK, what, cure),
        off if off > OFF => Finding::warn(CHECK, what, cure),
        _ => Finding::ok(CHECK, format!("this machine's clock agrees with that of {name}")),
    }
}
