//! A private Dovecot in a temporary folder on free ports, with TLS, tokens, and a record of what clients said.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::appender::{self, Appender};
use super::dovecot_conf::Place;
pub use super::dovecot_conf::{Introspection, Options};
use super::guard::{self, Guard};

/// The password of every user of the server.
pub const PASSWORD: &str = "correct-horse";
/// Ports are free when they are chosen, not when Dovecot takes them.
const ATTEMPTS: usize = 5;

/// A running server; dropped, it is gone with its folder.
pub struct Dovecot {
    guard: Guard,
    imap: u16,
    imaps: u16,
}

/// One successful login, as the server logged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Whose mailbox.
    pub user: String,
    /// `XOAUTH2`, `PLAIN`, …
    pub method: String,
    /// Whether the connection was encrypted.
    pub tls: bool,
}

impl Dovecot {
    /// Whether a Dovecot is there to be started. Where the live tier is required, its absence is a failure.
    pub fn installed() -> bool {
        let found = program("dovecot").is_some();
        if !found {
            super::missing("Dovecot", "dovecot-imapd");
        }
        found
    }

    /// Starts a server that records every command and accepts the tokens that `introspection` vouches for.
    pub fn start(introspection: &Introspection) -> Self {
        Self::with(&Options { introspection: Some(introspection.clone()), record: true, ..Options::default() })
    }

    /// Starts a server.
    pub fn with(options: &Options) -> Self {
        let mut trouble = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(options) {
                Ok(server) => return server,
                Err(log) if log.contains("Address already in use") => trouble = log,
                Err(log) => panic!("Dovecot did not start:\n{log}"),
            }
        }
        panic!("Dovecot found no free port in {ATTEMPTS} attempts:\n{trouble}");
    }

    fn attempt(options: &Options) -> Result<Self, String> {
        let folder = guard::folder("dovecot");
        let [imap, imaps] = guard::free_ports();
        let (own_user, own_group) = (identity("-un"), identity("-gn"));
        let place =
            Place { folder: &folder, imap, imaps, own_user: &own_user, own_group: &own_group, password: PASSWORD };
        write_files(&place, options);
        let binary = program("dovecot").expect("dovecot is installed");
        check_version(&binary);
        let command = [&binary.display().to_string(), "-F", "-c", &path(&folder, "dovecot.conf")].map(str::to_owned);
        // Dovecot's own shutdown takes seconds; all of its processes share one group and keep nothing we need.
        let server = Self { guard: Guard::start(&folder, "KILL", &command), imap, imaps };
        if server.guard.wait_until(|| server.greets()) {
            return Ok(server);
        }
        Err(format!("{}\n{}", super::tail(&folder.join("output")), super::tail(&folder.join("log"))))
    }

    /// The greeting carries the folder's name, so that another server on the same port is not taken for this one.
    fn greets(&self) -> bool {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", self.imap)) else { return false };
        let mut line = String::new();
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let read = BufReader::new(stream).read_line(&mut line);
        read.is_ok() && line.trim_end().ends_with(&self.guard.folder().display().to_string())
    }

    /// The name in the certificate.
    pub fn host(&self) -> &'static str {
        "localhost"
    }

    /// IMAP over TLS from the first byte.
    pub fn port(&self) -> u16 {
        self.imaps
    }

    /// IMAP in clear, for what delivers mail.
    pub fn plain_port(&self) -> u16 {
        self.imap
    }

    /// The certificate authority to trust, in PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.guard.folder().join("ca.pem")
    }

    /// The master process.
    pub fn pid(&self) -> u32 {
        self.guard.server()
    }

    /// The temporary folder.
    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }

    /// A second client, logged in as `user`, for what a mail server or another program does meanwhile.
    pub fn appender(&self, user: &str) -> Appender {
        Appender::connect(self.imap, user, PASSWORD)
    }

    /// Puts mails into `mailbox` of `user`, in order.
    pub fn deliver<M: AsRef<[u8]>>(&self, user: &str, mailbox: &str, mails: impl IntoIterator<Item = M>) {
        let mut appender = self.appender(user);
        appender.append(mailbox, mails);
        appender.leave();
    }

    /// Ends the user's sessions with `* BYE`.
    pub fn kick(&self, user: &str) {
        self.doveadm(&["kick", user]);
    }

    /// Gives a mailbox another UIDVALIDITY, as a server does that was restored from a backup.
    pub fn set_uid_validity(&self, user: &str, mailbox: &str, value: u32) {
        self.doveadm(&["mailbox", "update", "-u", user, "--uid-validity", &value.to_string(), mailbox]);
    }

    /// Runs `doveadm` against this server and returns what it printed.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        let binary = program("doveadm").expect("doveadm comes with Dovecot");
        let output = Command::new(binary)
            .args(["-c", &path(self.folder(), "dovecot.conf")])
            .args(arguments)
            .output()
            .expect("doveadm runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "doveadm {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Every command that clients sent after their login, without time and tag, session by session. What [`Appender`]s
    /// sent is left out.
    pub fn commands(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder().join("commands")).expect("the record");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|kind| kind == "in"));
        files.sort();
        let sessions = files.iter().map(|file| commands_of(&std::fs::read(file).unwrap_or_default()));
        sessions.filter(|commands| commands.first().is_none_or(|first| first != appender::MARK)).flatten().collect()
    }

    /// The logins that succeeded, in order.
    pub fn logins(&self) -> Vec<Login> {
        self.log().lines().filter_map(Login::parse).collect()
    }

    /// Everything the server logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Login {
    /// `… imap-login: Info: Login: user=<A>, method=XOAUTH2, …, TLS, …`
    fn parse(line: &str) -> Option<Self> {
        let (_, fields) = line.split_once("imap-login: Info: Login: user=<")?;
        let (user, fields) = fields.split_once('>')?;
        let (_, fields) = fields.split_once("method=")?;
        let (method, fields) = fields.split_once(',')?;
        Some(Self { user: user.to_owned(), method: method.to_owned(), tls: fields.contains(", TLS,") })
    }
}

/// A line of the record is `seconds.micros tag command`. What continues a command (DONE, literals) has no tag.
fn commands_of(record: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(record);
    let lines = text.lines().filter_map(|line| line.split_once(' ').map(|(_, line)| line.trim_end()));
    lines.map(|line| line.split_once(' ').map_or(line, |(_, command)| command).to_owned()).collect()
}

fn write_files(place: &Place<'_>, options: &Options) {
    let write = |name: &str, text: &str| std::fs::write(place.folder.join(name), text).expect("a file");
    write("dovecot.conf", &place.main_file(options));
    if let Some(introspection) = &options.introspection {
        write("oauth2.conf", &Place::token_file(introspection));
    }
    write_certificates(place.folder);
    for name in ["base", "state", "mail", "commands"] {
        std::fs::create_dir(place.folder.join(name)).expect("a folder");
    }
    if super::is_root() {
        let (user, group) = place.mail_user();
        let folders = ["mail", "commands"].map(|name| place.folder.join(name));
        let status = Command::new("chown").arg(format!("{user}:{group}")).args(folders).status();
        assert!(status.is_ok_and(|status| status.success()), "chown to {user}");
    }
}

/// A certificate authority of its own, and a certificate for `localhost`.
fn write_certificates(folder: &Path) {
    let ca_key = rcgen::KeyPair::generate().expect("a key");
    let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "mailtrail test authority");
    let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let leaf = rcgen::CertificateParams::new(names).expect("parameters");
    let certificate = leaf.signed_by(&key, &issuer).expect("a certificate");
    for (name, text) in
        [("ca.pem", ca_certificate.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
    {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

fn check_version(binary: &Path) {
    let output = Command::new(binary).arg("--version").output().expect("dovecot --version");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        version.starts_with("2.3"),
        "Dovecot {} is installed: its configuration differs, the live tier is written for 2.3 (Debian 12)",
        version.trim()
    );
}

/// Debian keeps servers where an ordinary user's `$PATH` does not look.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn identity(question: &str) -> String {
    let output = Command::new("id").arg(question).output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}
