//! The configuration, read again while the service runs: when the file changes, and at SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Worker, declared};
use crate::config::{Config, DEFAULT_FILE};
use crate::telemetry;

/// Where the configuration comes from.
pub(super) struct Source {
    /// As it was named; none is the default file, which need not be there.
    named: Option<PathBuf>,
    /// What was in the file when it was last looked at. It may hold secrets, so this is a hash.
    seen: Option<[u8; 32]>,
}

impl Source {
    pub(super) async fn new(named: Option<&Path>) -> Self {
        let mut source = Self { named: named.map(Path::to_owned), seen: None };
        source.seen = source.look().await;
        source
    }

    /// Whether there is something else in the file than when this was last asked.
    pub(super) async fn has_changed(&mut self) -> bool {
        // An editor may take the file away for a moment to put another in its place.
        let Some(now) = self.look().await else { return false };
        self.seen.replace(now) != Some(now)
    }

    async fn look(&self) -> Option<[u8; 32]> {
        let file = self.named.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        Some(Sha256::digest(tokio::fs::read(file).await.ok()?).into())
    }

    /// Takes over what the configuration says by now. One that is wrong changes nothing.
    pub(super) async fn reload(&self, worker: &mut Worker) {
        match self.read(worker).await {
            Ok(config) => {
                worker.common.settle(Arc::new(config));
                worker.renew();
                tracing::info!("the configuration was read again");
            }
            Err(problem) => tracing::warn!(%problem, "the configuration stays as it was"),
        }
    }

    async fn read(&self, worker: &Worker) -> Result<Config, String> {
        let loaded = Config::load(self.named.as_deref(), std::env::vars()).map_err(|error| error.to_string())?;
        let mut config = loaded.config;
        if let Some(problem) = config.check().first() {
            return Err(problem.to_string());
        }
        for key in keep_what_needs_a_restart(&mut config, &worker.config) {
            tracing::warn!(key, "a change of this setting needs a restart");
        }
        declared::reconcile(&worker.store, &config, &worker.clock).await.map_err(|error| error.to_string())?;
        declared::grants(&worker.store, &config, &worker.tokens).await.map_err(|trouble| trouble.to_string())?;
        telemetry::set_level(&config.log.level).map_err(|trouble| trouble.to_string())?;
        Ok(config)
    }
}

/// Puts back what is built into what runs, and names the keys that were to change.
fn keep_what_needs_a_restart(new: &mut Config, old: &Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    macro_rules! keep {
        ($($part:ident).+ as $key:literal) => {
            if new.$($part).+ != old.$($part).+ {
                new.$($part).+ = old.$($part).+.clone();
                kept.push($key);
            }
        };
    }
    keep!(database.url as "database.url");
    keep!(database as "database");
    keep!(attachments.url as "attachments.url");
    keep!(secrets as "secrets");
    keep!(tls as "tls");
    keep!(dns as "dns");
    keep!(oauth as "oauth");
    keep!(http.listen as "http.listen");
    keep!(http as "http");
    keep!(log.format as "log.format");
    keep!(worker.token_timeout_seconds as "worker.token_timeout_seconds");
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, "a test", []).unwrap()
    }

    #[test]
    fn what_needs_a_restart_is_named_and_kept_and_the_rest_is_taken_over() {
        let old = config("database.url = \"sqlite://a.db\"\n[worker]\npoll_seconds = 30\n");
        let mut new = config(
            "database.url = \"sqlite://b.db\"\nsecrets.key = \"c2VjcmV0\"\nlog.format = \"json\"\nlog.level = \"debug\"\n\
             http.listen = \"127.0.0.1:1\"\n[worker]\npoll_seconds = 5\n[policy]\nsubject = \"trust-in-reply-to\"\n",
        );
        let kept = keep_what_needs_a_restart(&mut new, &old);
        assert_eq!(kept, ["database.url", "secrets", "http.listen", "log.format"]);
        assert_eq!((&new.database, &new.http, new.log.format), (&old.database, &old.http, old.log.format));
        assert_eq!((new.worker.poll_seconds, new.log.level.as_str()), (5, "debug"));
        assert_ne!(new.policy, old.policy);
        assert!(keep_what_needs_a_restart(&mut new, &old).is_empty());
    }
}
