//! What most commands need: configuration, database, workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use entity::{user, workspace};

use super::Usage;
use super::output::complain;
use crate::attachments::Blobs;
use crate::clock::Clock;
use crate::config::{Config, Loaded, LoggingRule};
use crate::mail::address::Address;
use crate::oauth::hash_key;
use crate::oauth::http::Http;
use crate::oauth::tokens::Tokens;
use crate::oauth::vault::Vault;
use crate::source::Budget;
use crate::store::commit::WaitingKey;
use crate::store::leases::Fence;
use crate::store::settings;
use crate::store::users;
use crate::store::workspaces::{self, NewWorkspace};
use crate::store::{Options, Store};
use crate::worker::Worker;
use crate::worker::common::Common;
use crate::worker::lease::Leases;
use crate::worker::turn::Turn;

pub(super) struct Installation {
    pub(super) config: Arc<Config>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    workspace: String,
    /// The configuration that was named.
    pub(super) file: Option<PathBuf>,
}

impl Installation {
    pub(super) async fn open(file: Option<&Path>, workspace: String, may_begin: bool) -> anyhow::Result<Self> {
        let loaded = load(file)?;
        // A database of its own in whatever folder one happens to be in is rarely what was meant.
        if let Some(hint) = loaded.hint().filter(|_| std::env::var_os("MAILTRAIL_DATABASE__URL").is_none()) {
            let database = loaded.config.database.url.expose();
            if !may_begin && !Store::may_be_there(database) {
                let cure = "go to the folder of your configuration, or begin a database with `mailtrail migrate`";
                return Err(Usage(format!("{hint}. There is no database here either ({database}): {cure}")).into());
            }
            complain(format_args!("mailtrail: {hint}"));
        }
        let config = loaded.config;
        crate::telemetry::init(&config.log).map_err(|error| Usage(error.to_string()))?;
        let problems = config.check();
        if let Some(problem) = problems.first() {
            return Err(Usage(format!("{problem} (`mailtrail config check` reports everything)")).into());
        }
        let options = Options {
            connections: config.database.max_connections,
            wait: std::time::Duration::from_secs(config.database.wait_seconds),
        };
        let store =
            Store::open(config.database.url.expose(), &options).await.context("the database cannot be opened")?;
        // Who only reads does not wait for somebody else's lock.
        if store.schema().await != (0, false) {
            store.migrate().await.context("the database cannot be brought up to date")?;
        }
        let clock = Clock::system();
        ensure_workspaces(&store, &config, &clock).await?;
        Ok(Self { config: Arc::new(config), store, clock, workspace, file: file.map(Path::to_owned) })
    }

    /// Makes the database agree with what the configuration declares. Only for those who act on all of it: a command
    /// that happens to be typed without the configuration must not take back what the service was told.
    pub(super) async fn reconcile(&self) -> anyhow::Result<()> {
        Ok(crate::worker::declared::reconcile(&self.store, &self.config, &self.clock).await?)
    }

    pub(super) async fn workspace(&self) -> anyhow::Result<workspace::Model> {
        let name = &self.workspace;
        let found = workspaces::find(&self.store, name).await?;
        found.ok_or_else(|| {
            Usage(format!("there is no workspace \"{name}\"; make it with `mailtrail workspace add {name}`")).into()
        })
    }

    /// The user of that login in the workspace.
    pub(super) async fn user(&self, login: &str) -> anyhow::Result<user::Model> {
        let found = users::find(&self.store, self.workspace().await?.id, &address(login)?).await?;
        found.ok_or_else(|| {
            let text = "import the users first: `mailtrail import users FILE`";
            Usage(format!("there is no user {login} in this workspace; {text}")).into()
        })
    }

    /// A key file that is missing is made, but not where something is sealed with the one that was there.
    pub(super) async fn check_key_file(&self) -> anyhow::Result<()> {
        let secrets = &self.config.secrets;
        if Vault::present(secrets)?.is_some() || settings::all(&self.store).await?.is_empty() {
            return Ok(());
        }
        anyhow::bail!(Usage(format!(
            "the key file {} is missing, and the database holds what was sealed with it: restore it from your backup; if it \
             is lost, `mailtrail rekey --lost` begins with a new one, and every account is to be connected again",
            secrets.key_file.display()
        )))
    }

    /// The parts that read mail: keys, tokens, attachments, TLS.
    pub(super) async fn worker(&self) -> anyhow::Result<Worker> {
        self.check_key_file().await?;
        let vault = Arc::new(self.vault()?);
        let hash_key = hash_key::hash_key(&self.store, &vault).await?;
        let tokens = self.tokens_of(vault)?;
        crate::worker::declared::grants(&self.store, &self.config, &tokens).await?;
        Ok(Worker {
            store: self.store.clone(),
            blobs: Blobs::open(&self.config.attachments.url)?,
            tokens: Arc::new(tokens),
            tls: crate::source::client_config(self.config.tls.ca_file.as_deref())?,
            config: Arc::clone(&self.config),
            memory: Budget::new(self.config.worker.memory_bytes),
            memory_for_large: Budget::new(self.config.limits.message_bytes),
            common: Arc::new(Common::new(&self.config)),
            turn: Turn::default(),
            clock: self.clock.clone(),
            leases: Leases::alone(),
            fence: Fence::Open,
            hash_key: Arc::new(*secrecy::ExposeSecret::expose_secret(&hash_key)),
        })
    }

    /// The tokens of all accounts, opened by `vault`.
    pub(super) fn tokens(&self, vault: Vault) -> anyhow::Result<Tokens> {
        self.tokens_of(Arc::new(vault))
    }

    fn tokens_of(&self, vault: Arc<Vault>) -> anyhow::Result<Tokens> {
        let http = Http::new(&self.config.tls, self.config.worker.token_timeout(), self.clock.clone())?;
        let oauth = self.config.oauth.clone();
        Ok(Tokens::new(self.store.clone(), vault, oauth, http, self.clock.clone()))
    }

    /// The key of the hashes by which mail waits for new contacts, where it does (K2).
    pub(super) async fn waking(&self) -> anyhow::Result<Option<WaitingKey>> {
        if self.config.policy.logging_rule != LoggingRule::KnownContacts {
            return Ok(None);
        }
        let key = hash_key::hash_key(&self.store, &self.vault()?).await?;
        Ok(Some(WaitingKey::new(*secrecy::ExposeSecret::expose_secret(&key))))
    }

    pub(super) fn vault(&self) -> anyhow::Result<Vault> {
        Ok(Vault::unlock(&self.config.secrets)?)
    }
}

/// The workspaces a command may name are there before the first run. Those that are there stay as they are.
async fn ensure_workspaces(store: &Store, config: &Config, clock: &Clock) -> anyhow::Result<()> {
    for new in NewWorkspace::of(config) {
        workspaces::ensure(store, &new, clock).await?;
    }
    Ok(())
}

/// The configuration, or a usage error that says where it is wrong.
pub(super) fn load(file: Option<&Path>) -> anyhow::Result<Loaded> {
    Ok(Config::load(file, std::env::vars()).map_err(|error| Usage(error.to_string()))?)
}

/// A mail address from the command line.
pub(super) fn address(text: &str) -> anyhow::Result<Address> {
    Address::parse(text).ok_or_else(|| Usage(format!("\"{text}\" is no mail address")).into())
}
