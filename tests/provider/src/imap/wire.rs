//! Bytes in and out: lines, literals, and a count.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::Server;
use super::command::Part;

/// A socket, with TLS or without.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Larger literals in a command end the connection.
const LARGEST_LITERAL: usize = 1 << 20;

pub(crate) struct Wire {
    stream: BufReader<Box<dyn Io>>,
    /// What is read of a line so far: `line` may be cancelled and called again.
    partial: Vec<u8>,
    server: Arc<Server>,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Io>, server: Arc<Server>) -> Self {
        Self { stream: BufReader::new(stream), partial: Vec::new(), server }
    }

    /// The next line without its end; `None` when the client is gone.
    pub(crate) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.stream.read_until(b'\n', &mut self.partial).await?;
        if self.partial.last() != Some(&b'\n') {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.partial);
        line.pop();
        line.pop_if(|byte| *byte == b'\r');
        Ok(Some(line))
    }

    /// The rest of a command whose first line is this: its literals (RFC 3501 section 4.3, RFC 7888).
    pub(crate) async fn rest(&mut self, mut line: Vec<u8>) -> io::Result<Option<Vec<Part>>> {
        let mut parts = Vec::new();
        while let Some((text, length, waits)) = literal_at_end(&line) {
            if length > LARGEST_LITERAL {
                return Ok(None);
            }
            parts.push(Part::Text(text));
            if waits {
                self.send(b"+ go ahead\r\n").await?;
            }
            let mut literal = vec![0; length];
            self.stream.read_exact(&mut literal).await?;
            parts.push(Part::Literal(literal));
            let Some(next) = self.line().await? else { return Ok(None) };
            line = next;
        }
        parts.push(Part::Text(line));
        Ok(Some(parts))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.server.sent.fetch_add(u64::try_from(bytes.len()).unwrap_or(0), Ordering::Relaxed);
        self.stream.flush().await
    }

    /// Ends the connection properly.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Says nothing more until the client goes away.
    pub(crate) async fn wait_for_the_end(mut self) -> io::Result<()> {
        tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await.map(drop)
    }

    /// A line without end, until the client goes away.
    pub(crate) async fn endless_line(mut self) -> io::Result<()> {
        self.send(b"* OK ").await?;
        loop {
            self.send(&[b'a'; 16 * 1024]).await?;
        }
    }
}

/// `text {12}` or `text {12+}`: the text, the length, and whether the client waits to be told.
fn literal_at_end(line: &[u8]) -> Option<(Vec<u8>, usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let (text, digits) = inner.split_at_checked(open)?;
    let digits = std::str::from_utf8(digits.get(1..)?).ok()?;
    let length = digits.strip_suffix('+').unwrap_or(digits).parse().ok()?;
    Some((text.to_vec(), length, !digits.ends_with('+')))
}
