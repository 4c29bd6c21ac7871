//! The provider, the configuration and the CRM that the story happens in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use mailtrail::attachments::Blobs;
use mailtrail::cli::import;
use mailtrail::clock::Clock;
use mailtrail::config::{AccountKind, Config, Provider as Host, Security};
use mailtrail::mail::address::Address;
use mailtrail::oauth::hash_key::hash_key;
use mailtrail::oauth::http::Http;
use mailtrail::oauth::tokens::{Source, Tokens};
use mailtrail::oauth::vault::Vault;
use mailtrail::source::Budget;
use mailtrail::store::accounts::{self, NewAccount};
use mailtrail::store::never_log::{self, Entry, Scope};
use mailtrail::store::{Options, Store, users, workspaces};
use mailtrail::worker::{Worker, common::Common, declared, turn::Turn};
use provider::{Profile, Provider};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::crm::{BCC, EXPORTS, LOG, NEVER_LOG};
use crate::mail;
use crate::scene::Scene;

/// Where a server with Gmail's habits shows all mail of a user.
const ALL_MAIL: &str = "[Gmail]/All Mail";

/// A mail server with Gmail's habits, and a worker that reads mailboxes of it.
pub struct Stage {
    /// The mail and OAuth server.
    pub provider: Provider,
    /// The real worker.
    pub worker: Worker,
    /// Database, attachments, configuration.
    pub folder: PathBuf,
    /// The UIDs of the mail in users' inboxes, by Message-ID.
    arrived: HashMap<&'static str, u32>,
}

impl Stage {
    /// Everything up to the moment before the first mail.
    pub async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("demo-mailtrail-").tempdir()?.keep();
        let provider = Provider::start(Profile::Gmail).await;
        let config = configure(&provider, &folder)?;
        let worker = worker(config).await?;
        fill(&worker, &folder).await?;
        Ok(Self { provider, worker, folder, arrived: HashMap::new() })
    }

    /// A user connects an inbox; those of its mailboxes that are watched.
    pub async fn connect(&self, user: &str) -> anyhow::Result<Vec<String>> {
        let Worker { store, clock, tokens, .. } = &self.worker;
        let workspace = workspaces::named(store, workspaces::DEFAULT).await?;
        let address = Address::parse(user).context("the story names no address")?;
        let new = NewAccount {
            address: address.clone(),
            kind: AccountKind::Personal,
            provider: Host::Google,
            host: Some("localhost".to_owned()),
            port: Some(self.provider.mail.port()),
            auth: None,
            security: Security::Tls,
            imap_user: None,
            password_file: None,
            since: None,
            user: users::find(store, workspace.id, &address).await?,
            declared: false,
        };
        let account = accounts::add(store, &workspace, &new, clock).await?;
        let token = SecretString::from(self.provider.create_user(user));
        tokens.put_refresh_token(account.id, &token, Source::Consent).await?;
        Ok(self.worker.begin(&account).await?)
    }

    /// The mailbox that is read for a scene.
    pub async fn mailbox(&self, scene: &Scene) -> anyhow::Result<Uuid> {
        let (address, name) = match scene.inbox {
            None => (BCC, "INBOX"),
            Some(LOG) => (LOG, "INBOX"),
            Some(user) => (user, ALL_MAIL),
        };
        let listed = accounts::list(&self.worker.store).await?;
        let account = listed.into_iter().find(|one| one.account.address == address).context("no such account")?;
        let mailbox = account.mailboxes.into_iter().find(|row| row.name == name);
        Ok(mailbox.context("no mailbox was read")?.id)
    }

    /// The UIDs of mail in users' inboxes of which the server was asked for more than header fields.
    pub fn opened(&self) -> Vec<u32> {
        let commands = self.provider.mail.commands().into_iter();
        let bodies = commands.filter(|one| {
            let of_inbox = one.user.as_deref().is_some_and(|user| ![BCC, LOG].contains(&user));
            of_inbox && one.line.contains("BODY") && !one.line.contains("HEADER.FIELDS")
        });
        let sets = bodies.filter_map(|one| Some(one.line.split("FETCH ").nth(1)?.split(' ').next()?.to_owned()));
        let ranges: Vec<String> = sets.flat_map(|set| set.split(',').map(str::to_owned).collect::<Vec<_>>()).collect();
        let uids = ranges.iter().filter_map(|range| {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?)
        });
        uids.flatten().collect()
    }

    /// Each mail arrives in its mailbox; their UIDs. `first` is the place of the first one in the whole story.
    pub fn deliver(&mut self, scenes: &[Scene], first: usize) -> anyhow::Result<Vec<u32>> {
        let by_bcc = chrono::DateTime::parse_from_rfc3339("2026-11-16T12:00:00Z")?.to_utc();
        let mail = &self.provider.mail;
        let mut uids = Vec::new();
        for (number, scene) in (first..).zip(scenes) {
            let uid = match scene.inbox {
                None => mail.deliver_at(BCC, "INBOX", mail::bytes(scene, number)?, by_bcc),
                Some(LOG) => mail.deliver_at(LOG, "INBOX", mail::bytes(scene, number)?, by_bcc),
                Some(_) if scene.again => *self.arrived.get(scene.mail.id).context("it has not arrived yet")?,
                // What waits for its conversation does so for days from its arrival.
                Some(user) => {
                    mail.deliver_at(user, "INBOX", mail::bytes(scene, number)?, self.worker.clock.now());
                    let uid = *mail.uids(user, ALL_MAIL).last().context("the server does not show all mail")?;
                    self.arrived.insert(scene.mail.id, uid);
                    uid
                }
            };
            uids.push(uid);
        }
        Ok(uids)
    }
}

/// Writes the configuration, as an operator would, and reads it.
fn configure(provider: &Provider, folder: &Path) -> anyhow::Result<Config> {
    let connection = provider.connection(folder);
    let token = folder.join("refresh-token");
    fs::write(&token, provider.create_user(BCC))?;
    let forwards = folder.join("refresh-token-of-forwards");
    fs::write(&forwards, provider.create_user(LOG))?;
    let text = format!(
        "database.url = {database:?}\nattachments.url = {attachments:?}\nattachments.max_bytes = 65536\n\
         secrets.key_file = {key:?}\ntls.ca_file = {ca:?}\nworkspace.own_domains = [\"ours.example\"]\n\n\
         [oauth.google]\nclient_id = {id:?}\nclient_secret_file = {secret:?}\ntoken_url = {token_url:?}\n\n\
         [[accounts]]\nkind = \"bcc\"\nprovider = \"google\"\naddress = {BCC:?}\n\
         host = \"localhost\"\nport = {port}\nrefresh_token_file = {token:?}\n\n\
         [[accounts]]\nkind = \"forwarding\"\nprovider = \"google\"\naddress = {LOG:?}\n\
         host = \"localhost\"\nport = {port}\nrefresh_token_file = {forwards:?}\n",
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
    let config = Arc::new(config);
    Ok(Worker {
        store,
        blobs,
        tokens: Arc::new(tokens),
        tls,
        memory: Budget::new(config.worker.memory_bytes),
        memory_for_large: Budget::new(config.limits.message_bytes),
        common: Arc::new(Common::new(&config)),
        turn: Turn::default(),
        config,
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
        let report = import::file(store, &workspace, *kind, &file, clock, None).await?;
        anyhow::ensure!(report.bad.is_empty(), "{kind}: {:?}", report.bad);
        println!("  {} {kind}", report.made);
    }
    if let Some(entry) = Entry::parse(NEVER_LOG) {
        never_log::add(store, workspace.id, Scope::Workspace, &entry, clock).await?;
        println!("  {entry} is on the never-log list");
    }
    Ok(())
}
