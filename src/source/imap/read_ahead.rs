//! A socket that is read far ahead without a buffer of its own: what is ahead is kept only until it is taken, so that a
//! connection on which nothing comes holds nothing.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes taken from the kernel at a time.
const SPAN: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The socket, and what has been read of it and not been taken yet.
pub(super) struct ReadAhead<S = TcpStream> {
    socket: S,
    ahead: Bytes,
}

impl<S> ReadAhead<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket, ahead: Bytes::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ahead.is_empty() {
            let read = SCRATCH.with_borrow_mut(|scratch| {
                scratch.resize(SPAN, 0);
                let mut read = ReadBuf::new(scratch);
                ready!(Pin::new(&mut this.socket).poll_read(cx, &mut read))?;
                let (now, later) = read.filled().split_at(read.filled().len().min(out.remaining()));
                out.put_slice(now);
                this.ahead = Bytes::copy_from_slice(later);
                Poll::Ready(Ok(()))
            });
            return read;
        }
        let now = this.ahead.split_to(this.ahead.len().min(out.remaining()));
        out.put_slice(&now);
        if !this.ahead.has_remaining() {
            this.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn every_byte_comes_once_and_in_order_and_none_is_kept_afterwards() {
        let (near, mut far) = tokio::io::duplex(2 * SPAN);
        let mut near = ReadAhead::new(near);
        let sent: Vec<u8> = (0..SPAN + 10_000).map(|n| (n % 251) as u8).collect();
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut got = Vec::new();
        let mut piece = [0; 1_000];
        loop {
            let read = near.read(&mut piece).await.unwrap();
            if read == 0 {
                break;
            }
            got.extend_from_slice(&piece[..read]);
        }
        assert_eq!(got, sent);
        assert!(near.ahead.is_empty());
    }
}
