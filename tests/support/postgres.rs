//! One PostgreSQL for the tests of a process, and a database of its own for every test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::guard::{self, Guard};

/// A server to use instead: `postgres://user:password@host:port/postgres`, a user who may create databases.
const GIVEN: &str = "MAILTRAIL_TEST_POSTGRES";
const ATTEMPTS: usize = 5;

/// The process's server. It is never dropped: its guard stops it when the process ends.
static SERVER: OnceLock<Server> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An empty database; dropped, it is gone.
pub struct Database {
    /// `postgres://…/name`
    pub url: String,
    name: String,
}

impl Database {
    /// Whether there is a server to use or to start. Where the live tier is required, its absence is a failure.
    pub fn available() -> bool {
        let found = std::env::var_os(GIVEN).is_some() || programs().is_some();
        if !found {
            super::missing("PostgreSQL", "postgresql");
        }
        found
    }

    /// Creates a database, starting the server if this is the first.
    pub fn create() -> Self {
        Self::create_like("template0")
    }

    /// One with the same contents. Nobody may be connected to this one.
    pub fn twin(&self) -> Self {
        Self::create_like(&self.name)
    }

    fn create_like(template: &str) -> Self {
        let server = SERVER.get_or_init(Server::find);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mailtrail_{}_{number}", std::process::id());
        server.query(&format!("create database {name} encoding 'UTF8' template {template}"));
        Self { url: server.url_of(&name), name }
    }

    /// The process id of the server, where it is ours.
    pub fn server_pid(&self) -> Option<u32> {
        SERVER.get().and_then(|server| server.guard.as_ref()).map(Guard::server)
    }

    /// Turns everybody out and lets nobody in.
    pub fn shut(&self) {
        let Some(server) = SERVER.get() else { return };
        server.query(&format!("alter database {} with allow_connections false", self.name));
        server
            .query(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", self.name));
    }

    /// Lets everybody in again.
    pub fn open(&self) {
        let Some(server) = SERVER.get() else { return };
        server.query(&format!("alter database {} with allow_connections true", self.name));
    }

    /// Runs SQL from outside and returns its rows, columns separated by `|`.
    pub fn query(&self, sql: &str) -> String {
        psql(&self.url, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = SERVER.get()
            && !std::thread::panicking()
        {
            server.query(&format!("drop database if exists {} with (force)", self.name));
        }
    }
}

struct Server {
    /// Of the maintenance database.
    url: String,
    guard: Option<Guard>,
}

impl Server {
    fn find() -> Self {
        match std::env::var(GIVEN) {
            Ok(url) => Self { url, guard: None },
            Err(_) => Self::start(),
        }
    }

    fn start() -> Self {
        let programs = programs().expect("PostgreSQL is installed");
        let mut trouble = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&programs) {
                Ok(server) => return server,
                Err(log) if log.contains("Address already in use") => trouble = log,
                Err(log) => panic!("PostgreSQL did not start:\n{log}"),
            }
        }
        panic!("PostgreSQL found no free port in {ATTEMPTS} attempts:\n{trouble}");
    }

    fn attempt(programs: &Path) -> Result<Self, String> {
        let folder = guard::folder("postgres");
        let port = guard::free_port();
        let password = password();
        initialise(programs, &folder, &password);
        let settings = [
            ("port", port.to_string()),
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("unix_socket_directories", String::new()),
            ("fsync", "off".to_owned()),
            ("full_page_writes", "off".to_owned()),
            ("max_connections", "200".to_owned()),
        ];
        let mut command = vec![text(&programs.join("postgres")), "-D".to_owned(), text(&folder.join("data"))];
        command.extend(settings.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]));
        // QUIT is PostgreSQL's immediate shutdown: it ends its own children, which have process groups of their own.
        let guard = Guard::start(&folder, "QUIT", &guard::run_as("postgres", command));
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
        if guard.wait_until(|| run_psql(&url, "select 1").status.success()) {
            return Ok(Self { url, guard: Some(guard) });
        }
        Err(super::tail(&folder.join("output")))
    }

    fn url_of(&self, name: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{name}")
    }

    fn query(&self, sql: &str) -> String {
        psql(&self.url, sql)
    }
}

fn initialise(programs: &Path, folder: &Path, password: &str) {
    std::fs::write(folder.join("password"), password).expect("a file");
    if super::is_root() {
        let status = Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder).status();
        assert!(status.is_ok_and(|status| status.success()), "chown to postgres");
    }
    let fixed = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];
    let mut command = vec![text(&programs.join("initdb"))];
    command.extend(fixed.map(str::to_owned));
    command.push(format!("--pwfile={}", folder.join("password").display()));
    command.push(format!("--pgdata={}", folder.join("data").display()));
    let command = guard::run_as("postgres", command);
    let output = Command::new(&command[0]).args(&command[1..]).current_dir("/").output().expect("initdb runs");
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
}

/// Trust on a loopback port would let every user of the machine in.
fn password() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn psql(url: &str, sql: &str) -> String {
    let output = run_psql(url, sql);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "psql: {sql}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn run_psql(url: &str, sql: &str) -> Output {
    let program = programs().map_or_else(|| PathBuf::from("psql"), |folder| folder.join("psql"));
    let quiet = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"];
    Command::new(program).args(quiet).args(["--command", sql, url]).output().expect("psql runs")
}

/// Debian keeps the server's programs out of `$PATH`, a folder for each major version; the newest is used.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name);
        std::cmp::Reverse(version.and_then(|version| version.to_str()?.parse::<u32>().ok()))
    });
    versions.into_iter().find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
