//! A server that follows a script, and what sessions make of it.

mod bodies;
mod connecting;
mod fetching;
mod idling;
mod limits;

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::task::JoinHandle;

use super::connect::establish;
use super::{Limits, Login, Session};
use crate::trouble::Trouble;

/// A line the client must send (a part of it), and what it gets for it.
pub(super) struct Step {
    expect: String,
    reply: Vec<u8>,
    close: bool,
}

/// In `reply`, `{tag}` is the line's tag and `{before}` that of the line before.
pub(super) fn step(expect: impl Into<String>, reply: impl AsRef<[u8]>) -> Step {
    Step { expect: expect.into(), reply: reply.as_ref().to_vec(), close: false }
}

/// The same, after which the server closes the connection.
pub(super) fn last(expect: impl Into<String>, reply: impl AsRef<[u8]>) -> Step {
    Step { close: true, ..step(expect, reply) }
}

/// A server and what it heard; it fails if the script was not followed.
pub(super) type Heard = JoinHandle<Vec<String>>;

pub(super) fn serve(greeting: &'static str, steps: Vec<Step>) -> (DuplexStream, Heard) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    (client, tokio::spawn(follow(server, greeting, steps)))
}

async fn follow(server: DuplexStream, greeting: &str, steps: Vec<Step>) -> Vec<String> {
    let mut server = BufReader::new(server);
    let mut heard: Vec<String> = Vec::new();
    server.write_all(greeting.as_bytes()).await.unwrap();
    for Step { expect, reply, close } in steps {
        let mut line = String::new();
        server.read_line(&mut line).await.unwrap();
        assert!(line.contains(&expect), "expected {expect:?}, heard {line:?} after {heard:?}");
        let tag = |line: Option<&str>| line.and_then(|line| line.split(' ').next()).unwrap_or("").to_owned();
        let (now, before) = (tag(Some(&line)), tag(heard.last().map(String::as_str)));
        heard.push(line.trim_end().to_owned());
        let reply = replace(&replace(&reply, b"{tag}", now.as_bytes()), b"{before}", before.as_bytes());
        // A client that has heard enough may be gone by now.
        let _ = server.write_all(&reply).await;
        if close {
            return heard;
        }
    }
    let mut line = String::new();
    while server.read_line(&mut line).await.unwrap_or(0) > 0 {
        heard.push(std::mem::take(&mut line).trim_end().to_owned());
    }
    heard
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend([&rest[..at], to].concat());
        rest = &rest[at + from.len()..];
    }
    out.extend(rest);
    out
}

pub(super) fn token() -> Login {
    Login::XOAuth2 { user: "anna@ours.example".to_owned(), token: "sesame".to_owned().into() }
}

pub(super) fn limits() -> Limits {
    let span = Duration::from_secs(20);
    Limits { command_timeout: span, idle_read_timeout: span, ..Limits::default() }
}

pub(super) async fn log_in(
    greeting: &'static str,
    steps: Vec<Step>,
    login: &Login,
) -> (Result<Session, Trouble>, Heard) {
    let (client, heard) = serve(greeting, steps);
    (establish(Box::new(client), login, &limits()).await, heard)
}

pub(super) const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready\r\n";

/// A session with `more` capabilities that has examined a mailbox of 9 messages and then follows `steps`.
pub(super) async fn session_with(more: &str, limits: &Limits, steps: Vec<Step>) -> (Session, Heard) {
    let mut script = vec![
        step("AUTHENTICATE XOAUTH2 ", format!("{{tag}} OK [CAPABILITY {more} IMAP4rev1] done\r\n")),
        step(
            "EXAMINE \"INBOX\"",
            "* 9 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 40] ok\r\n{tag} OK [READ-ONLY] done\r\n",
        ),
    ];
    script.extend(steps);
    let (client, heard) = serve(GREETING, script);
    let mut session = establish(Box::new(client), &token(), limits).await.unwrap();
    session.examine("INBOX").await.unwrap();
    (session, heard)
}

pub(super) async fn session(steps: Vec<Step>) -> (Session, Heard) {
    session_with("X-NONE", &limits(), steps).await
}

/// Ends the session and tells what the server heard after EXAMINE.
pub(super) async fn after(session: Session, heard: Heard) -> Vec<String> {
    drop(session);
    heard.await.unwrap().split_off(2)
}
