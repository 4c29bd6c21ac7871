//! A mail server with many accounts, and the services that watch them.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mailtrail::clock::Clock;
use mailtrail::config::{AccountKind, Auth, Provider, Security};
use mailtrail::mail::address::Address;
use mailtrail::store::accounts::{NewAccount, add};
use mailtrail::store::{Options, Store, users, workspaces};
use provider::Profile;
use provider::imap::{Logins, MailServer};
use tempfile::TempDir;

use super::support::postgres::Database;

/// Built together with this benchmark, in the same profile.
const BINARY: &str = env!("CARGO_BIN_EXE_mailtrail");

const PASSWORD: &str = "a-password-of-the-benchmark";

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(900);

const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// One installation.
pub struct Office {
    pub mail: MailServer,
    pub store: Store,
    folder: TempDir,
    _database: Option<Database>,
}

/// What the accounts are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    Inboxes,
    BccMailboxes,
}

impl Office {
    /// With so many accounts, and `more` settings.
    pub async fn new(accounts: usize, watching: Watching, postgres: bool, more: &str) -> Self {
        let mail = MailServer::start(Profile::Plain, Logins::Passwords).await;
        let folder = TempDir::new().expect("a folder");
        let database = postgres.then(Database::create);
        let place = folder.path().display();
        let url = database.as_ref().map_or_else(|| format!("sqlite://{place}/mailtrail.db"), |one| one.url.clone());
        let config = format!(
            "database.url = \"{url}\"\ntls.ca_file = \"{place}/ca.pem\"\nattachments.url = \"file://{place}/attachments\"\n\
             secrets.key_file = \"{place}/key\"\n{more}"
        );
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write("mailtrail.toml", &config);
        write("ca.pem", mail.ca_pem());
        write("password", PASSWORD);
        let store = Store::open(&url, &Options::default()).await.expect("a database");
        let office = Self { mail, store, folder, _database: database };
        office.tell(&["migrate"]);
        office.hire(accounts);
        for number in 0..accounts {
            office.connect(number, watching).await;
        }
        office
    }

    /// The login of a user, which is the address of an account, too.
    pub fn address(number: usize) -> String {
        format!("user{number}@ours.example")
    }

    fn hire(&self, users: usize) {
        let lines: String = (0..users).map(|number| format!("{},U,,core,true\n", Self::address(number))).collect();
        let file = self.folder.path().join("users.csv");
        fs::write(&file, format!("login,name,aliases,seat,active\n{lines}")).expect("a file");
        self.tell(&["import", "users", &file.display().to_string()]);
    }

    async fn connect(&self, number: usize, watching: Watching) {
        let address = Self::address(number);
        self.mail.create_user(&address, Some(PASSWORD));
        let clock = Clock::system();
        let workspace = workspaces::named(&self.store, workspaces::DEFAULT).await.expect("a workspace");
        let address = Address::parse(&address).expect("an address");
        let user = users::find(&self.store, workspace.id, &address).await.expect("the database answers");
        let inbox = watching == Watching::Inboxes;
        let new = NewAccount {
            address,
            kind: if inbox { AccountKind::Personal } else { AccountKind::Bcc },
            provider: Provider::Imap,
            host: Some("localhost".to_owned()),
            port: Some(self.mail.port()),
            auth: Some(Auth::Password),
            security: Security::Tls,
            imap_user: None,
            password_file: Some(self.folder.path().join("password").display().to_string()),
            since: None,
            user: user.filter(|_| inbox),
            declared: false,
        };
        add(&self.store, &workspace, &new, &clock).await.expect("an account");
    }

    fn command(&self, words: &[&str]) -> Command {
        let config: PathBuf = self.folder.path().join("mailtrail.toml");
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(config).args(words).stdin(Stdio::null());
        command
    }

    fn tell(&self, words: &[&str]) {
        let output = self.command(words).output().expect("mailtrail starts");
        assert!(output.status.success(), "mailtrail {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Another service.
    pub fn serve(&self) -> Service {
        let mut command = self.command(&["run"]);
        let log = fs::File::create(self.folder.path().join("log")).expect("a log");
        command.env("MAILTRAIL_HTTP__LISTEN", "").stdout(Stdio::null()).stderr(Stdio::from(log));
        Service { child: command.spawn().expect("mailtrail starts") }
    }
}

/// A running service.
pub struct Service {
    child: Child,
}

impl Service {
    /// Waits for `done`, which is seen by looking, and says how long that took.
    pub async fn until(&mut self, what: &str, mut done: impl AsyncFnMut() -> bool) -> Duration {
        let start = Instant::now();
        while !done().await {
            assert!(self.child.try_wait().expect("its state").is_none(), "the service ended while waiting for {what}");
            assert!(start.elapsed() < PATIENCE, "{what} did not come in time");
            tokio::time::sleep(LOOKS_EVERY).await;
        }
        start.elapsed()
    }

    /// Memory that is its own, and its share of what it shares, in KiB.
    pub fn pss_kib(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).expect("smaps_rollup");
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a line for Pss");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// CPU time of all its threads so far.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let nanos = tasks.map(|task| {
            let text = fs::read_to_string(task.expect("a thread").path().join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
        });
        Duration::from_nanos(nanos.sum())
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
