//! A proxy that counts the bytes it carries, both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy; dropped, it is gone.
pub struct Counter {
    port: u16,
    bytes: Arc<AtomicU64>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Counter {
    /// Listens on a port of its own and carries every connection to `target`.
    pub fn start(target: u16) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a loopback port");
        let port = listener.local_addr().expect("its address").port();
        let bytes = Arc::new(AtomicU64::new(0));
        let total = Arc::clone(&bytes);
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, Arc::clone(&total)));
            }
        });
        Self { port, bytes, runtime: Some(runtime) }
    }

    /// The near end.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was carried since the last time this was asked.
    pub fn take(&self) -> u64 {
        self.bytes.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn carry(near: TcpStream, target: u16, total: Arc<AtomicU64>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(lane(near_in, far_out, &total), lane(far_in, near_out, &total));
}

async fn lane(mut input: OwnedReadHalf, mut output: OwnedWriteHalf, total: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = input.read(&mut buffer).await {
        total.fetch_add(length as u64, Ordering::SeqCst);
        if output.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    let _ = output.shutdown().await;
}
