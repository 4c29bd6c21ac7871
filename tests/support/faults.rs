//! A program that is watched, cramped or killed, and what must hold whatever happened to it.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use provider::{Connection, Provider};
use serde_json::Value;

use super::world::{BCC, Trail, World};

/// Settings under which a silent server is noticed within a test's patience.
pub const IMPATIENT: &str =
    "[worker]\ncommand_timeout_seconds = 1\nconnect_timeout_seconds = 5\ntoken_timeout_seconds = 1\n";

/// Whatever a server announces: the program needs about 60 MB in a debug build.
pub const MEMORY_KIB: u64 = 200 * 1024;

/// What an IMAP client that only reads may say.
const ALLOWED: &[&str] = &[
    "CAPABILITY",
    "ID",
    "AUTHENTICATE",
    "LOGIN",
    "LIST",
    "EXAMINE",
    "STATUS",
    "UID FETCH",
    "UID SEARCH",
    "NOOP",
    "IDLE",
    "DONE",
    "ENABLE",
    "COMPRESS",
    "LOGOUT",
];

/// A started program and what it says.
pub struct Started {
    child: Child,
    out: File,
    err: File,
    peak_kib: u64,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// The most memory it held, sampled from `VmHWM`.
    pub peak_kib: u64,
}

impl Started {
    pub fn new(mut command: Command) -> Self {
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        command.stdout(Stdio::from(out.try_clone().unwrap())).stderr(Stdio::from(err.try_clone().unwrap()));
        Self { child: command.spawn().unwrap(), out, err, peak_kib: 0 }
    }

    /// Whether it still runs; looks at its memory by the way.
    pub fn runs(&mut self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        self.peak_kib = self.peak_kib.max(peak.unwrap_or(0));
        self.child.try_wait().unwrap().is_none()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process list shows it.
    pub fn command_line(&self) -> Vec<String> {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.child.id())).unwrap_or_default();
        line.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
    }

    /// Waits until `done` or the end of the program; whether it still runs.
    pub fn runs_until(&mut self, mut done: impl FnMut() -> bool) -> bool {
        while self.runs() {
            if done() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        false
    }

    /// SIGKILL: nothing is tidied up.
    pub fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.wait()
    }

    /// SIGTERM: it is asked to end.
    pub fn terminate(self) -> Ended {
        self.signal("TERM")
    }

    /// Sends a signal by its name and waits for the end.
    pub fn signal(self, name: &str) -> Ended {
        let told = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        self.runs_until(|| false);
        let code = self.child.wait().unwrap().code();
        Ended { code, out: text(self.out), err: text(self.err), peak_kib: self.peak_kib }
    }
}

fn text(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `run --once`, whatever comes of it.
pub fn once(trail: &Trail) -> Ended {
    Started::new(trail.command(&["run", "--once"])).wait()
}

/// The program where no file may grow beyond `kib`: to it, the disk is full.
pub fn on_a_full_disk(trail: &Trail, args: &[&str], kib: u64) -> Ended {
    let inner = trail.command(args);
    let mut command = Command::new("sh");
    // The limit counts blocks of 512 bytes. An ignored SIGXFSZ leaves the program an error to deal with.
    command.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &(2 * kib).to_string()]);
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(trail.folder()).stdin(Stdio::null());
    Started::new(command).wait()
}

/// Where the program's database is.
pub fn database_url(trail: &Trail) -> String {
    match trail.database() {
        Some(database) => database.url.clone(),
        None => format!("sqlite://{}", trail.path("crm.db").display()),
    }
}

/// Every verdict as `UID code`, in order.
pub fn verdicts(trail: &Trail) -> Vec<String> {
    let rows = trail.json(&["ledger", "list", "--json"]);
    let mut rows: Vec<(u64, String)> = rows
        .iter()
        .map(|row| (row["uid"].as_u64().unwrap(), format!("{} {}", row["uid"], row["code"].as_str().unwrap())))
        .collect();
    rows.sort();
    rows.into_iter().map(|(_, text)| text).collect()
}

/// `codes` for the UIDs from 1 on.
pub fn numbered(codes: &[&str]) -> Vec<String> {
    codes.iter().zip(1..).map(|(code, uid)| format!("{uid} {code}")).collect()
}

/// Every message on the server has a verdict, and was only looked at.
pub fn nothing_lost(world: &World) {
    let audits = world.trail.json(&["audit", "--json"]);
    assert!(audits.iter().all(|audit| audit["waiting"] == 0 && audit["holes"] == serde_json::json!([])), "{audits:?}");
    only_read(&world.provider);
}

/// No command that could change anything was sent, and no flag has changed.
pub fn only_read(provider: &Provider) {
    for command in provider.mail.commands() {
        let peeks = !command.line.contains("BODY[") && !command.line.to_uppercase().contains(" RFC822 ");
        let greeting = command.verb == "GREETING";
        assert!(greeting || (ALLOWED.contains(&command.verb.as_str()) && peeks), "{command:?}");
    }
    for uid in provider.mail.uids(BCC, "INBOX") {
        assert_eq!(provider.mail.flags(BCC, "INBOX", uid), Vec::<String>::new(), "{uid}");
    }
}

/// Whether a line of a server's record is one of a client that only reads.
pub fn is_allowed(line: &str) -> bool {
    let upper = line.to_uppercase();
    ALLOWED.iter().any(|verb| upper == *verb || upper.starts_with(&format!("{verb} "))) && !upper.contains("BODY[")
}

/// No token that the OAuth server ever issued stands in a file of the program, in its database or in what it said.
pub fn no_secret(trail: &Trail, provider: &Provider, said: &[&Ended]) {
    let mut places: Vec<(String, Vec<u8>)> =
        said.iter().map(|ended| ("output".to_owned(), [ended.out.as_bytes(), ended.err.as_bytes()].concat())).collect();
    collect(trail.folder(), &mut places);
    if let Some(database) = trail.database() {
        let dump = database.query("select schema_to_xml('public', true, false, '')");
        let grants = "select encode(refresh_token, 'escape'), encode(access_token, 'escape') from oauth_grant";
        places.push(("PostgreSQL".to_owned(), (dump + &database.query(grants)).into_bytes()));
    }
    let issued = provider.oauth.issued();
    assert!(!issued.is_empty());
    for token in issued {
        for (place, bytes) in &places {
            let found = memchr::memmem::find(bytes, token.as_bytes());
            assert!(found.is_none(), "a token stands in {place}");
        }
    }
}

/// Every file below `folder` but the one that the test itself puts a token into.
fn collect(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, places);
        } else if !path.ends_with("token") {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

/// Everything the program knows, without identifiers and times of its own: equal for equal histories.
pub fn state(trail: &Trail) -> Vec<String> {
    let mut lines = Vec::new();
    for list in [["activity", "list"], ["contact", "list"], ["ledger", "list"], ["notice", "list"]] {
        let mut rows: Vec<String> = trail
            .json(&[list[0], list[1], "--json"])
            .into_iter()
            .map(|row| own_things_removed(row).to_string())
            .collect();
        rows.sort();
        lines.extend(rows);
    }
    lines
}

fn own_things_removed(mut row: Value) -> Value {
    let fields = row.as_object_mut().unwrap();
    for name in ["id", "thread", "at", "activity", "created_at"] {
        fields.remove(name);
    }
    row
}

/// The command line that adds a BCC account at `connection`.
pub fn add_account(trail: &Trail, connection: &Connection, provider: &str, address: &str, refresh_token: &str) {
    let file = trail.path("token");
    std::fs::write(&file, refresh_token).unwrap();
    let port = connection.port.to_string();
    let fixed =
        ["account", "add", "--kind", "bcc", "--provider", provider, "--address", address, "--host", "localhost"];
    let token = ["--port", &port, "--auth", "oauth", "--refresh-token-file", file.to_str().unwrap()];
    trail.run(&[&fixed[..], &token[..]].concat());
}

/// The one account's row of `account list --json`.
pub fn account(trail: &Trail, address: &str) -> Value {
    let rows = trail.json(&["account", "list", "--json"]);
    rows.into_iter().find(|row| row["address"] == address).unwrap()
}
