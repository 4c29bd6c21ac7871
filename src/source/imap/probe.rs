//! A server's words without a server, for the fuzz targets: what the guard lets pass, and what a session makes of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::connect::establish;
use super::endpoint::{Limits, Login};
use super::guard::Guard;
use super::scan::Bounds;
use super::session::Session;
use crate::trouble::Trouble;

/// What came through the guard.
#[derive(Debug)]
pub struct Passed {
    /// The bytes, as they would be parsed.
    pub bytes: Vec<u8>,
    /// Whether a bound was broken.
    pub broken: bool,
}

/// Reads `words`, which come in pieces of `piece` bytes, through a guard that bounds literals and lines to `bound`.
pub fn guarded(words: &[u8], piece: usize, bound: u64) -> Passed {
    let bounds = Bounds { literal: bound, line: bound, nesting: 20 };
    let mut guard = Guard::new(Box::new(Said::new(words, piece)), bounds, Arc::default());
    let mut bytes = Vec::new();
    let mut room = [0; 1024];
    while let Some(Ok(read @ 1..)) = guard.read(&mut room).now_or_never() {
        bytes.extend_from_slice(room.get(..read).unwrap_or_default());
    }
    Passed { bytes, broken: guard.broken().is_some() }
}

/// A session with a server that takes the login and then says `words`, whatever it is asked.
pub async fn session(words: &[u8], piece: usize, limits: &Limits) -> Result<Session, Trouble> {
    const WELCOME: &[u8] =
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello\r\nM1 OK [CAPABILITY IMAP4rev1] in\r\n";
    let login = Login::XOAuth2 { user: "anna@ours.example".to_owned(), token: "none".to_owned().into() };
    establish(Box::new(Said::new(&[WELCOME, words].concat(), piece)), &login, limits).await
}

/// What a server says; nobody hears what it is told.
struct Said {
    words: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Said {
    fn new(words: &[u8], piece: usize) -> Self {
        Self { words: words.to_vec(), at: 0, piece: piece.max(1) }
    }
}

impl AsyncRead for Said {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = self.words.get(self.at..).unwrap_or_default();
        let now: Vec<u8> = rest.get(..self.piece.min(rest.len()).min(out.remaining())).unwrap_or_default().to_vec();
        out.put_slice(&now);
        self.at += now.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
