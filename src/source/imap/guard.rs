//! A stream that hands on only what the [`Scanner`] has let pass, line by line.
//!
//! Some of imap-proto's parsers (the answer to ID) fail on half a line instead of waiting for the rest, so a line is
//! held back until it is whole; a line too long for that is handed on in pieces.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::meter::Meter;
use super::scan::{Bounds, Excess, Scanner};
use super::spoken;

/// What a session runs over.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// How much is read at once.
const PIECE: usize = 8 * 1024;

/// How long a line may be to be held back: less than what async-imap offers as a buffer.
const HOLD: usize = 4 * 1024;

/// The stream under async-imap.
pub(super) struct Guard {
    inner: Box<dyn Io>,
    scanner: Scanner,
    buffer: BytesMut,
    /// How many bytes of `buffer` have been let pass.
    passed: usize,
    broken: Option<Excess>,
    received: u64,
    meter: Arc<Meter>,
}

impl Guard {
    pub(super) fn new(inner: Box<dyn Io>, bounds: Bounds, meter: Arc<Meter>) -> Self {
        let scanner = Scanner::new(bounds);
        Self { inner, scanner, buffer: BytesMut::new(), passed: 0, broken: None, received: 0, meter }
    }

    /// How many bytes have come from the server: progress, as timeouts see it.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The rule the server broke, if any.
    pub(super) fn broken(&self) -> Option<Excess> {
        self.broken
    }

    /// Reads one piece and scans it; false at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
        let piece = piece.filled();
        if piece.is_empty() {
            // What is left is half a line; async-imap tells it from a clean end.
            self.passed = self.buffer.len();
            return Poll::Ready(Ok(false));
        }
        self.received += piece.len() as u64;
        self.meter.received(piece.len() as u64);
        let held = self.buffer.len();
        self.buffer.extend_from_slice(piece);
        let (whole, excess) = self.scanner.scan(piece);
        let handed_on = self.received - self.buffer.len() as u64;
        for (begin, end) in self.scanner.spoken() {
            let at = |place: u64| usize::try_from(place.saturating_sub(handed_on)).unwrap_or(usize::MAX);
            // What is left of a line too long to be held back is no worse for being only its end.
            if let Some(line) = self.buffer.get_mut(at(begin)..at(end)) {
                spoken::make_readable(line);
            }
        }
        self.broken = excess;
        self.passed = match whole {
            0 if excess.is_some() || self.buffer.len() < HOLD => 0,
            0 => self.buffer.len(),
            whole => held + whole,
        };
        Poll::Ready(Ok(true))
    }
}

impl AsyncRead for Guard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.passed == 0 {
            if let Some(excess) = this.broken {
                return Poll::Ready(Err(io::Error::other(excess)));
            }
            if !ready!(this.poll_fill(cx))? {
                break;
            }
        }
        let give = this.passed.min(out.remaining());
        if let Some(bytes) = this.buffer.get(..give) {
            out.put_slice(bytes);
        }
        this.buffer.advance(give);
        this.passed -= give;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("received", &self.received).field("broken", &self.broken).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    fn guard() -> (Guard, DuplexStream) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        (Guard::new(Box::new(near), Bounds { literal: 100_000, line: 100_000, nesting: 8 }, Arc::default()), far)
    }

    /// What can be read now, without waiting.
    fn readable(guard: &mut Guard) -> Option<String> {
        let mut bytes = [0; 16 * 1024];
        let read = guard.read(&mut bytes).now_or_never()?.unwrap();
        Some(String::from_utf8(bytes[..read].to_vec()).unwrap())
    }

    #[tokio::test]
    async fn half_a_line_is_held_back_until_it_is_whole() {
        let (mut guard, mut server) = guard();
        server.write_all(b"* 1 EXISTS\r\n* ID (\"na").await.unwrap();
        assert_eq!(readable(&mut guard).as_deref(), Some("* 1 EXISTS\r\n"));
        assert_eq!(readable(&mut guard), None);
        server.write_all(b"me\" \"x\")\r\n+ half").await.unwrap();
        assert_eq!(readable(&mut guard).as_deref(), Some("* ID (\"name\" \"x\")\r\n"));
        drop(server);
        assert_eq!(readable(&mut guard).as_deref(), Some("+ half"));
        assert_eq!(readable(&mut guard).as_deref(), Some(""));
    }

    #[tokio::test]
    async fn a_literal_and_a_very_long_line_are_handed_on_as_they_come() {
        let (mut guard, mut server) = guard();
        server.write_all(b"* 1 FETCH (BODY[] {10}\r\nabc").await.unwrap();
        assert_eq!(readable(&mut guard).as_deref(), Some("* 1 FETCH (BODY[] {10}\r\nabc"));
        let line = format!("defghij)\r\n* SEARCH{}", " 1".repeat(HOLD));
        server.write_all(line.as_bytes()).await.unwrap();
        let mut got = String::new();
        while got.len() < line.len() {
            got.push_str(&readable(&mut guard).unwrap());
        }
        assert_eq!(got, line);
    }

    #[tokio::test]
    async fn what_came_before_a_broken_rule_is_still_read() {
        let (mut guard, mut server) = guard();
        server.write_all(b"* 1 EXISTS\r\n* 1 FETCH (BODY (((((((((((").await.unwrap();
        assert_eq!(readable(&mut guard).as_deref(), Some("* 1 EXISTS\r\n"));
        let error = guard.read(&mut [0; 10]).await.unwrap_err();
        assert!(error.get_ref().unwrap().downcast_ref::<Excess>().is_some());
        assert_eq!(guard.broken(), Some(Excess::Nesting));
    }
}
