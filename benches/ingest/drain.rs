//! The floor: one connection over TLS that fetches everything with one command and throws it away.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::measure;

/// First argument of the copy that drains.
pub const ROLE: &str = "drain";

/// What it took to see every byte of the mailbox once.
#[derive(Clone, Debug)]
pub struct Drained {
    /// Seen.
    pub messages: u64,
    /// In literals.
    pub bytes: u64,
    /// From the start of the process to its end.
    pub wall: Duration,
    /// Of the client.
    pub cpu: Duration,
}

/// Drains `INBOX` in a process of its own.
pub fn run(port: u16, ca_file: &Path, user: &str, password: &str) -> Drained {
    let words =
        [ROLE.to_owned(), port.to_string(), ca_file.display().to_string(), user.to_owned(), password.to_owned()];
    let measured = measure::run(&std::env::current_exe().expect("our own path"), &words);
    let (messages, bytes) = measured.output.trim().split_once(' ').expect("two numbers");
    Drained {
        messages: messages.parse().expect("a number"),
        bytes: bytes.parse().expect("a number"),
        wall: measured.wall,
        cpu: measured.cpu,
    }
}

/// The copy: port, CA file, user, password.
pub fn act(words: impl Iterator<Item = String>) -> ExitCode {
    let words: Vec<String> = words.collect();
    let [port, ca_file, user, password] = &words[..] else { return ExitCode::FAILURE };
    let port = port.parse().expect("a port");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (messages, bytes) = runtime.block_on(async {
        let mut drain = Drain::connect(port, Path::new(ca_file)).await;
        drain.command(&format!("LOGIN \"{user}\" \"{password}\"")).await;
        drain.command("EXAMINE INBOX").await;
        let seen = drain.command("UID FETCH 1:* BODY.PEEK[]").await;
        drain.command("LOGOUT").await;
        seen
    });
    println!("{messages} {bytes}");
    ExitCode::SUCCESS
}

/// A client that knows of IMAP what it takes to skip an answer.
pub struct Drain {
    stream: BufReader<TlsStream<TcpStream>>,
    line: Vec<u8>,
}

impl Drain {
    /// Shakes hands and reads the greeting.
    pub async fn connect(port: u16, ca_file: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca_file).expect("a PEM file")).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
        socket.set_nodelay(true).expect("TCP_NODELAY");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.expect("TLS");
        let mut drain = Self { stream: BufReader::with_capacity(1 << 16, stream), line: Vec::new() };
        drain.read_line().await;
        drain
    }

    /// Messages and literal bytes until the tagged answer.
    pub async fn command(&mut self, command: &str) -> (u64, u64) {
        self.send(&format!("a {command}")).await;
        let (mut messages, mut bytes) = (0, 0);
        loop {
            self.read_line().await;
            if self.line.starts_with(b"a ") {
                assert!(self.line.starts_with(b"a OK"), "{}", String::from_utf8_lossy(&self.line));
                return (messages, bytes);
            }
            if let Some(length) = literal(&self.line) {
                self.skip(length).await;
                (messages, bytes) = (messages + 1, bytes + length);
            }
        }
    }

    /// Sends a line.
    pub async fn send(&mut self, line: &str) {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes()).await.expect("the server reads");
        stream.flush().await.expect("the server reads");
    }

    /// The next line; none when the server has ended the connection.
    pub async fn next_line(&mut self) -> Option<&[u8]> {
        self.line.clear();
        match self.stream.read_until(b'\n', &mut self.line).await {
            Ok(1..) => Some(&self.line),
            _ => None,
        }
    }

    async fn read_line(&mut self) {
        self.line.clear();
        let read = self.stream.read_until(b'\n', &mut self.line).await.expect("the server answers");
        assert!(read > 0, "the server closed the connection");
    }

    async fn skip(&mut self, length: u64) {
        let mut body = (&mut self.stream).take(length);
        loop {
            let have = body.fill_buf().await.expect("the server answers").len();
            if have == 0 {
                return;
            }
            body.consume(have);
        }
    }
}

/// `… {123}` at the end of a line announces 123 bytes.
fn literal(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}
