//! `doctor`: everything that can be wrong, each with its cure. It changes nothing, but for tokens that are due.

mod account;
mod local;
mod network;
mod report;
mod smtp;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use entity::account::Model as Account;
use futures::StreamExt as _;
use futures::stream;
use tokio::time::timeout;

use super::Answer;
use super::output::Output;
use crate::clock::Clock;
use crate::config::{Auth, Config, Provider};
use crate::oauth::http::Http;
use crate::oauth::tokens::Tokens;
use crate::source;
use crate::store::{Store, accounts};
use crate::trouble::Trouble;
use report::{Finding, Outcome};

/// How long one answer is waited for, and accounts that are looked at at once.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 8;

/// Longer than all of one account's answers together.
const ONE_ACCOUNT: Duration = Duration::from_secs(60);

/// What the checks work with; where a part is missing, an earlier check has said so.
struct Scene {
    config: Arc<Config>,
    clock: Clock,
    store: Option<Store>,
    accounts: Vec<Account>,
    http: Result<Http, Trouble>,
    tls: Result<Arc<rustls::ClientConfig>, Trouble>,
    tokens: Option<Tokens>,
}

impl Scene {
    fn uses(&self, provider: Provider, auth: Auth) -> bool {
        let logs_in = |account: &Account| account.provider == provider.as_str() && account.auth == auth.as_str();
        let declared = self.config.accounts.iter().any(|one| one.provider == provider && one.auth() == auth);
        declared || self.accounts.iter().any(|account| account.state != "paused" && logs_in(account))
    }
}

/// Runs every check; exit code 1 if one failed.
pub(super) async fn doctor(file: Option<&Path>, json: bool) -> anyhow::Result<Answer> {
    let mut report = Report { output: Output::new(json), failed: 0, warned: 0 };
    let (config, findings) = local::configuration(file);
    report.print(findings)?;
    let Some(mut config) = config else { return report.end() };
    let impatient = &mut config.worker;
    impatient.connect_timeout_seconds = impatient.connect_timeout_seconds.min(PATIENCE.as_secs());
    impatient.command_timeout_seconds = impatient.command_timeout_seconds.min(PATIENCE.as_secs());
    impatient.token_timeout_seconds = impatient.token_timeout_seconds.min(PATIENCE.as_secs());
    config.smtp.timeout_seconds = config.smtp.timeout_seconds.min(PATIENCE.as_secs());
    // A level that makes no sense is a finding already.
    let _ = crate::telemetry::init(&config.log);

    let (store, finding) = local::database(&config).await;
    report.print([finding])?;
    let (vault, findings) = local::key(&config.secrets, store.as_ref()).await;
    report.print(findings)?;
    let clock = Clock::system();
    let config = Arc::new(config);
    let http = Http::new(&config.tls, config.worker.token_timeout(), clock.clone());
    let tokens = match (&store, vault, &http) {
        (Some(store), Some(vault), Ok(http)) => {
            let oauth = config.oauth.clone();
            Some(Tokens::new(store.clone(), Arc::new(vault), oauth, http.clone(), clock.clone()))
        }
        _ => None,
    };
    let accounts = match &store {
        Some(store) => accounts::list(store).await?.into_iter().map(|listed| listed.account).collect(),
        None => Vec::new(),
    };
    let tls = source::client_config(config.tls.ca_file.as_deref());
    let scene = Scene { config, clock, store, accounts, http, tls, tokens };
    report.beyond(&scene).await?;
    report.end()
}

struct Report {
    output: Output,
    failed: usize,
    warned: usize,
}

impl Report {
    /// What takes a network: asked at once, told in order.
    async fn beyond(&mut self, scene: &Scene) -> anyhow::Result<()> {
        let (names, servers, registrations, notices) = tokio::join!(
            network::names(scene),
            network::mail_servers(scene),
            network::registrations(scene),
            smtp::notices(scene)
        );
        for findings in [registrations, names, servers, notices] {
            self.print(findings)?;
        }
        let examined = |account| async move {
            let late = Finding::fail("login", "the server takes too long to answer", "check host, port and network");
            let late = |_| vec![late.of(&Account::clone(account).address)];
            timeout(ONE_ACCOUNT, account::examine(scene, account)).await.unwrap_or_else(late)
        };
        let mut accounts = stream::iter(&scene.accounts).map(examined).buffered(AT_ONCE);
        while let Some(findings) = accounts.next().await {
            self.print(findings)?;
        }
        if scene.store.is_some() && scene.accounts.is_empty() {
            self.print([Finding::warn("account", "no mailbox is watched", "`mailtrail account add`")])?;
        }
        Ok(())
    }

    fn print(&mut self, findings: impl IntoIterator<Item = Finding>) -> anyhow::Result<()> {
        for finding in findings {
            self.failed += usize::from(finding.result == Outcome::Fail);
            self.warned += usize::from(finding.result == Outcome::Warn);
            finding.print(&mut self.output)?;
        }
        Ok(())
    }

    fn end(mut self) -> anyhow::Result<Answer> {
        let (failed, warned) = (self.failed, self.warned);
        self.output.line(&match (failed, warned) {
            (0, 0) => "All is well.".to_owned(),
            (0, _) => format!("Nothing failed; {warned} to look at."),
            _ => format!("{failed} failed, {warned} to look at."),
        })?;
        self.output.finish()?;
        Ok(if failed == 0 { Answer::Yes } else { Answer::No })
    }
}
