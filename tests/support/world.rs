//! A provider, a CRM database and the program between them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use mailtrail::clock::Clock;
use provider::{Connection, Profile, Provider};
use serde_json::Value;
use tempfile::TempDir;

use super::postgres::Database;

/// The address behind which BCC mail arrives.
pub const BCC: &str = "bcc@crm.example";

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database of its own on a private server.
    Postgres,
}

/// The engines that are here: SQLite always, PostgreSQL where it is installed.
pub fn engines() -> Vec<Engine> {
    let mut engines = vec![Engine::Sqlite];
    if Database::available() {
        engines.push(Engine::Postgres);
    }
    engines
}

/// The program with a configuration and a database of its own.
pub struct Trail {
    folder: TempDir,
    database: Option<Database>,
}

impl Trail {
    /// With a configuration that reaches `connection`, and `more` settings.
    pub fn new(engine: Engine, connection: Option<&Connection>, more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let database = (engine == Engine::Postgres).then(Database::create);
        let trail = Self { folder, database };
        let mut config = format!(
            "database.url = \"{}\"\nattachments.url = \"file://{}\"\nsecrets.key_file = \"{}\"\n",
            trail.database_url(),
            trail.path("attachments").display(),
            trail.path("key").display()
        );
        if let Some(connection) = connection {
            config.push_str(&format!("tls.ca_file = \"{}\"\n", connection.ca_file.display()));
        }
        // A service audits by itself seconds after its start: a session more, which would be counted.
        if !more.contains("[audit]") {
            config.push_str("audit.every_hours = 0\n");
        }
        // Tables come last: `more` may begin with keys of the root.
        config.push_str(more);
        let registered = ["imap", "google", "microsoft"].into_iter().zip(std::iter::repeat(connection));
        for (provider, connection) in registered.filter_map(|(provider, connection)| Some((provider, connection?))) {
            config.push_str(&format!(
                "[oauth.{provider}]\nclient_id = \"{}\"\nclient_secret_file = \"{}\"\ntoken_url = \"{}\"\n\
                 authorize_url = \"{}\"\ndevice_url = \"{}\"\n",
                connection.client_id,
                connection.client_secret_file.display(),
                connection.token_url,
                connection.authorize_url,
                connection.device_url,
            ));
            // Microsoft has no such place.
            if provider != "microsoft" {
                config.push_str(&format!("revoke_url = \"{}\"\n", connection.revoke_url));
            }
        }
        std::fs::write(trail.path("mailtrail.toml"), config).unwrap();
        trail
    }

    /// The same configuration, records and files once more. Nothing may be at work on either.
    pub fn twin(&self) -> Self {
        let folder = TempDir::new().unwrap();
        copy_folder(self.folder.path(), folder.path());
        let twin = Self { folder, database: self.database.as_ref().map(Database::twin) };
        let mut config = std::fs::read_to_string(self.path("mailtrail.toml")).unwrap();
        config = config.replace(&self.database_url(), &twin.database_url());
        config = config.replace(&self.folder().display().to_string(), &twin.folder().display().to_string());
        std::fs::write(twin.path("mailtrail.toml"), config).unwrap();
        twin
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url.clone(),
            None => format!("sqlite://{}", self.path("crm.db").display()),
        }
    }

    /// The program with these arguments, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrail"));
        command.arg("--config").arg(self.path("mailtrail.toml")).args(args).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    /// Runs it, whatever comes of it.
    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it; it must succeed. Gives what it printed.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?} failed: {out}{err}");
        out.into_owned()
    }

    /// Runs it; it must fail with this exit code. Gives what it complained.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.output(args);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{err}", String::from_utf8_lossy(&output.stdout));
        err
    }

    /// The JSON Lines it prints.
    pub fn json(&self, args: &[&str]) -> Vec<Value> {
        self.run(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Imports records given as CSV.
    pub fn import(&self, kind: &str, csv: &str) {
        self.import_into("default", kind, csv);
    }

    /// The same into another workspace.
    pub fn import_into(&self, workspace: &str, kind: &str, csv: &str) {
        let file = self.path(&format!("{kind}.csv"));
        std::fs::write(&file, csv).unwrap();
        self.run(&["--workspace", workspace, "import", kind, file.to_str().unwrap()]);
    }

    /// The bytes of a stored attachment.
    pub fn blob(&self, sha256: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path("attachments").join(&sha256[..2]).join(sha256)).ok()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A provider with a BCC mailbox, and the program that reads it.
pub struct World {
    pub provider: Provider,
    pub trail: Trail,
    connection: Connection,
    _files: TempDir,
}

impl World {
    /// Where the provider is.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A plain IMAP server.
    pub async fn plain(engine: Engine) -> Self {
        Self::new(engine, Profile::Plain, "").await
    }

    /// A server like `profile`'s, and `more` settings.
    pub async fn new(engine: Engine, profile: Profile, more: &str) -> Self {
        let provider = Provider::start(profile).await;
        let files = TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        let trail = Trail::new(engine, Some(&connection), more);
        let world = Self { provider, trail, connection, _files: files };
        let provider = match profile {
            Profile::Gmail => "google",
            Profile::Exchange => "microsoft",
            Profile::Plain => "imap",
        };
        world.trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna Berg,,core,true\n");
        world.add_account(&["--kind", "bcc", "--provider", provider], BCC);
        world
    }

    /// Adds an account that the provider knows, with its refresh token.
    pub fn add_account(&self, how: &[&str], address: &str) {
        let output = self.try_add_account(how, address);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn try_add_account(&self, how: &[&str], address: &str) -> Output {
        let token = self.provider.create_user(address);
        let file = self.trail.path("token");
        std::fs::write(&file, token).unwrap();
        let port = self.connection.port.to_string();
        let mut args = vec!["account", "add", "--address", address, "--host", "localhost", "--port", &port];
        args.extend(["--auth", "oauth", "--refresh-token-file", file.to_str().unwrap()]);
        args.extend(how);
        self.trail.output(&args)
    }

    /// More users: `login,name,aliases,seat,active`, a line each.
    pub fn users(&self, lines: &[&str]) {
        self.import("users", "login,name,aliases,seat,active", lines);
    }

    /// `key,name,domains`, a line each.
    pub fn companies(&self, lines: &[&str]) {
        self.import("companies", "key,name,domains", lines);
    }

    /// `key,name,addresses,companies,primary_company,owner`, a line each.
    pub fn contacts_known(&self, lines: &[&str]) {
        self.import("contacts", "key,name,addresses,companies,primary_company,owner", lines);
    }

    /// `key,name,stage,created_at,contacts`, a line each.
    pub fn deals(&self, lines: &[&str]) {
        self.import("deals", "key,name,stage,created_at,contacts", lines);
    }

    fn import(&self, kind: &str, header: &str, lines: &[&str]) {
        self.trail.import(kind, &format!("{header}\n{}\n", lines.join("\n")));
    }

    /// A user connects a personal inbox.
    pub fn connect(&self, user: &str, address: &str) {
        self.add_account(&["--kind", "personal", "--provider", "imap", "--user", user], address);
    }

    /// A mail arrives in the BCC mailbox after everything that was done so far (C7).
    pub fn deliver_now(&self, mail: impl AsRef<[u8]>) -> u32 {
        let now = Clock::system().now() + chrono::TimeDelta::seconds(1);
        self.provider.mail.deliver_at(BCC, "INBOX", mail.as_ref(), now)
    }

    /// A mail arrives in the BCC mailbox.
    pub fn deliver(&self, mail: impl AsRef<[u8]>) -> u32 {
        self.provider.mail.deliver(BCC, "INBOX", mail.as_ref())
    }

    /// Reads every account up to now.
    pub fn sync(&self) {
        self.trail.run(&["run", "--once"]);
    }

    pub fn activities(&self) -> Vec<Value> {
        self.trail.json(&["activity", "list", "--json"])
    }

    /// The one activity there is.
    pub fn activity(&self) -> Value {
        let mut all = self.activities();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    /// The verdicts by UID.
    pub fn codes(&self) -> Vec<String> {
        let text = |row: Value| row["code"].as_str().unwrap().to_owned();
        self.trail.json(&["ledger", "list", "--json"]).into_iter().map(text).collect()
    }

    /// The activity of one message.
    pub fn activity_of(&self, id: &str) -> Value {
        let found = self.activities().into_iter().find(|activity| activity["message_id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not logged: {:?}", self.codes()))
    }

    /// The ids of what is logged, sorted.
    pub fn logged(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .activities()
            .iter()
            .map(|activity| activity["message_id"].as_str().unwrap_or_default().to_owned())
            .collect();
        all.sort();
        all
    }

    /// The rules that `explain` names for a message, in order.
    pub fn rules(&self, id: &str) -> Vec<String> {
        let told = self.trail.json(&["explain", "--message-id", id, "--json"]);
        let steps = told[0]["steps"].as_array().unwrap();
        steps.iter().map(|step| step["rule"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything the program prints of what it stored.
    pub fn everything(&self) -> Vec<String> {
        let lists: [&[&str]; 6] = [
            &["activity", "list", "--json"],
            &["contact", "list", "--json"],
            &["ledger", "list", "--json"],
            &["notice", "list", "--json"],
            &["events", "list", "--json"],
            &["quarantine", "list", "--json"],
        ];
        lists.into_iter().map(|list| self.trail.run(list)).collect()
    }

    /// Addresses of every contact, sorted.
    pub fn contacts(&self) -> Vec<String> {
        let rows = self.trail.json(&["contact", "list", "--json"]);
        let mut all: Vec<String> = rows.iter().flat_map(|row| strings(&row["addresses"])).collect();
        all.sort();
        all
    }
}

/// The strings of a JSON list.
pub fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// A mail as a user's client sends it, with CRLF. `header` holds further fields, each with its line end.
pub fn mail(id: &str, to: &str, header: &str) -> String {
    mail_from("anna@ours.example", id, to, header)
}

/// The same from somebody else.
pub fn mail_from(from: &str, id: &str, to: &str, header: &str) -> String {
    format!(
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}>\r\nFrom: {from}\r\nTo: {to}\r\n{header}\
         Subject: Offer {id}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n"
    )
}

/// The same with this text.
pub fn with_text(mail: &str, text: &str) -> String {
    mail.replace("Hello.\r\n", text)
}

/// A mail with attachments.
pub fn mail_with(id: &str, to: &str, attachments: &[(&str, &[u8])]) -> String {
    let plain = mail(id, to, "");
    let (header, _) = plain.split_once("Content-Type:").unwrap();
    let mut text = format!(
        "{header}Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n"
    );
    for (name, bytes) in attachments {
        text.push_str(&format!(
            "--b\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment; \
             filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        ));
        for line in bytes.chunks(57) {
            base64::engine::general_purpose::STANDARD.encode_string(line, &mut text);
            text.push_str("\r\n");
        }
    }
    text.push_str("--b--\r\n");
    text
}
