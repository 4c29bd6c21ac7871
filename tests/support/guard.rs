//! A server process that cannot outlive the test process, even one that is killed.
//!
//! A small shell stands between the two and waits on a pipe of which the test process holds the only other end. When
//! that end closes, by `Drop`, exit or `kill -9`, the shell stops the server and removes its folder.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Arguments: the folder, the signal that stops the server's process group, the server and its arguments. The signal is
/// repeated: a server that has only just been started ignores it.
const SCRIPT: &str = r#"
folder=$1 signal=$2 tries=0
shift 2
trap '' HUP INT TERM
(trap - HUP INT TERM; exec setsid "$@" </dev/null >"$folder/output" 2>&1) &
server=$!
echo "$server"
exec >/dev/null 2>&1
read -r _
(while kill -s "$signal" -- "-$server" || kill -s "$signal" "$server"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || signal=KILL
    sleep 0.1
done) &
wait "$server"
rm -rf -- "$folder"
"#;

/// How long a server may take from its start to its first answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and the folder it lives in; both are gone when this is dropped.
pub struct Guard {
    shell: Child,
    folder: PathBuf,
    server: u32,
}

impl Guard {
    /// Starts `command` (program and arguments). `signal` is what ends it at once, and all its children with it.
    pub fn start(folder: &Path, signal: &str, command: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .arg(signal)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        let stdout = shell.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the guard names its server");
        let server = line.trim().parse().expect("a process id");
        Self { shell, folder: folder.to_owned(), server }
    }

    /// The process id of the server.
    pub fn server(&self) -> u32 {
        self.server
    }

    /// Where the server keeps everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks `ready` until it says yes (true) or the server has ended by itself (false).
    pub fn wait_until(&self, mut ready: impl FnMut() -> bool) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if ready() {
                return true;
            }
            if !self.is_alive() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// A server that ended is a zombie until its guard collects it.
    fn is_alive(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server)).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A fresh folder that other users (the server's own) may enter. The guard removes it.
pub fn folder(name: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(&format!("mailtrail-{name}-")).tempdir().expect("a folder").keep();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("chmod");
    folder
}

/// Ports that nobody listens on at this moment. They are held until all are found, so that none is found twice. One may be
/// taken before the server has it: the start is then retried.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    held.map(|listener| listener.local_addr().expect("its address").port())
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}

/// `user` runs `command`: root steps down, an ordinary user runs it as it is.
pub fn run_as(user: &str, command: Vec<String>) -> Vec<String> {
    if !super::is_root() {
        return command;
    }
    let step_down = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"];
    step_down.into_iter().map(str::to_owned).chain(command).collect()
}
