//! The provider, the configuration and the CRM that the story happens in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailtrail::attachments::Blobs;
use mailtrail::cli::import;
use mailtrail::clock::Clock;
use mailtrail::config::Config;
use mailtrail::oauth::hash_key::hash_key;
use mailtrail::oauth::http::Http;
use mailtrail::oauth::tokens::Tokens;
use mailtrail::oauth::vault::Vault;
use mailtrail::source::Budget;
use mailtrail::store::never_log::{self, Entry, Scope};
use mailtrail::store::{Options, Store, workspaces};
use mailtrail::worker::{Worker, declared};
use provider::{Profile, Provider};
use secrecy::ExposeSecret as _;

use crate::crm::{BCC, EXPORTS, NEVER_LOG};
use crate::mail;
use crate::scene::Scene;

/// A mail server with Gmail's habits, and a worker that reads one mailbox of it.
pub struct Stage {
    /// The mail and OAuth server.
    pub provider: Provider,
    /// The real worker.
    pub worker: Worker,
    /// Database, attachments, configuration.
    pub folder: PathBuf,
}

impl Stage {
    /// Everything up to the moment before the first mail.
    pub async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("demo-mailtrail-").tempdir()?.keep();
        let provider = Provider::start(Profile::Gmail).await;
        let config = configure(&provider, &folder)?;
        let worker = worker(config).await?;
        fill(&worker, &folder).await?;
        Ok(Self { provider, worker, folder })
    }

    /// Each mail arrives in the BCC mailbox; their UIDs.
    pub fn deliver(&self, story: &[Scene]) -> anyhow::Result<Vec<u32>> {
        let deliver = |(number, scene): (usize, &Scene)| {
            let raw = mail::bytes(&scene.mail, number)?;
            let received = chrono::DateTime::parse_from_rfc3339("2026-11-16T12:00:00Z")?.to_utc();
            Ok(self.provider.mail.deliver_at(BCC, "INBOX", raw, received))
        };
        story.iter().enumerate().map(deliver).collect()
    }
}

/// Writes the configuration, as an operator would, and reads it.
fn configure(provider: &Provider, folder: &Path) -> anyhow::Result<Config> {
    let connection = provider.connection(folder);
    let token = folder.join("refresh-token");
    fs::write(&token, provider.create_user(BCC))?;
    let text = format!(
        "database.url = {database:?}\nattachments.url = {attachments:?}\nattachments.max_bytes = 65536\n\
         secrets.key_file = {key:?}\ntls.ca_file = {ca:?}\nworkspace.own_domains = [\"ours.example\"]\n\n\
         [oauth.google]\nclient_id = {id:?}\nclient_secret_file = {secret:?}\ntoken_url = {token_url:?}\n\n\
         [[accounts]]\nkind = \"bcc\"\nprovider = \"google\"\naddress = {BCC:?}\n\
         host = \"localhost\"\nport = {port}\nrefresh_token_file = {token:?}\n",
        database = format!("sqlite://{}", folder.join("crm.db").display()),
        attachments = format!("file://{}", folder.join("attachments").display()),
        key = folder.join("mailtrail.key"),
        ca = connection.ca_file,
        id = connection.client_id,
        secret = connection.client_secret_file,
        token_url = connection.token_url,
        port = connection.port,
    );
    let file = folder.join("mailtrail.toml");
    fs::write(&file, text)?;
    Ok(Config::load(Some(&file), [])?.config)
}

/// What `mailtrail run` puts together.
async fn worker(config: Config) -> anyhow::Result<Worker> {
    let clock = Clock::system();
    let store = Store::open(config.database.url.expose(), &Options::default()).await?;
    store.migrate().await?;
    declared::reconcile(&store, &config, &clock).await?;
    let vault = Arc::new(Vault::unlock(&config.secrets)?);
    let hash_key = Arc::new(*hash_key(&store, &vault).await?.expose_secret());
    let http = Http::new(&config.tls, config.worker.token_timeout(), clock.clone())?;
    let tokens = Tokens::new(store.clone(), vault, config.oauth.clone(), http, clock.clone());
    declared::grants(&store, &config, &tokens).await?;
    let tls = mailtrail::source::client_config(config.tls.ca_file.as_deref())?;
    let blobs = Blobs::open(&config.attachments.url)?;
    Ok(Worker {
        store,
        blobs,
        tokens: Arc::new(tokens),
        tls,
        memory: Budget::new(config.worker.memory_bytes),
        memory_for_large: Budget::new(config.limits.message_bytes),
        config: Arc::new(config),
        clock,
        hash_key,
    })
}

/// Imports the CRM's exports and sets its never-log list.
async fn fill(worker: &Worker, folder: &Path) -> anyhow::Result<()> {
    let (store, clock) = (&worker.store, &worker.clock);
    let workspace = workspaces::named(store, workspaces::DEFAULT).await?;
    for (kind, export) in EXPORTS {
        let file = folder.join(format!("{kind}.csv"));
        fs::write(&file, export)?;
        let report = import::file(store, &workspace, *kind, &file, clock).await?;
        anyhow::ensure!(report.bad.is_empty(), "{kind}: {:?}", report.bad);
        println!("  {} {kind}", report.made);
    }
    if let Some(entry) = Entry::parse(NEVER_LOG) {
        never_log::add(store, workspace.id, Scope::Workspace, &entry, clock).await?;
        println!("  {entry} is on the never-log list");
    }
    Ok(())
}
