//! A stream that hands on only what the [`Scanner`] has let pass, line by line.
//!
//! Some of imap-proto's parsers (the answer to ID) fail on half a line instead of waiting for the rest, so a line is
//! held back until it is whole; a line too long for that is handed on in pieces.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::scan::{Bounds, Excess, Scanner};

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
}

impl Guard {
    pub(super) fn new(inner: Box<dyn Io>, bounds: Bounds) -> Self {
        let scanner = Scanner::new(bounds);
        Self { inner, scanner, buffer: BytesMut::new(), passed: 0, broken: None, received: 0 }
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
        let held = self.buffer.len();
        self.buffer.extend_from_slice(piece);
        let (whole, excess) = self.scanner.scan(piece);
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
