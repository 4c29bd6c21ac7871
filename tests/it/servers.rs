//! What the private servers promise to the other tests.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provider::{OAuthServer, OAuthSettings};

use crate::support::dovecot::{Dovecot, Introspection, Login, Options};
use crate::support::mail::{Cast, samples};
use crate::support::postgres::Database;

const ANNA: &str = "anna@ours.example";

fn introspection(oauth: &OAuthServer) -> Introspection {
    let OAuthSettings { client_id, client_secret, .. } = oauth.settings().clone();
    Introspection { url: oauth.introspect_url(), client_id, client_secret: client_secret.unwrap_or_default() }
}

/// A client of a few lines, to see what the server says to the letter.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(server: &Dovecot) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(("127.0.0.1", server.plain_port())).unwrap()));
        client.hear("* OK");
        client
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Reads up to the line that starts so.
    fn hear(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "closed before {start}");
            if line.starts_with(start) {
                return line;
            }
        }
    }

    fn present(&mut self, token: &str) {
        let response = STANDARD.encode(format!("user={ANNA}\x01auth=Bearer {token}\x01\x01"));
        self.say(&format!("a AUTHENTICATE XOAUTH2 {response}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_token_opens_the_mailbox_and_what_is_said_is_recorded() {
    if !Dovecot::installed() {
        return;
    }
    let oauth = OAuthServer::start(OAuthSettings::google()).await;
    let server = Dovecot::start(&introspection(&oauth));
    server.deliver(ANNA, "INBOX", ["Subject: hello\r\n\r\nHello.\r\n"]);
    let mut client = Client::connect(&server);
    client.present(&oauth.access_token(ANNA));
    client.hear("a OK");
    client.say("b EXAMINE INBOX\r\nc UID FETCH 1:* BODY.PEEK[]\r\nd LOGOUT");
    client.hear("* 1 FETCH");
    client.hear("d OK");
    assert_eq!(server.commands(), ["EXAMINE INBOX", "UID FETCH 1:* BODY.PEEK[]", "LOGOUT"]);
    let by_token = Login { user: ANNA.to_owned(), method: "XOAUTH2".to_owned(), tls: false };
    assert_eq!(server.logins().last(), Some(&by_token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_refused_by_name() {
    if !Dovecot::installed() {
        return;
    }
    let oauth = OAuthServer::start(OAuthSettings::google()).await;
    let server = Dovecot::start(&introspection(&oauth));
    let token = oauth.access_token(ANNA);
    oauth.expire_access(ANNA);
    let mut client = Client::connect(&server);
    client.present(&token);
    let challenge = client.hear("+ ");
    let challenge = STANDARD.decode(challenge[2..].trim_end()).unwrap();
    assert!(String::from_utf8(challenge).unwrap().contains("\"status\":\"401\""));
    client.say("");
    assert!(client.hear("a NO").contains("[AUTHENTICATIONFAILED]"));
}

#[test]
fn a_kicked_session_hears_bye() {
    if !Dovecot::installed() {
        return;
    }
    let server = Dovecot::with(&Options::default());
    let mut client = Client::connect(&server);
    client.say(&format!("a LOGIN {ANNA} {}", crate::support::dovecot::PASSWORD));
    client.hear("a OK");
    server.kick(ANNA);
    client.hear("* BYE");
}

#[test]
fn a_mailbox_can_be_changed_behind_a_clients_back() {
    if !Dovecot::installed() {
        return;
    }
    let server = Dovecot::with(&Options::default());
    server.deliver(ANNA, "INBOX", ["Subject: one\r\n\r\n", "Subject: two\r\n\r\n", "Subject: three\r\n\r\n"]);
    let mut other = server.appender(ANNA);
    other.expunge("INBOX", "2");
    server.set_uid_validity(ANNA, "INBOX", 777);
    let status = other.command("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)");
    assert_eq!(status, ["* STATUS INBOX (MESSAGES 2 UIDNEXT 4 UIDVALIDITY 777)"]);
}

#[test]
fn a_dropped_server_leaves_neither_process_nor_folder() {
    if !Dovecot::installed() {
        return;
    }
    let server = Dovecot::with(&Options::default());
    let (pid, folder) = (server.pid(), server.folder().to_owned());
    drop(server);
    assert!(!folder.exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn servers_end_with_a_process_that_is_killed() {
    if !Dovecot::installed() || !Database::available() {
        return;
    }
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "servers::holds_two_servers", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    let holds = lines.filter_map(|line| line.split_once("holds ").map(|(_, what)| PathBuf::from(what)));
    let things: Vec<PathBuf> = holds.take(3).collect();
    assert!(things.iter().all(|thing| thing.exists()), "{things:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let start = Instant::now();
    while things.iter().any(|thing| thing.exists()) {
        assert!(start.elapsed() < Duration::from_secs(10), "still there: {things:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "the process that `servers_end_with_a_process_that_is_killed` kills"]
fn holds_two_servers() {
    let (server, database) = (Dovecot::with(&Options::default()), Database::create());
    println!("holds {}", server.folder().display());
    println!("holds /proc/{}", server.pid());
    println!("holds /proc/{}", database.server_pid().unwrap_or(server.pid()));
    // Until the parent is gone or has killed us.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn every_database_is_empty_and_its_own() {
    if !Database::available() {
        return;
    }
    let (one, other) = (Database::create(), Database::create());
    one.query("create table mark (n int)");
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(one.query(tables).trim(), "1");
    assert_eq!(other.query(tables).trim(), "0");
}

#[test]
fn generated_mail_is_the_same_for_the_same_seed() {
    let cast = Cast::default();
    let (once, again) = (samples(&cast, 5, 200), samples(&cast, 5, 200));
    assert!(once.zip(again).all(|(a, b)| a.raw == b.raw && a.expected == b.expected));
    assert!(samples(&cast, 6, 1).all(|other| samples(&cast, 5, 1).all(|one| one.raw != other.raw)));
}

#[test]
fn generated_mail_has_the_size_and_the_verdicts_of_a_real_mailbox() {
    let mails: Vec<_> = samples(&Cast::default(), 5, 1_000).collect();
    let average = mails.iter().map(|mail| mail.raw.len()).sum::<usize>() / mails.len();
    assert!((30_000..45_000).contains(&average), "{average}");
    for code in ["logged", "duplicate", "internal-only", "never-log", "no-recipient", "unknown-sender"] {
        assert!(mails.iter().any(|mail| mail.expected.code == code), "{code}");
    }
}
