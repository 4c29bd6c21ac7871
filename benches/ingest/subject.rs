//! The program that is measured, set up as an operator would: a configuration, imported records, accounts.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::arguments::Store;
use super::measure::{self, Measured};
use super::support::dovecot::PASSWORD;
use super::support::mail::Cast;
use super::support::mail::cast::{NEVER_LOG, OWN_DOMAIN};
use super::support::postgres::Database;

/// Built together with this benchmark, in the same profile.
const BINARY: &str = env!("CARGO_BIN_EXE_mailtrail");

/// A fresh installation with an empty database.
pub struct Subject {
    folder: tempfile::TempDir,
    _database: Option<Database>,
}

impl Subject {
    /// Everything up to the first `run`: one BCC account.
    pub fn prepare(cast: &Cast, port: u16, ca_file: &Path, store: Store) -> Self {
        let subject = Self::install(cast, ca_file, store);
        subject.connect(&["--kind", "bcc", "--address", &cast.log_address], port);
        subject
    }

    /// Configuration and records, but no account.
    pub fn install(cast: &Cast, ca_file: &Path, store: Store) -> Self {
        let database = (store == Store::Postgres).then(Database::create);
        let subject = Self { folder: tempfile::tempdir().expect("a folder"), _database: database };
        let place = subject.folder.path().display();
        let url = subject.database_url();
        subject.write(
            "mailtrail.toml",
            &format!(
                "database.url = \"{url}\"\ntls.ca_file = \"{}\"\nattachments.url = \"file://{place}/attachments\"\nsecrets.key_file = \"{place}/key\"\nworkspace.own_domains = [\"{OWN_DOMAIN}\"]\n",
                ca_file.display()
            ),
        );
        subject.write("password", PASSWORD);
        let records = [
            ("users", cast.users_csv()),
            ("companies", cast.companies_csv()),
            ("contacts", cast.contacts_csv()),
            ("deals", cast.deals_csv()),
        ];
        for (name, text) in records {
            let file = subject.write(&format!("{name}.csv"), &text);
            subject.command(&["import", name, &file.display().to_string()]);
        }
        subject.command(&["never-log", "add", NEVER_LOG]);
        subject
    }

    /// Adds an account at the server that listens on `port`.
    pub fn connect(&self, how: &[&str], port: u16) {
        let (port, password) = (port.to_string(), self.folder.path().join("password").display().to_string());
        let login = ["--auth", "password", "--host", "localhost", "--port", &port, "--password-file", &password];
        self.command(&[&["account", "add", "--provider", "imap"], how, &login].concat());
    }

    /// Adds a user's own inbox.
    pub fn connect_inbox(&self, user: &str, port: u16) {
        self.connect(&["--kind", "personal", "--user", user, "--address", user], port);
    }

    /// Where the timeline is.
    pub fn database_url(&self) -> String {
        match &self._database {
            Some(database) => database.url.clone(),
            None => format!("sqlite://{}/mailtrail.db", self.folder.path().display()),
        }
    }

    /// The service with these environment variables, until it is told to stop. What it says is dropped.
    pub fn serve(&self, environment: &[(&str, &str)]) -> Child {
        let mut command = Command::new(BINARY);
        command.envs(environment.iter().copied());
        command.args(self.words(&["run"])).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("mailtrail starts")
    }

    /// The measured run.
    pub fn run_once(&self) -> Measured {
        measure::run(Path::new(BINARY), &self.words(&["run", "--once"]))
    }

    /// The ledger's codes of one account's mailbox, by UID; a run of equal skips is spread out.
    pub fn verdicts(&self, account: &str) -> Vec<String> {
        let mut verdicts = Vec::new();
        for line in self.command(&["ledger", "list", "--json"]).lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON Lines");
            if row["account"] != account {
                continue;
            }
            let uid = |names: [&str; 2]| names.iter().find_map(|name| row[name].as_u64()).expect("a UID");
            let (first, last) = (uid(["uid", "uid_first"]), uid(["uid", "uid_last"]));
            let code = row["code"].as_str().expect("a code");
            verdicts.extend((first..=last).map(|uid| (uid, code.to_owned())));
        }
        verdicts.sort();
        verdicts.into_iter().map(|(_, code)| code).collect()
    }

    fn command(&self, words: &[&str]) -> String {
        let output = Command::new(BINARY).args(self.words(words)).output().expect("mailtrail starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mailtrail {words:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let config = self.folder.path().join("mailtrail.toml").display().to_string();
        ["--config", &config].iter().chain(words).map(|word| (*word).to_owned()).collect()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file
    }
}
