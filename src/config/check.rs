//! What a configuration that can be read may still have wrong, all of it at once.

mod account;
mod endpoint;
mod smtp;

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::path::Path;

use super::{Config, is_workspace_name};
use crate::oauth::vault::Vault;
use crate::{telemetry, tls};

/// One thing that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as in `accounts[0].host`.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.what, self.cure)
    }
}

/// The problems found so far.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, what: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Problem { key: key.into(), what: what.into(), cure: cure.into() });
    }

    fn readable(&mut self, key: impl Into<String>, file: Option<&Path>) {
        let Some(file) = file else { return };
        if let Err(error) = File::open(file) {
            self.add(key, format!("cannot read {}: {error}", file.display()), "check the path and its permissions");
        }
    }
}

/// Nobody waits longer, and sums of such times are times, too.
const LONGEST_SECONDS: u64 = 10 * 365 * 86_400;

impl Config {
    /// Everything that is wrong. Looks at files, but at no network and no database.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check_storage(&mut problems);
        self.check_numbers(&mut problems);
        self.check_workspaces(&mut problems);
        self.check_log(&mut problems);
        endpoint::check(self, &mut problems);
        account::check(self, &mut problems);
        smtp::check(self, &mut problems);
        problems.0
    }

    /// Everything that is wrong, also with the keys that seal tokens: whoever only reads lists need not be able to read
    /// them.
    pub fn check_all(&self) -> Vec<Problem> {
        let mut problems = Problems(self.check());
        let key = if self.secrets.key.is_some() { "secrets.key" } else { "secrets.key_file" };
        let is_named = self.secrets.key.is_some() || !self.secrets.key_file.as_os_str().is_empty();
        if let Err(trouble) = Vault::examine(&self.secrets)
            && is_named
        {
            problems.add(key, trouble.to_string(), "without the old key every account needs a new token");
        }
        problems.0
    }

    fn check_storage(&self, problems: &mut Problems) {
        let url = self.database.url.expose();
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            problems.add(
                "database.url",
                "neither SQLite nor PostgreSQL",
                "write sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE",
            );
        } else if !url.starts_with("sqlite:") && url::Url::parse(url).is_err() {
            problems.add("database.url", "not a URL", "write @, #, / and % in a password as %40, %23, %2F and %25");
        }
        let attachments = &self.attachments.url;
        if attachments.is_empty() || (attachments.contains("://") && !attachments.starts_with("file://")) {
            problems.add("attachments.url", "not a folder", "write file:///FOLDER or a path");
        }
        if let Err(trouble) = tls::client_config(self.tls.ca_file.as_deref()) {
            problems.add("tls.ca_file", trouble.to_string(), "check the path, its permissions and what is in it");
        }
        if self.secrets.key.is_none() && self.secrets.key_file.as_os_str().is_empty() {
            problems.add("secrets.key_file", "there is no key", "name a file; it is made where it is missing");
        }
    }

    fn check_numbers(&self, problems: &mut Problems) {
        let (limits, worker) = (&self.limits, &self.worker);
        let positive = [
            ("database.max_connections", u64::from(self.database.max_connections)),
            ("limits.body_bytes", limits.body_bytes),
            ("limits.message_bytes", limits.message_bytes),
            ("limits.hosted_bytes", limits.hosted_bytes),
            ("limits.recipients", limits.recipients as u64),
            ("limits.attempts", u64::from(limits.attempts)),
            ("dns.timeout_seconds", self.dns.timeout_seconds),
            ("worker.poll_seconds", worker.poll_seconds),
            ("worker.lease_seconds", worker.lease_seconds),
            ("worker.poll_quickest_seconds", worker.poll_quickest_seconds),
            ("worker.poll_slowest_seconds", worker.poll_slowest_seconds),
            ("worker.batch_messages", worker.batch_messages as u64),
            ("worker.batch_bytes", worker.batch_bytes),
            ("worker.slice_bytes", worker.slice_bytes),
            ("worker.memory_bytes", worker.memory_bytes),
            ("worker.concurrent_accounts", worker.concurrent_accounts as u64),
            ("worker.connects_per_second", u64::from(worker.connects_per_second)),
            ("worker.connecting_at_once", worker.connecting_at_once as u64),
            ("worker.poll_deadline_seconds", worker.poll_deadline_seconds),
            ("worker.connect_timeout_seconds", worker.connect_timeout_seconds),
            ("worker.command_timeout_seconds", worker.command_timeout_seconds),
            ("worker.token_timeout_seconds", worker.token_timeout_seconds),
            ("worker.backoff_max_seconds", worker.backoff_max_seconds),
        ];
        for (key, _) in positive.into_iter().chain(self.events.positive()).filter(|(_, value)| *value == 0) {
            problems.add(key, "is 0", "set it to 1 or more");
        }
        let spans = positive.into_iter().chain(self.events.positive()).chain([
            ("database.wait_seconds", self.database.wait_seconds),
            ("events.give_up_hours", self.events.give_up_hours.into()),
            ("worker.steady_seconds", worker.steady_seconds),
            ("worker.shutdown_seconds", worker.shutdown_seconds),
        ]);
        for (key, value) in spans {
            let longest = match key.rsplit_once('_') {
                Some((_, "seconds")) => LONGEST_SECONDS,
                Some((_, "hours")) => LONGEST_SECONDS / 3_600,
                Some((_, "days")) => LONGEST_SECONDS / 86_400,
                _ => continue,
            };
            if value > longest {
                problems.add(key, format!("is over {longest}, which is ten years"), "lower it");
            }
        }
        if limits.recipients > 5_000 {
            problems.add("limits.recipients", "is over 5000", "lower it: a mail to more people is a mailing");
        }
        if worker.memory_bytes < worker.batch_bytes.max(worker.slice_bytes) {
            problems.add(
                "worker.memory_bytes",
                "is less than one batch",
                "raise it, or lower worker.batch_bytes and worker.slice_bytes",
            );
        }
    }

    fn check_workspaces(&self, problems: &mut Problems) {
        let default = ("workspace".to_owned(), &self.workspace.own_domains);
        let more = self.workspaces.iter().enumerate();
        let more = more.map(|(at, workspace)| (format!("workspaces[{at}]"), &workspace.own_domains));
        for (key, domains) in std::iter::once(default).chain(more) {
            for domain in domains.iter().filter(|domain| !is_domain(domain)) {
                problems.add(format!("{key}.own_domains"), format!("{domain:?} is no domain"), "write ours.example");
            }
        }
        let mut seen = HashSet::from(["default"]);
        for (at, workspace) in self.workspaces.iter().enumerate() {
            if workspace.name.is_empty() {
                problems.add(format!("workspaces[{at}].name"), "is empty", "give the workspace a name");
            } else if !is_workspace_name(&workspace.name) {
                let cure = "use letters, digits, '-', '_' and '.', as in acme-sweden: it becomes the tag of an address";
                problems.add(format!("workspaces[{at}].name"), format!("{:?} is no name", workspace.name), cure);
            } else if !seen.insert(&workspace.name) {
                let cure = "name each workspace once; the settings of \"default\" are in [workspace]";
                problems.add(format!("workspaces[{at}].name"), format!("{:?} is taken", workspace.name), cure);
            }
        }
    }

    fn check_log(&self, problems: &mut Problems) {
        if !telemetry::is_level(&self.log.level) {
            problems.add("log.level", "is no level", "write error, warn, info, debug or mailtrail::source=debug");
        }
    }

    fn has_workspace(&self, name: &str) -> bool {
        name == "default" || self.workspaces.iter().any(|workspace| workspace.name == name)
    }
}

fn is_domain(text: &str) -> bool {
    idna::domain_to_ascii(text).is_ok_and(|ascii| {
        ascii.contains('.')
            && ascii.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    })
}
